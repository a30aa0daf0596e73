/* SPDX-License-Identifier: Apache-2.0 */
#include "uq_elementwise_s16.h"

/* The loops over all operands u and v. */
#define UQ_FOR_EACH_S16(broadcast, EXPRESSION)                                 \
    for (int32_t o = 0; o < (broadcast).outer; o++) {                          \
        const int32_t stride = (broadcast).b_inner_stride;                     \
        for (int32_t i = 0; i < (broadcast).inner; i++) {                      \
            const int32_t u = a[i];                                            \
            const int32_t v = b[i * stride];                                   \
            y[i] = (int16_t)(EXPRESSION);                                      \
        }                                                                      \
        a += (broadcast).inner;                                                \
        b += (broadcast).b_outer_stride;                                       \
        y += (broadcast).inner;                                                \
    }

static int32_t add(const uq_add_params *p, int32_t u, int32_t v)
{
    const int64_t sum = ((int64_t)u * p->multiplier_a +
                         (int64_t)v * p->multiplier_b + p->offset) >>
                        p->shift;
    if (sum < p->min)
        return p->min;
    return sum > p->max ? p->max : (int32_t)sum;
}

void uq_add_s16(const uq_add_params *params, const int16_t *a, const int16_t *b,
                int16_t *y)
{
    const uq_add_params p = *params;
    UQ_FOR_EACH_S16(p.broadcast, add(&p, u, v))
}

void uq_mul_s16(const uq_mul_params *params, const int16_t *a, const int16_t *b,
                int16_t *y)
{
    const uq_mul_params p = *params;
    UQ_FOR_EACH_S16(p.broadcast,
                    uq_requantize_to(&p.output, u * v, p.multiplier,
                                     (uint32_t)p.shift))
}

void uq_lut_s16(const int16_t *x, const int16_t *table, int32_t count,
                int16_t *y)
{
    for (int32_t n = 0; n < count; n++) {
        const int32_t u = x[n] + 32768;
        const int16_t *t = table + (u >> 7);
        y[n] = (int16_t)(t[0] + (((t[1] - t[0]) * (u & 127) + 64) >> 7));
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "uq_elementwise.h"

/*
 * The loops over all operands: EXPRESSION is the int32_t result for the
 * operands u and v.
 */
#define UQ_FOR_EACH(broadcast, EXPRESSION)                                     \
    for (int32_t o = 0; o < (broadcast).outer; o++) {                          \
        const int32_t stride = (broadcast).b_inner_stride;                     \
        for (int32_t i = 0; i < (broadcast).inner; i++) {                      \
            const int32_t u = a[i];                                            \
            const int32_t v = b[i * stride];                                   \
            y[i] = (int8_t)(EXPRESSION);                                       \
        }                                                                      \
        a += (broadcast).inner;                                                \
        b += (broadcast).b_outer_stride;                                       \
        y += (broadcast).inner;                                                \
    }

void uq_add_s8(const uq_add_params *params, const int8_t *a, const int8_t *b,
               int8_t *y)
{
    const uq_add_params p = *params;
    UQ_FOR_EACH(p.broadcast,
                uq_clamp((u * p.multiplier_a + v * p.multiplier_b + p.offset) >>
                             p.shift,
                         p.min, p.max))
}

void uq_mul_s8(const uq_mul_params *params, const int8_t *a, const int8_t *b,
               int8_t *y)
{
    const uq_mul_params p = *params;
    UQ_FOR_EACH(p.broadcast,
                uq_requantize_to(&p.output, (u - p.zero_a) * (v - p.zero_b),
                                 p.multiplier, (uint32_t)p.shift))
}

void uq_add_rounded_s8(const uq_add_rounded_params *params, const int8_t *a,
                       const int8_t *b, int8_t *y)
{
    const uq_add_rounded_params p = *params;
    UQ_FOR_EACH(p.broadcast,
                uq_clamp(p.output.zero_point +
                             uq_requantize(u - p.zero_a, p.multiplier_a,
                                           (uint32_t)p.shift_a,
                                           UQ_ROUNDING_SINGLE) +
                             p.sign_b * uq_requantize(v - p.zero_b,
                                                      p.multiplier_b,
                                                      (uint32_t)p.shift_b,
                                                      UQ_ROUNDING_SINGLE),
                         p.output.min, p.output.max))
}

void uq_min_s8(const uq_extremum_params *params, const int8_t *a,
               const int8_t *b, int8_t *y)
{
    const uq_extremum_params p = *params;
    UQ_FOR_EACH(p.broadcast, uq_clamp(u < v ? u : v, p.min, p.max))
}

void uq_max_s8(const uq_extremum_params *params, const int8_t *a,
               const int8_t *b, int8_t *y)
{
    const uq_extremum_params p = *params;
    UQ_FOR_EACH(p.broadcast, uq_clamp(u > v ? u : v, p.min, p.max))
}

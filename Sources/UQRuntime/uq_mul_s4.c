/* SPDX-License-Identifier: Apache-2.0 */
#include "uq_mul_s4.h"

#include "uq_nibbles.h"

static int32_t product(const uq_mul_params *p, int32_t a, int32_t b)
{
    return uq_requantize_to(&p->output, (a - p->zero_a) * (b - p->zero_b),
                            p->multiplier, (uint32_t)p->shift);
}

void uq_mul_s4(const uq_mul_params *params, int32_t a_bits, int32_t b_bits,
               int32_t y_bits, const void *a, const void *b, void *y)
{
    const uq_mul_params p = *params;
    const int32_t inner = p.broadcast.inner;
    const int32_t a_step = uq_pixel_bytes(inner, a_bits);
    const int32_t y_step = uq_pixel_bytes(inner, y_bits);
    int32_t b_step = p.broadcast.b_outer_stride;
    const uint8_t *from_a = a;
    const uint8_t *from_b = b;
    uint8_t *to = y;
    if (b_bits == 4 && b_step != 0)
        b_step = uq_pixel_bytes(inner, 4);
    for (int32_t o = 0; o < p.broadcast.outer; o++) {
        for (int32_t c = 0; c < inner; c += 2) {
            const int32_t count = inner - c;
            int32_t u[2], v[2];
            uq_load_pair(from_a, c, a_bits, count, u);
            if (p.broadcast.b_inner_stride != 0) {
                uq_load_pair(from_b, c, b_bits, count, v);
            } else {
                v[0] = ((const int8_t *)from_b)[0];
                v[1] = v[0];
            }
            uq_store_pair(to, c, y_bits, count, product(&p, u[0], v[0]),
                          product(&p, u[1], v[1]));
        }
        from_a += a_step;
        from_b += b_step;
        to += y_step;
    }
}

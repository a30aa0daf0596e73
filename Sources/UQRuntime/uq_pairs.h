/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_PAIRS_H
#define UQ_PAIRS_H

#include "uq_elementwise.h"
#include "uq_nibbles.h"

/*
 * The loops of a kernel of two operands of 4 or 8 bits each, as uq_add_s4.h
 * says: EXPRESSION is the int32_t result for the operands u and v.
 */
#define UQ_FOR_EACH_PAIR(broadcast, EXPRESSION)                                \
    {                                                                          \
        const int32_t inner = (broadcast).inner;                               \
        const int32_t b_stride = (broadcast).b_inner_stride;                   \
        const int32_t a_step = uq_pixel_bytes(inner, a_bits);                  \
        const int32_t y_step = uq_pixel_bytes(inner, y_bits);                  \
        int32_t b_step = (broadcast).b_outer_stride;                           \
        const uint8_t *from_a = a;                                             \
        const uint8_t *from_b = b;                                             \
        uint8_t *to = y;                                                       \
        if (b_bits == 4 && b_step != 0)                                        \
            b_step = uq_pixel_bytes(inner, 4);                                 \
        for (int32_t o = 0; o < (broadcast).outer; o++) {                      \
            for (int32_t c = 0; c < inner; c += 2) {                           \
                const int32_t count = inner - c;                               \
                int32_t us[2], vs[2], results[2];                              \
                uq_load_pair(from_a, c, a_bits, count, us);                    \
                if (b_stride != 0) {                                           \
                    uq_load_pair(from_b, c, b_bits, count, vs);                \
                } else {                                                       \
                    vs[0] = ((const int8_t *)from_b)[0];                       \
                    vs[1] = vs[0];                                             \
                }                                                              \
                {                                                              \
                    const int32_t u = us[0];                                   \
                    const int32_t v = vs[0];                                   \
                    results[0] = (EXPRESSION);                                 \
                }                                                              \
                {                                                              \
                    const int32_t u = us[1];                                   \
                    const int32_t v = vs[1];                                   \
                    results[1] = (EXPRESSION);                                 \
                }                                                              \
                uq_store_pair(to, c, y_bits, count, results[0], results[1]);   \
            }                                                                  \
            from_a += a_step;                                                  \
            from_b += b_step;                                                  \
            to += y_step;                                                      \
        }                                                                      \
    }

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_DOT_BODY_H
#define UQ_DOT_BODY_H

#include "uq_width.h"

/*
 * acc[0] += w0 . x0, acc[1] += w1 . x0, acc[2] += w0 . x1, acc[3] += w1 . x1:
 * two rows of `count` packed weights by two vectors. Four products for four
 * loads, and everything stays in the registers of a Cortex-M. A product of two
 * bytes fits an int of 16 bits, which is all that an AVR multiplies at once.
 */
static inline void uq_dot_2x2(const uq_weight *w0, const uq_weight *w1,
                              const int8_t *x0, const int8_t *x1, int32_t count,
                              int32_t acc[4])
{
    int32_t a0 = acc[0], a1 = acc[1], a2 = acc[2], a3 = acc[3];
    for (int32_t groups = count >> 3; groups > 0; groups--) {
        const uint32_t g0 = uq_group8(w0);
        const uint32_t g1 = uq_group8(w1);
#define UQ_STEP(i)                                                             \
    {                                                                          \
        const int v0 = (int)uq_group_weight(g0, w0, i);                        \
        const int v1 = (int)uq_group_weight(g1, w1, i);                        \
        const int u0 = x0[i];                                                  \
        const int u1 = x1[i];                                                  \
        a0 += v0 * u0;                                                         \
        a1 += v1 * u0;                                                         \
        a2 += v0 * u1;                                                         \
        a3 += v1 * u1;                                                         \
    }
        UQ_STEP(0)
        UQ_STEP(1)
        UQ_STEP(2)
        UQ_STEP(3)
        UQ_STEP(4)
        UQ_STEP(5)
        UQ_STEP(6)
        UQ_STEP(7)
#undef UQ_STEP
        w0 += UQ_WEIGHT_BITS;
        w1 += UQ_WEIGHT_BITS;
        x0 += 8;
        x1 += 8;
    }
    for (int32_t k = 0; k < (count & 7); k++) {
        const int v0 = (int)uq_weight_at(w0, k);
        const int v1 = (int)uq_weight_at(w1, k);
        a0 += v0 * x0[k];
        a1 += v1 * x0[k];
        a2 += v0 * x1[k];
        a3 += v1 * x1[k];
    }
    acc[0] = a0;
    acc[1] = a1;
    acc[2] = a2;
    acc[3] = a3;
}

/* acc[0] += w0 . x, acc[1] += w1 . x. */
static inline void uq_dot_2x1(const uq_weight *w0, const uq_weight *w1,
                              const int8_t *x, int32_t count, int32_t acc[2])
{
    int32_t a0 = acc[0], a1 = acc[1];
    for (int32_t groups = count >> 3; groups > 0; groups--) {
        const uint32_t g0 = uq_group8(w0);
        const uint32_t g1 = uq_group8(w1);
#define UQ_STEP(i)                                                             \
    {                                                                          \
        const int u = x[i];                                                    \
        a0 += (int)uq_group_weight(g0, w0, i) * u;                             \
        a1 += (int)uq_group_weight(g1, w1, i) * u;                             \
    }
        UQ_STEP(0)
        UQ_STEP(1)
        UQ_STEP(2)
        UQ_STEP(3)
        UQ_STEP(4)
        UQ_STEP(5)
        UQ_STEP(6)
        UQ_STEP(7)
#undef UQ_STEP
        w0 += UQ_WEIGHT_BITS;
        w1 += UQ_WEIGHT_BITS;
        x += 8;
    }
    for (int32_t k = 0; k < (count & 7); k++) {
        a0 += (int)uq_weight_at(w0, k) * x[k];
        a1 += (int)uq_weight_at(w1, k) * x[k];
    }
    acc[0] = a0;
    acc[1] = a1;
}

#endif

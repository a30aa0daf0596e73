/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_SOFTMAX_H
#define UQ_SOFTMAX_H

#include <stdint.h>

/* Softmax over the last axis of [rows, depth], in integers only. */
typedef struct {
    /* At least 1. */
    int32_t rows;
    /* 1..65536. */
    int32_t depth;
    /*
     * beta * in_scale * log2(e) * 2^26 = multiplier / 2^shift, multiplier in
     * [2^30, 2^31), 0 <= shift <= 62. A product of 2^31 or more (beta *
     * in_scale above 22) is given as multiplier = 2^31 - 1, shift = 0: all but
     * the largest element are then 0 in either case.
     */
    int32_t multiplier, shift;
} uq_softmax_params;

/*
 * y = softmax(beta * in_scale * x), scale 1/256, zero point -128, clamped to
 * 127. Within 0.52 of the exact value, in units of y (rounding takes 0.5).
 *
 * x  [rows, depth]; its zero point cancels out
 * y  [rows, depth]; may be x
 */
void uq_softmax_s8(const uq_softmax_params *params, const int8_t *x, int8_t *y);

/* The same for int16 inputs; y may be at the address of x. */
void uq_softmax_s16_s8(const uq_softmax_params *params, const int16_t *x,
                       int8_t *y);

#endif

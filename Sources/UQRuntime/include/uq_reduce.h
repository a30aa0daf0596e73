/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_REDUCE_H
#define UQ_REDUCE_H

#include "uq_requantize.h"

/* Reduction of [outer, reduce, inner] to [outer, inner]; all at least 1. */
typedef struct {
    int32_t outer, reduce, inner;
    /* Sum: integer of the real value 0 in the input, -128..127. */
    int32_t in_zero_point;
    /*
     * Sum: in_scale / out_scale, for a mean / (out_scale * reduce), as for
     * uq_requantize; 1 <= shift <= 62.
     */
    int32_t multiplier, shift;
    /*
     * Sum: zero point, clamp and rounding of the output; int8. Max and min:
     * input and output have one scale and zero point; only min and max are
     * used.
     */
    uq_output output;
} uq_reduce_params;

/*
 * y = clamp(zero_point + requantize(sum of x - reduce * in_zero_point, m, s)).
 * The sum of at most 2^23 elements fits.
 *
 * x  [outer, reduce, inner]
 * y  [outer, inner]; does not overlap x
 */
void uq_reduce_sum_s8(const uq_reduce_params *params, const int8_t *x,
                      int8_t *y);

/* y = clamp(largest x); operands as above. */
void uq_reduce_max_s8(const uq_reduce_params *params, const int8_t *x,
                      int8_t *y);

/* y = clamp(smallest x); operands as above. */
void uq_reduce_min_s8(const uq_reduce_params *params, const int8_t *x,
                      int8_t *y);

#endif

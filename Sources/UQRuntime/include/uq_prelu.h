/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_PRELU_H
#define UQ_PRELU_H

#include "uq_requantize.h"

/* Rectifier with a slope for each channel, [pixels, channels]. */
typedef struct {
    int32_t pixels, channels;
    /* Integer of the real value 0 in the input, -128..127. */
    int32_t in_zero_point;
    /* in_scale / out_scale, for inputs at or above 0; 1 <= shift <= 62. */
    int32_t multiplier, shift;
    /* Zero point, clamp and rounding of the output; int8. */
    uq_output output;
} uq_prelu_params;

/*
 * With d = x - in_zero_point:
 *   y = clamp(zero_point + requantize(d, multiplier, shift))  where d >= 0,
 *   y = clamp(zero_point + requantize(d, multipliers[c], shifts[c]))  else.
 *
 * x, y         [pixels, channels]; y may be x
 * multipliers  [channels], slope[c] * in_scale / out_scale, signed
 * shifts       [channels]
 */
void uq_prelu_s8(const uq_prelu_params *params, const int8_t *x,
                 const int32_t *multipliers, const uint8_t *shifts, int8_t *y);

#endif

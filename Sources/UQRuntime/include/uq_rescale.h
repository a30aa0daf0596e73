/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_RESCALE_H
#define UQ_RESCALE_H

#include "uq_requantize.h"

/* From one scale and zero point to another. */
typedef struct {
    int32_t count;
    /* Integer of the real value 0 in the input, within its type. */
    int32_t in_zero_point;
    /* in_scale / out_scale, as for uq_requantize; 1 <= shift <= 62. */
    int32_t multiplier, shift;
    /* Zero point, clamp and rounding of the output, within its type. */
    uq_output output;
} uq_rescale_params;

/*
 * y = clamp(zero_point + requantize(x - in_zero_point, multiplier, shift)).
 *
 * x, y  [count]; y may be x
 */
void uq_rescale_s8(const uq_rescale_params *params, const int8_t *x, int8_t *y);

/* From int16 to int8; y may be at the address of x. */
void uq_rescale_s16_s8(const uq_rescale_params *params, const int16_t *x,
                       int8_t *y);

/* From int8 to int16; x and y do not overlap. */
void uq_rescale_s8_s16(const uq_rescale_params *params, const int8_t *x,
                       int16_t *y);

/* From int16 to int16; y may be x. */
void uq_rescale_s16(const uq_rescale_params *params, const int16_t *x,
                    int16_t *y);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_ELEMENTWISE_S16_H
#define UQ_ELEMENTWISE_S16_H

#include "uq_elementwise.h"

/*
 * uq_add_s8 for int16 tensors whose zero points are 0. The exporter takes the
 * largest shift <= 30 for which multiplier_a = round(scale_a / scale_y *
 * 2^shift) and multiplier_b are below 2^31; the offset is 2^(shift-1); the sum
 * is int64.
 */
void uq_add_s16(const uq_add_params *params, const int16_t *a, const int16_t *b,
                int16_t *y);

/* uq_mul_s8 for int16 tensors whose zero points are 0. */
void uq_mul_s16(const uq_mul_params *params, const int16_t *a, const int16_t *b,
                int16_t *y);

/*
 * Any function of an int16 tensor by a table of 513 points, linear in between:
 * with u = x + 32768, i = u / 128 and f = u % 128,
 *
 *   y = t[i] + floor(((t[i+1] - t[i]) * f + 64) / 128).
 *
 * x, y   [count]; y may be x
 * table  [513]: the results for -32768, -32640, ..., 32768
 */
void uq_lut_s16(const int16_t *x, const int16_t *table, int32_t count,
                int16_t *y);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_ELEMENTWISE_H
#define UQ_ELEMENTWISE_H

#include "uq_requantize.h"

/*
 * How the second operand is spread over the first, whose elements are seen as
 * [outer, inner]: element (o, i) meets b[o * b_outer_stride +
 * i * b_inner_stride]. For images [H, W, C]:
 *
 *                outer  inner  b_outer_stride  b_inner_stride
 *   same shape   1      H*W*C  0               1
 *   channel [C]  H*W    C      0               1
 *   pixel [H,W]  H*W    C      1               0
 *   scalar       1      H*W*C  0               0
 */
typedef struct {
    int32_t outer, inner;
    int32_t b_outer_stride, b_inner_stride;
} uq_broadcast;

/*
 * Sum or difference of two tensors with scales of their own. The exporter
 * takes the largest shift <= 30 for which
 *   multiplier_a = round(scale_a / scale_y * 2^shift), b likewise (negative
 *   for a difference), and
 *   offset = (zero_y << shift) + 2^(shift-1) - zero_a * multiplier_a
 *            - zero_b * multiplier_b
 * keep 128 * |multiplier_a| + 128 * |multiplier_b| + |offset| < 2^31.
 */
typedef struct {
    uq_broadcast broadcast;
    int32_t multiplier_a, multiplier_b;
    int32_t offset;
    /* 1..30. */
    int32_t shift;
    /* Clamp of the output, within int8. */
    int32_t min, max;
} uq_add_params;

/*
 * y = clamp((a * multiplier_a + b * multiplier_b + offset) >> shift): one
 * rounding, ties upward, whatever rounding the rest of the model uses.
 *
 * a, y  [outer * inner]; y may be a, and may be b where b has a's shape
 * b     as the broadcast says
 */
void uq_add_s8(const uq_add_params *params, const int8_t *a, const int8_t *b,
               int8_t *y);

/* Product of two tensors. */
typedef struct {
    uq_broadcast broadcast;
    /* Integers of the real value 0, -128..127. */
    int32_t zero_a, zero_b;
    /* scale_a * scale_b / scale_y, as for uq_requantize; 1 <= shift <= 62. */
    int32_t multiplier, shift;
    /* Zero point, clamp and rounding of the output; int8. */
    uq_output output;
} uq_mul_params;

/*
 * y = clamp(zero_point + requantize((a - zero_a) * (b - zero_b), m, s)).
 * Operands and aliasing as for uq_add_s8.
 */
void uq_mul_s8(const uq_mul_params *params, const int8_t *a, const int8_t *b,
               int8_t *y);

/*
 * Sum or difference of two tensors that are each brought to the result's scale
 * with a rounding of their own, as QNN networks are defined.
 */
typedef struct {
    uq_broadcast broadcast;
    /* Integers of the real value 0, -128..127. */
    int32_t zero_a, zero_b;
    /* scale_a / scale_y as for uq_requantize, UQ_ROUNDING_SINGLE. */
    int32_t multiplier_a, shift_a;
    /* scale_b / scale_y, likewise. */
    int32_t multiplier_b, shift_b;
    /* 1 for a sum, -1 for a difference. */
    int32_t sign_b;
    /* Zero point and clamp of the output; its rounding is not used. */
    uq_output output;
} uq_add_rounded_params;

/*
 * y = clamp(zero_point + requantize(a - zero_a, ma, sa)
 *           + sign_b * requantize(b - zero_b, mb, sb)).
 * Operands and aliasing as for uq_add_s8.
 */
void uq_add_rounded_s8(const uq_add_rounded_params *params, const int8_t *a,
                       const int8_t *b, int8_t *y);

/* Smaller or larger of two tensors that have one scale and zero point. */
typedef struct {
    uq_broadcast broadcast;
    /* Clamp of the output, within int8. */
    int32_t min, max;
} uq_extremum_params;

/* y = clamp(min(a, b)); operands and aliasing as for uq_add_s8. */
void uq_min_s8(const uq_extremum_params *params, const int8_t *a,
               const int8_t *b, int8_t *y);

/* y = clamp(max(a, b)); operands and aliasing as for uq_add_s8. */
void uq_max_s8(const uq_extremum_params *params, const int8_t *a,
               const int8_t *b, int8_t *y);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_MOVE_H
#define UQ_MOVE_H

#include <stdint.h>

/*
 * Kernels that move elements without changing them. No operand overlaps
 * another; an in-place concatenation or slice is the planner's business and
 * needs no kernel.
 */

/* A block of rows, for concatenation, split and slice. */
typedef struct {
    /* Rows, and bytes copied from each. */
    int32_t rows, row_bytes;
    /* Bytes from a row to the next. */
    int32_t source_stride, target_stride;
    /* Bytes from the operands' addresses to their first rows. */
    int32_t source_offset, target_offset;
} uq_copy_2d_params;

/*
 * Copies row_bytes bytes from source + source_offset + r * source_stride to
 * target + target_offset + r * target_stride, r in 0..rows-1.
 */
void uq_copy_2d(const uq_copy_2d_params *params, const void *source,
                void *target);

/* Constant padding along up to 4 axes; unused axes have size 1 in front. */
typedef struct {
    /* Sizes of the input. */
    int32_t sizes[4];
    /* Elements added in front of and behind each axis; at least 0. */
    int32_t before[4], after[4];
    /* 1 or 2. */
    int32_t element_bytes;
    /* What is added, usually the zero point; within the element's type. */
    int32_t value;
} uq_pad_params;

/*
 * source  [sizes[0], ..., sizes[3]]
 * target  [before[i] + sizes[i] + after[i]]
 * Both are aligned to their element.
 */
void uq_pad(const uq_pad_params *params, const void *source, void *target);

/* Permutation of up to 4 axes; unused axes have size 1 in front. */
typedef struct {
    /* Sizes of the input. */
    int32_t sizes[4];
    /* Axis i of the output is axis permutation[i] of the input. */
    int32_t permutation[4];
    /* 1 or 2. */
    int32_t element_bytes;
} uq_transpose_params;

/*
 * source  [sizes[0], ..., sizes[3]]
 * target  [sizes[permutation[0]], ..., sizes[permutation[3]]]
 * Both are aligned to their element.
 */
void uq_transpose(const uq_transpose_params *params, const void *source,
                  void *target);

/* Enlargement by whole factors, nearest neighbour. */
typedef struct {
    int32_t in_h, in_w;
    /* Bytes of a pixel: channels times bytes of an element. */
    int32_t pixel_bytes;
    /* At least 1. */
    int32_t factor_h, factor_w;
} uq_resize_nearest_params;

/*
 * target[y][x] = source[y / factor_h][x / factor_w].
 *
 * source  [in_h, in_w, pixel_bytes]
 * target  [in_h * factor_h, in_w * factor_w, pixel_bytes]
 */
void uq_resize_nearest(const uq_resize_nearest_params *params,
                       const void *source, void *target);

#endif

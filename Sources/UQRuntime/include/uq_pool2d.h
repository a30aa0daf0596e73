/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_POOL2D_H
#define UQ_POOL2D_H

#include "uq_requantize.h"

/*
 * 2-D pooling of int8 images [H, W, C], batch 1. Global pooling is a window as
 * large as the image. All sizes are at least 1. No scratch is needed.
 */
typedef struct {
    /* Input image [in_h, in_w, channels]. */
    int32_t in_h, in_w;
    /* Output image [out_h, out_w, channels]. */
    int32_t out_h, out_w;
    int32_t channels;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t dilation_h, dilation_w;
    /* Padding above and to the left; below and to the right it follows. */
    int32_t pad_top, pad_left;
    /* Integer of the real value 0 in the input; not used by max pooling. */
    int32_t in_zero_point;
    /*
     * Average pooling: 1, the divisor is the same for every window (taps in
     * the padding count as real zeros); 0, only taps in the image count.
     */
    int32_t count_include_pad;
    /*
     * Average pooling: zero point, clamp and rounding of the output; int8.
     * Max pooling: input and output have one scale and zero point; only min
     * and max are used.
     */
    uq_output output;
} uq_pool2d_params;

/*
 * One output row: y = clamp(max over the taps inside of the image, min, max).
 * A window without any tap inside gives min.
 *
 * rows        [kernel_h] pointers to input rows [in_w, channels], the topmost
 *             tap first; null for a row outside of the image (a row of zero
 *             points would count as data)
 * output_row  [out_w, channels]; does not overlap the rows
 */
void uq_max_pool2d_row_s8(const uq_pool2d_params *params,
                          const int8_t *const *rows, int8_t *output_row);

/* A whole image: input [in_h, in_w, channels], no overlap with output. */
void uq_max_pool2d_s8(const uq_pool2d_params *params, const int8_t *input,
                      int8_t *output);

/*
 * One output row: with n taps inside of the image,
 *   y = clamp(zero_point + requantize(sum of x - n * in_zero_point, m, s)),
 * where m / 2^s = in_scale / (out_scale * divisor). The division is part of
 * the multiplier, so the result is rounded once.
 *
 * rows         as for max pooling
 * multipliers  count_include_pad = 1: one element, for the divisor
 *              kernel_h * kernel_w (or whatever the model divides by);
 *              count_include_pad = 0: [kernel_h * kernel_w], element n - 1 for
 *              the divisor n
 * shifts       as many as multipliers
 * output_row   [out_w, channels]; does not overlap the rows
 *
 * A window without any tap inside gives the clamped zero point. The sum is at
 * most 255 * kernel_h * kernel_w: it fits for windows below 2^23 taps.
 */
void uq_avg_pool2d_row_s8(const uq_pool2d_params *params,
                          const int8_t *const *rows, const int32_t *multipliers,
                          const uint8_t *shifts, int8_t *output_row);

/* A whole image: input [in_h, in_w, channels], no overlap with output. */
void uq_avg_pool2d_s8(const uq_pool2d_params *params, const int8_t *input,
                      const int32_t *multipliers, const uint8_t *shifts,
                      int8_t *output);

/* uq_avg_pool2d_s8 with int16 outputs, for a classifier that reads int16. */
void uq_avg_pool2d_s8_s16(const uq_pool2d_params *params, const int8_t *input,
                          const int32_t *multipliers, const uint8_t *shifts,
                          int16_t *output);

#endif

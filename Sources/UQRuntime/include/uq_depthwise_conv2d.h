/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_DEPTHWISE_CONV2D_H
#define UQ_DEPTHWISE_CONV2D_H

#include <stddef.h>

#include "uq_requantize.h"
#include "uq_weights.h"

/*
 * 2-D convolution of each channel by itself, int8 images [H, W, C], batch 1.
 * All sizes are at least 1.
 */
typedef struct {
    /* Input image [in_h, in_w, in_c]. */
    int32_t in_h, in_w, in_c;
    /* Output image [out_h, out_w, in_c * channel_multiplier]. */
    int32_t out_h, out_w;
    /* Output channel o reads input channel o / channel_multiplier. */
    int32_t channel_multiplier;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t dilation_h, dilation_w;
    /* Padding above and to the left; below and to the right it follows. */
    int32_t pad_top, pad_left;
    /* Integer of the real value 0 in the input, -128..127. */
    int32_t in_zero_point;
    /* Zero point, clamp and rounding of the output; int8. */
    uq_output output;
} uq_depthwise_conv2d_params;

/* Bytes of scratch: in_c, a pixel of padding. No alignment needed. */
static inline int32_t
uq_depthwise_conv2d_scratch_bytes(const uq_depthwise_conv2d_params *params)
{
    return params->in_c;
}

/*
 * One output row from the input rows that it reads.
 *
 * rows         [kernel_h] pointers to input rows [in_w, in_c], the topmost tap
 *              first; a padding row is a null pointer or points to a row
 *              filled with in_zero_point
 * weights      [kernel_h * kernel_w] rows, one for each tap, of [out_c]
 *              weights, packed as uq_weights.h says
 * bias         [out_c], in_zero_point folded in: b - in_zero_point * sum(w)
 * multipliers  [out_c], signed, as for uq_requantize; null where rounding is
 *              UQ_ROUNDING_SHIFT and all are positive
 * shifts       [out_c]
 * output_row   [out_w, out_c]; does not overlap anything that is read
 * scratch      uq_depthwise_conv2d_scratch_bytes(params)
 *
 * The exporter proves |bias[o]| + 128 * sum over taps of |w[tap][o]| < 2^31.
 */
void uq_depthwise_conv2d_row_s8(const uq_depthwise_conv2d_params *params,
                                const int8_t *const *rows,
                                const int8_t *weights, const int32_t *bias,
                                const int32_t *multipliers,
                                const uint8_t *shifts, int8_t *output_row,
                                int8_t *scratch);
void uq_depthwise_conv2d_row_s8_w4(const uq_depthwise_conv2d_params *params,
                                   const int8_t *const *rows,
                                   const uint8_t *weights, const int32_t *bias,
                                   const int32_t *multipliers,
                                   const uint8_t *shifts, int8_t *output_row,
                                   int8_t *scratch);
void uq_depthwise_conv2d_row_s8_w3(const uq_depthwise_conv2d_params *params,
                                   const int8_t *const *rows,
                                   const uint8_t *weights, const int32_t *bias,
                                   const int32_t *multipliers,
                                   const uint8_t *shifts, int8_t *output_row,
                                   int8_t *scratch);
void uq_depthwise_conv2d_row_s8_w2(const uq_depthwise_conv2d_params *params,
                                   const int8_t *const *rows,
                                   const uint8_t *weights, const int32_t *bias,
                                   const int32_t *multipliers,
                                   const uint8_t *shifts, int8_t *output_row,
                                   int8_t *scratch);
void uq_depthwise_conv2d_row_s8_w1(const uq_depthwise_conv2d_params *params,
                                   const int8_t *const *rows,
                                   const uint8_t *weights, const int32_t *bias,
                                   const int32_t *multipliers,
                                   const uint8_t *shifts, int8_t *output_row,
                                   int8_t *scratch);

/*
 * A whole layer: the rows above for an image in one piece.
 *
 * input   [in_h, in_w, in_c]
 * output  [out_h, out_w, out_c]; does not overlap the input
 */
void uq_depthwise_conv2d_s8(const uq_depthwise_conv2d_params *params,
                            const int8_t *input, const int8_t *weights,
                            const int32_t *bias, const int32_t *multipliers,
                            const uint8_t *shifts, int8_t *output,
                            int8_t *scratch);
void uq_depthwise_conv2d_s8_w4(const uq_depthwise_conv2d_params *params,
                               const int8_t *input, const uint8_t *weights,
                               const int32_t *bias, const int32_t *multipliers,
                               const uint8_t *shifts, int8_t *output,
                               int8_t *scratch);
void uq_depthwise_conv2d_s8_w3(const uq_depthwise_conv2d_params *params,
                               const int8_t *input, const uint8_t *weights,
                               const int32_t *bias, const int32_t *multipliers,
                               const uint8_t *shifts, int8_t *output,
                               int8_t *scratch);
void uq_depthwise_conv2d_s8_w2(const uq_depthwise_conv2d_params *params,
                               const int8_t *input, const uint8_t *weights,
                               const int32_t *bias, const int32_t *multipliers,
                               const uint8_t *shifts, int8_t *output,
                               int8_t *scratch);
void uq_depthwise_conv2d_s8_w1(const uq_depthwise_conv2d_params *params,
                               const int8_t *input, const uint8_t *weights,
                               const int32_t *bias, const int32_t *multipliers,
                               const uint8_t *shifts, int8_t *output,
                               int8_t *scratch);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_CONV2D_H
#define UQ_CONV2D_H

#include <stddef.h>

#include "uq_requantize.h"
#include "uq_weights.h"

/*
 * 2-D convolution of int8 images [H, W, C], batch 1. A 1-D convolution is one
 * with kernel_h = in_h = 1. All sizes are at least 1.
 */
typedef struct {
    /* Input image [in_h, in_w, in_c]. */
    int32_t in_h, in_w, in_c;
    /* Output image [out_h, out_w, out_c]. */
    int32_t out_h, out_w, out_c;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    /* Distance of neighbouring taps; 1 for a dense kernel. */
    int32_t dilation_h, dilation_w;
    /*
     * Padding above and to the left. What is below and to the right follows
     * from out_h and out_w: every tap outside of the image reads the input's
     * zero point.
     */
    int32_t pad_top, pad_left;
    /* Divides in_c and out_c; group g maps its in_c/groups to out_c/groups. */
    int32_t groups;
    /* Integer of the real value 0 in the input, -128..127. */
    int32_t in_zero_point;
    /* Zero point, clamp and rounding of the output; int8. */
    uq_output output;
} uq_conv2d_params;

/* Weights in a row: what one output channel reads. */
static inline int32_t uq_conv2d_depth(const uq_conv2d_params *params)
{
    return params->kernel_h * params->kernel_w *
           (params->in_c / params->groups);
}

/*
 * 1 where every pixel's inputs lie side by side in one row of the image: they
 * are then read in place. 0 where they must be gathered into scratch.
 */
static inline int32_t uq_conv2d_is_direct(const uq_conv2d_params *params)
{
    const int32_t last_w = (params->out_w - 1) * params->stride_w -
                           params->pad_left +
                           (params->kernel_w - 1) * params->dilation_w;
    const int32_t last_h =
        (params->out_h - 1) * params->stride_h - params->pad_top;
    return params->kernel_h == 1 && params->pad_top == 0 &&
           params->pad_left == 0 && last_w < params->in_w &&
           last_h < params->in_h &&
           (params->kernel_w == 1 ||
            (params->dilation_w == 1 && params->groups == 1));
}

/*
 * Bytes of scratch: 0 where uq_conv2d_is_direct, else
 * min(2, out_w) * kernel_h * kernel_w * in_c / groups. No alignment needed.
 */
static inline int32_t uq_conv2d_scratch_bytes(const uq_conv2d_params *params)
{
    if (uq_conv2d_is_direct(params))
        return 0;
    return (params->out_w > 1 ? 2 : 1) * uq_conv2d_depth(params);
}

/*
 * One output row from the input rows that it reads.
 *
 * rows         [kernel_h] pointers to input rows [in_w, in_c], the topmost tap
 *              first (dilation_h and stride_h are the caller's business); a
 *              padding row is a null pointer or points to a row filled with
 *              in_zero_point; there is none where uq_conv2d_is_direct
 * weights      [out_c] rows of [kernel_h][kernel_w][in_c/groups], packed as
 *              uq_weights.h says
 * bias         [out_c], in_zero_point folded in: b - in_zero_point * sum(w)
 * multipliers  [out_c], signed, as for uq_requantize; null where rounding is
 *              UQ_ROUNDING_SHIFT and all are positive
 * shifts       [out_c]
 * output_row   [out_w, out_c]; does not overlap anything that is read
 * scratch      uq_conv2d_scratch_bytes(params); may be null where that is 0
 *
 * The exporter proves |bias[o]| + 128 * sum over k of |w[o][k]| < 2^31 for
 * each output channel o, so no partial sum overflows.
 */
void uq_conv2d_row_s8(const uq_conv2d_params *params, const int8_t *const *rows,
                      const int8_t *weights, const int32_t *bias,
                      const int32_t *multipliers, const uint8_t *shifts,
                      int8_t *output_row, int8_t *scratch);
void uq_conv2d_row_s8_w4(const uq_conv2d_params *params,
                         const int8_t *const *rows, const uint8_t *weights,
                         const int32_t *bias, const int32_t *multipliers,
                         const uint8_t *shifts, int8_t *output_row,
                         int8_t *scratch);
void uq_conv2d_row_s8_w3(const uq_conv2d_params *params,
                         const int8_t *const *rows, const uint8_t *weights,
                         const int32_t *bias, const int32_t *multipliers,
                         const uint8_t *shifts, int8_t *output_row,
                         int8_t *scratch);
void uq_conv2d_row_s8_w2(const uq_conv2d_params *params,
                         const int8_t *const *rows, const uint8_t *weights,
                         const int32_t *bias, const int32_t *multipliers,
                         const uint8_t *shifts, int8_t *output_row,
                         int8_t *scratch);
void uq_conv2d_row_s8_w1(const uq_conv2d_params *params,
                         const int8_t *const *rows, const uint8_t *weights,
                         const int32_t *bias, const int32_t *multipliers,
                         const uint8_t *shifts, int8_t *output_row,
                         int8_t *scratch);

/*
 * A whole layer: the rows above for an image in one piece.
 *
 * input   [in_h, in_w, in_c]
 * output  [out_h, out_w, out_c]; does not overlap the input
 */
void uq_conv2d_s8(const uq_conv2d_params *params, const int8_t *input,
                  const int8_t *weights, const int32_t *bias,
                  const int32_t *multipliers, const uint8_t *shifts,
                  int8_t *output, int8_t *scratch);
void uq_conv2d_s8_w4(const uq_conv2d_params *params, const int8_t *input,
                     const uint8_t *weights, const int32_t *bias,
                     const int32_t *multipliers, const uint8_t *shifts,
                     int8_t *output, int8_t *scratch);
void uq_conv2d_s8_w3(const uq_conv2d_params *params, const int8_t *input,
                     const uint8_t *weights, const int32_t *bias,
                     const int32_t *multipliers, const uint8_t *shifts,
                     int8_t *output, int8_t *scratch);
void uq_conv2d_s8_w2(const uq_conv2d_params *params, const int8_t *input,
                     const uint8_t *weights, const int32_t *bias,
                     const int32_t *multipliers, const uint8_t *shifts,
                     int8_t *output, int8_t *scratch);
void uq_conv2d_s8_w1(const uq_conv2d_params *params, const int8_t *input,
                     const uint8_t *weights, const int32_t *bias,
                     const int32_t *multipliers, const uint8_t *shifts,
                     int8_t *output, int8_t *scratch);

#endif

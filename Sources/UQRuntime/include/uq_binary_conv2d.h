/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_BINARY_CONV2D_H
#define UQ_BINARY_CONV2D_H

#include "uq_requantize.h"
#include "uq_weights.h"

/*
 * 2-D convolution of the signs of an int8 image [H, W, C] by weights of +-1,
 * batch 1: a product of signs is an exclusive or of bits, a sum of them a count
 * of bits. A fully connected layer is one with kernel 1x1 and in_h = 1. All
 * sizes are at least 1.
 */
typedef struct {
    /* Input image [in_h, in_w, in_c]. */
    int32_t in_h, in_w, in_c;
    /* Output image [out_h, out_w, out_c]. */
    int32_t out_h, out_w, out_c;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t dilation_h, dilation_w;
    /* Padding above and to the left; below and to the right it follows. */
    int32_t pad_top, pad_left;
    /* What taps outside of the image read: 0, +1 or -1. */
    int32_t pad_sign;
    /* x counts as +1 from here on, as -1 below; where no list is given. */
    int32_t threshold;
    /* Binary places of the bias. */
    int32_t fraction_bits;
    /* Zero point, clamp and rounding of the output; int8. */
    uq_output output;
} uq_binary_conv2d_params;

/* Bytes of the bits of a pixel, and of a tap of weights. */
static inline int32_t
uq_binary_conv2d_pixel_bytes(const uq_binary_conv2d_params *params)
{
    return uq_weights_row_bytes(params->in_c, 1);
}

/* Input rows that are kept as bits at a time. */
static inline int32_t
uq_binary_conv2d_rows(const uq_binary_conv2d_params *params)
{
    const int32_t span = (params->kernel_h - 1) * params->dilation_h + 1;
    return span < params->in_h ? span : params->in_h;
}

/*
 * Bytes of scratch: the bits of as many input rows as an output row reads, and
 * of the inputs of one pixel. No alignment needed.
 */
static inline int32_t
uq_binary_conv2d_scratch_bytes(const uq_binary_conv2d_params *params)
{
    return (uq_binary_conv2d_rows(params) * params->in_w +
            params->kernel_h * params->kernel_w) *
           uq_binary_conv2d_pixel_bytes(params);
}

/*
 * output[o] = requantize(bias[o] + 2^fraction_bits * acc[o]), where acc[o] is
 * the sum over taps and channels c of weights[o][tap][c] * s(x[tap][c]), with
 * s(x) = +1 for x >= thresholds[c], else -1, and pad_sign outside.
 *
 * input        [in_h, in_w, in_c]
 * thresholds   [in_c], -128..128; null where params->threshold serves all
 * weights      [out_c][kernel_h][kernel_w] rows of [in_c], packed as
 *              uq_weights.h says for 1 bit
 * bias         [out_c]
 * multipliers  [out_c], signed, as for uq_requantize
 * shifts       [out_c]
 * output       [out_h, out_w, out_c]; does not overlap the input
 * scratch      uq_binary_conv2d_scratch_bytes(params)
 *
 * The exporter proves |bias[o]| + 2^fraction_bits * taps * in_c < 2^31.
 */
void uq_binary_conv2d_s8(const uq_binary_conv2d_params *params,
                         const int8_t *input, const int16_t *thresholds,
                         const uint8_t *weights, const int32_t *bias,
                         const int32_t *multipliers, const uint8_t *shifts,
                         int8_t *output, uint8_t *scratch);

#endif

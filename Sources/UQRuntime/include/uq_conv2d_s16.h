/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_CONV2D_S16_H
#define UQ_CONV2D_S16_H

#include "uq_conv2d.h"
#include "uq_depthwise_conv2d.h"

/*
 * Convolutions of int16 images whose zero point is 0. The parameters are those
 * of the int8 kernels, in_zero_point is 0, the output's bounds are int16.
 */

/* Bytes of scratch, aligned to 2: 0 where uq_conv2d_is_direct, else a patch. */
static inline int32_t
uq_conv2d_s16_scratch_bytes(const uq_conv2d_params *params)
{
    return uq_conv2d_is_direct(params) ? 0 : 2 * uq_conv2d_depth(params);
}

/*
 * uq_conv2d_s8 of int16 images. With p = acc_shift,
 *
 *   acc[o] = bias[o] + sum over k of weights[o][k] * x[k],
 *   y[o] = requantize((acc[o] + 2^(p-1)) >> p), or of acc[o] for p = 0.
 *
 * The exporter proves |bias[o]| + 32768 * sum over k of |w[o][k]| < 2^31 for
 * p = 0, and then sums are int32; else they are int64 and p is the smallest for
 * which the sum with 2^(p-1) is below 2^(31+p).
 */
void uq_conv2d_s16(const uq_conv2d_params *params, int32_t acc_shift,
                   const int16_t *input, const int8_t *weights,
                   const int32_t *bias, const int32_t *multipliers,
                   const uint8_t *shifts, int16_t *output, int16_t *scratch);
void uq_conv2d_s16_w4(const uq_conv2d_params *params, int32_t acc_shift,
                      const int16_t *input, const uint8_t *weights,
                      const int32_t *bias, const int32_t *multipliers,
                      const uint8_t *shifts, int16_t *output, int16_t *scratch);
void uq_conv2d_s16_w3(const uq_conv2d_params *params, int32_t acc_shift,
                      const int16_t *input, const uint8_t *weights,
                      const int32_t *bias, const int32_t *multipliers,
                      const uint8_t *shifts, int16_t *output, int16_t *scratch);
void uq_conv2d_s16_w2(const uq_conv2d_params *params, int32_t acc_shift,
                      const int16_t *input, const uint8_t *weights,
                      const int32_t *bias, const int32_t *multipliers,
                      const uint8_t *shifts, int16_t *output, int16_t *scratch);
void uq_conv2d_s16_w1(const uq_conv2d_params *params, int32_t acc_shift,
                      const int16_t *input, const uint8_t *weights,
                      const int32_t *bias, const int32_t *multipliers,
                      const uint8_t *shifts, int16_t *output, int16_t *scratch);

/*
 * uq_depthwise_conv2d_s8 of int16 images, without scratch. The exporter proves
 * |bias[o]| + 32768 * sum over taps of |w[tap][o]| < 2^31.
 */
void uq_depthwise_conv2d_s16(const uq_depthwise_conv2d_params *params,
                             const int16_t *input, const int8_t *weights,
                             const int32_t *bias, const int32_t *multipliers,
                             const uint8_t *shifts, int16_t *output);
void uq_depthwise_conv2d_s16_w4(const uq_depthwise_conv2d_params *params,
                                const int16_t *input, const uint8_t *weights,
                                const int32_t *bias, const int32_t *multipliers,
                                const uint8_t *shifts, int16_t *output);
void uq_depthwise_conv2d_s16_w3(const uq_depthwise_conv2d_params *params,
                                const int16_t *input, const uint8_t *weights,
                                const int32_t *bias, const int32_t *multipliers,
                                const uint8_t *shifts, int16_t *output);
void uq_depthwise_conv2d_s16_w2(const uq_depthwise_conv2d_params *params,
                                const int16_t *input, const uint8_t *weights,
                                const int32_t *bias, const int32_t *multipliers,
                                const uint8_t *shifts, int16_t *output);
void uq_depthwise_conv2d_s16_w1(const uq_depthwise_conv2d_params *params,
                                const int16_t *input, const uint8_t *weights,
                                const int32_t *bias, const int32_t *multipliers,
                                const uint8_t *shifts, int16_t *output);

#endif

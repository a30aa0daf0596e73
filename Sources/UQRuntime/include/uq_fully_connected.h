/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_FULLY_CONNECTED_H
#define UQ_FULLY_CONNECTED_H

#include "uq_requantize.h"
#include "uq_weights.h"

/* Matrix product by constant weights: [batch, in_c] to [batch, out_c]. */
typedef struct {
    /* Rows of the input and of the output; at least 1. */
    int32_t batch;
    /* Elements of an input row; at least 1. */
    int32_t in_c;
    /* Elements of an output row; at least 1. */
    int32_t out_c;
    /* Zero point, clamp and rounding; int8, or int16 for the _s16 kernels. */
    uq_output output;
} uq_fully_connected_params;

/*
 * output[n][o] = requantize(bias[o] + sum of weights[o][k] * input[n][k]).
 *
 * input        [batch, in_c]
 * weights      [out_c] rows of [in_c], packed as uq_weights.h says
 * bias         [out_c], the input's zero point folded in: b - zx * sum(w)
 * multipliers  [out_c], signed, as for uq_requantize; null where the output is
 *              int8, rounding is UQ_ROUNDING_SHIFT and all are positive
 * shifts       [out_c]
 * output       [batch, out_c]; does not overlap the input
 *
 * The exporter proves |bias[o]| + 128 * sum over k of |w[o][k]| < 2^31.
 */
void uq_fully_connected_s8(const uq_fully_connected_params *params,
                           const int8_t *input, const int8_t *weights,
                           const int32_t *bias, const int32_t *multipliers,
                           const uint8_t *shifts, int8_t *output);
void uq_fully_connected_s8_w4(const uq_fully_connected_params *params,
                              const int8_t *input, const uint8_t *weights,
                              const int32_t *bias, const int32_t *multipliers,
                              const uint8_t *shifts, int8_t *output);
void uq_fully_connected_s8_w3(const uq_fully_connected_params *params,
                              const int8_t *input, const uint8_t *weights,
                              const int32_t *bias, const int32_t *multipliers,
                              const uint8_t *shifts, int8_t *output);
void uq_fully_connected_s8_w2(const uq_fully_connected_params *params,
                              const int8_t *input, const uint8_t *weights,
                              const int32_t *bias, const int32_t *multipliers,
                              const uint8_t *shifts, int8_t *output);
void uq_fully_connected_s8_w1(const uq_fully_connected_params *params,
                              const int8_t *input, const uint8_t *weights,
                              const int32_t *bias, const int32_t *multipliers,
                              const uint8_t *shifts, int8_t *output);

/* The same with int16 outputs, for logits that feed a softmax. */
void uq_fully_connected_s8_s16(const uq_fully_connected_params *params,
                               const int8_t *input, const int8_t *weights,
                               const int32_t *bias, const int32_t *multipliers,
                               const uint8_t *shifts, int16_t *output);
void uq_fully_connected_s8_s16_w4(const uq_fully_connected_params *params,
                                  const int8_t *input, const uint8_t *weights,
                                  const int32_t *bias,
                                  const int32_t *multipliers,
                                  const uint8_t *shifts, int16_t *output);
void uq_fully_connected_s8_s16_w3(const uq_fully_connected_params *params,
                                  const int8_t *input, const uint8_t *weights,
                                  const int32_t *bias,
                                  const int32_t *multipliers,
                                  const uint8_t *shifts, int16_t *output);
void uq_fully_connected_s8_s16_w2(const uq_fully_connected_params *params,
                                  const int8_t *input, const uint8_t *weights,
                                  const int32_t *bias,
                                  const int32_t *multipliers,
                                  const uint8_t *shifts, int16_t *output);
void uq_fully_connected_s8_s16_w1(const uq_fully_connected_params *params,
                                  const int8_t *input, const uint8_t *weights,
                                  const int32_t *bias,
                                  const int32_t *multipliers,
                                  const uint8_t *shifts, int16_t *output);

/* Matrix product of int16 activations by constant weights of any width. */
typedef struct {
    /* Rows of the input and of the output; at least 1. */
    int32_t batch;
    /* Elements of an input row; at least 1. */
    int32_t in_c;
    /* Elements of an output row; at least 1. */
    int32_t out_c;
    /* Bits of a weight: 8, 4, 3, 2 or 1. */
    int32_t weight_bits;
    /* Zero point, clamp and rounding; int8, or int16 for
     * uq_fully_connected_s16. */
    uq_output output;
} uq_fully_connected_s16_params;

/*
 * As uq_fully_connected_s8, for int16 inputs of zero point 0: what a global
 * average hands to a classifier without the noise of 8 bits. Weights of every
 * width are unpacked one by one (as bytes: hence the void pointer), which is
 * meant for the small last layer of a network.
 *
 * The exporter proves |bias[o]| + 32768 * sum over k of |w[o][k]| < 2^31.
 */
void uq_fully_connected_s16_s8(const uq_fully_connected_s16_params *params,
                               const int16_t *input, const void *weights,
                               const int32_t *bias, const int32_t *multipliers,
                               const uint8_t *shifts, int8_t *output);
void uq_fully_connected_s16(const uq_fully_connected_s16_params *params,
                            const int16_t *input, const void *weights,
                            const int32_t *bias, const int32_t *multipliers,
                            const uint8_t *shifts, int16_t *output);

#endif

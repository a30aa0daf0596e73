/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_GROUPWISE_H
#define UQ_GROUPWISE_H

#include "uq_conv2d.h"
#include "uq_fully_connected.h"
#include "uq_requantize.h"
#include "uq_weights.h"

/*
 * Layers whose weights have a scale for every group of input channels.
 *
 * Input channels c of a tap are split into groups of group_size, the last one
 * possibly shorter; all taps share the groups' scales. A channel's scales are
 * integer multiples factors[o][g] of one scale, so that
 *
 *   acc[o] = bias[o] + sum over g of factors[o][g] *
 *            (sum over taps and c in group g of w[o][tap][c] * x[tap][c])
 *
 * is an integer in int32. The exporter proves
 *
 *   |bias[o]| + 128 * sum over g of |factors[o][g]| * sum of |w| < 2^31,
 *
 * for the products of each group alone too, so no partial sum overflows in
 * whatever order it is taken.
 *
 * Weights are packed as uq_weights.h says, each group of each tap being a row
 * of its own: it starts on a byte, which costs nothing where group_size and the
 * input channels are multiples of 8.
 */

/* Groups of a tap of `depth` input channels. */
static inline int32_t uq_groupwise_count(int32_t depth, int32_t group_size)
{
    return (depth + group_size - 1) / group_size;
}

/* Bytes of the packed weights of one tap. */
static inline int32_t uq_groupwise_tap_bytes(int32_t depth, int32_t group_size,
                                             int32_t bits)
{
    const int32_t whole = depth / group_size;
    return whole * uq_weights_row_bytes(group_size, bits) +
           uq_weights_row_bytes(depth - whole * group_size, bits);
}

/* The inner kernel: uq_matmul with groups. */
typedef struct {
    /* Taps of a row, and inputs of a tap; at least 1. */
    int32_t taps, depth;
    /* Input channels that share a scale; at least 1. */
    int32_t group_size;
    /* Rows of weights, and elements of an output vector; at least 1. */
    int32_t rows;
    /* Zero point, clamp and rounding of the output; int8. */
    uq_output output;
} uq_matmul_groupwise_params;

/*
 * y0[o] = requantize(acc[o] of x0), and the same for x1 and y1.
 *
 * x0, x1       [taps][depth]; x1 may be null, and then y1 is not used
 * weights      [rows][taps][groups], packed rows of group_size weights
 * factors      [rows][groups]
 * bias         [rows] at the scale of acc, the input's zero point folded in:
 *              b - in_zero_point * sum of factors[o][g] * w
 * multipliers  [rows], signed, as for uq_requantize
 * shifts       [rows]
 * y0, y1       [rows]; overlap neither each other nor x0 and x1
 */
void uq_matmul_groupwise_s8_w4(const uq_matmul_groupwise_params *params,
                               const int8_t *x0, const int8_t *x1,
                               const uint8_t *weights, const int8_t *factors,
                               const int32_t *bias, const int32_t *multipliers,
                               const uint8_t *shifts, int8_t *y0, int8_t *y1);
void uq_matmul_groupwise_s8_w3(const uq_matmul_groupwise_params *params,
                               const int8_t *x0, const int8_t *x1,
                               const uint8_t *weights, const int8_t *factors,
                               const int32_t *bias, const int32_t *multipliers,
                               const uint8_t *shifts, int8_t *y0, int8_t *y1);
void uq_matmul_groupwise_s8_w2(const uq_matmul_groupwise_params *params,
                               const int8_t *x0, const int8_t *x1,
                               const uint8_t *weights, const int8_t *factors,
                               const int32_t *bias, const int32_t *multipliers,
                               const uint8_t *shifts, int8_t *y0, int8_t *y1);

/*
 * uq_conv2d_s8 with groups of input channels; `groups` of the parameters is 1.
 *
 * weights     [out_c][kernel_h][kernel_w][groups], packed rows
 * factors     [out_c][groups]
 * scratch     uq_conv2d_scratch_bytes(params); may be null where that is 0
 *
 * Everything else as for uq_conv2d_s8.
 */
void uq_conv2d_groupwise_s8_w4(const uq_conv2d_params *params,
                               int32_t group_size, const int8_t *input,
                               const uint8_t *weights, const int8_t *factors,
                               const int32_t *bias, const int32_t *multipliers,
                               const uint8_t *shifts, int8_t *output,
                               int8_t *scratch);
void uq_conv2d_groupwise_s8_w3(const uq_conv2d_params *params,
                               int32_t group_size, const int8_t *input,
                               const uint8_t *weights, const int8_t *factors,
                               const int32_t *bias, const int32_t *multipliers,
                               const uint8_t *shifts, int8_t *output,
                               int8_t *scratch);
void uq_conv2d_groupwise_s8_w2(const uq_conv2d_params *params,
                               int32_t group_size, const int8_t *input,
                               const uint8_t *weights, const int8_t *factors,
                               const int32_t *bias, const int32_t *multipliers,
                               const uint8_t *shifts, int8_t *output,
                               int8_t *scratch);

/* uq_fully_connected_s8 with groups of inputs: a row of one tap. */
void uq_fully_connected_groupwise_s8_w4(
    const uq_fully_connected_params *params, int32_t group_size,
    const int8_t *input, const uint8_t *weights, const int8_t *factors,
    const int32_t *bias, const int32_t *multipliers, const uint8_t *shifts,
    int8_t *output);
void uq_fully_connected_groupwise_s8_w3(
    const uq_fully_connected_params *params, int32_t group_size,
    const int8_t *input, const uint8_t *weights, const int8_t *factors,
    const int32_t *bias, const int32_t *multipliers, const uint8_t *shifts,
    int8_t *output);
void uq_fully_connected_groupwise_s8_w2(
    const uq_fully_connected_params *params, int32_t group_size,
    const int8_t *input, const uint8_t *weights, const int8_t *factors,
    const int32_t *bias, const int32_t *multipliers, const uint8_t *shifts,
    int8_t *output);

#endif

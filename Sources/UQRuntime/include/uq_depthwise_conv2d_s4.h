/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_DEPTHWISE_CONV2D_S4_H
#define UQ_DEPTHWISE_CONV2D_S4_H

#include "uq_depthwise_conv2d.h"
#include "uq_tiles.h"

/* uq_depthwise_conv2d_s8, and uq_depthwise_conv2d_s8_w4 and its kin. */
typedef void (*uq_depthwise_conv2d_function)(
    const uq_depthwise_conv2d_params *params, const int8_t *input,
    const int8_t *weights, const int32_t *bias, const int32_t *multipliers,
    const uint8_t *shifts, int8_t *output, int8_t *scratch);
typedef void (*uq_depthwise_conv2d_packed_function)(
    const uq_depthwise_conv2d_params *params, const int8_t *input,
    const uint8_t *weights, const int32_t *bias, const int32_t *multipliers,
    const uint8_t *shifts, int8_t *output, int8_t *scratch);

/* Bytes of scratch of uq_depthwise_conv2d_s4. No alignment needed. */
int32_t
uq_depthwise_conv2d_s4_scratch_bytes(const uq_depthwise_conv2d_params *params,
                                     const uq_tiling *tiling);

/* A depthwise convolution, as uq_conv2d_s4 is a convolution. */
void uq_depthwise_conv2d_s4(const uq_depthwise_conv2d_params *params,
                            const uq_tiling *tiling,
                            uq_depthwise_conv2d_function bytes,
                            uq_depthwise_conv2d_packed_function packed,
                            const void *input, const void *weights,
                            const int32_t *bias, const int32_t *multipliers,
                            const uint8_t *shifts, void *output,
                            int8_t *scratch);

#endif

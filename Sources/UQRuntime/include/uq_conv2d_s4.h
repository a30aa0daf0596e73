/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_CONV2D_S4_H
#define UQ_CONV2D_S4_H

#include "uq_conv2d.h"
#include "uq_tiles.h"

/* uq_conv2d_s8, and uq_conv2d_s8_w4 and its kin. */
typedef void (*uq_conv2d_function)(const uq_conv2d_params *params,
                                const int8_t *input, const int8_t *weights,
                                const int32_t *bias, const int32_t *multipliers,
                                const uint8_t *shifts, int8_t *output,
                                int8_t *scratch);
typedef void (*uq_conv2d_packed_function)(
    const uq_conv2d_params *params, const int8_t *input, const uint8_t *weights,
    const int32_t *bias, const int32_t *multipliers, const uint8_t *shifts,
    int8_t *output, int8_t *scratch);

/* Bytes of scratch of uq_conv2d_s4. No alignment needed. */
int32_t uq_conv2d_s4_scratch_bytes(const uq_conv2d_params *params,
                                   const uq_tiling *tiling);

/*
 * A convolution of images of 4 bits, or from 4 to 8 or 8 to 4 bits.
 *
 * bytes, packed  the kernel of the weights' width: one of the two, the other
 *                is null
 * input          [in_h, in_w, in_c] of in_bits as uq_nibbles.h says
 * output         [out_h, out_w, out_c] of out_bits; does not overlap the input
 * scratch        uq_conv2d_s4_scratch_bytes; may be null where that is 0
 *
 * All else is as for that kernel; params->output clamps to out_bits.
 */
void uq_conv2d_s4(const uq_conv2d_params *params, const uq_tiling *tiling,
                  uq_conv2d_function bytes, uq_conv2d_packed_function packed,
                  const void *input, const void *weights, const int32_t *bias,
                  const int32_t *multipliers, const uint8_t *shifts,
                  void *output, int8_t *scratch);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_POOL2D_S4_H
#define UQ_POOL2D_S4_H

#include "uq_pool2d.h"

/*
 * uq_max_pool2d_s8 for images of 4 bits, or from one width to the other.
 *
 * in_bits, out_bits  4 or 8
 * input              [in_h, in_w, channels] as uq_nibbles.h says
 * output             [out_h, out_w, channels]; does not overlap the input
 */
void uq_max_pool2d_s4(const uq_pool2d_params *params, int32_t in_bits,
                      int32_t out_bits, const void *input, void *output);

/*
 * uq_avg_pool2d_s8, likewise; out_bits may be 16, as for uq_avg_pool2d_s8_s16.
 */
void uq_avg_pool2d_s4(const uq_pool2d_params *params, int32_t in_bits,
                      int32_t out_bits, const void *input,
                      const int32_t *multipliers, const uint8_t *shifts,
                      void *output);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_POOL2D_S16_H
#define UQ_POOL2D_S16_H

#include "uq_pool2d.h"

/* uq_max_pool2d_s8 for int16 images. */
void uq_max_pool2d_s16(const uq_pool2d_params *params, const int16_t *input,
                       int16_t *output);

/*
 * uq_avg_pool2d_s8 for int16 images whose zero point is 0. The sum is at most
 * 32768 * kernel_h * kernel_w: it fits for windows below 2^16 taps.
 */
void uq_avg_pool2d_s16(const uq_pool2d_params *params, const int16_t *input,
                       const int32_t *multipliers, const uint8_t *shifts,
                       int16_t *output);

#endif

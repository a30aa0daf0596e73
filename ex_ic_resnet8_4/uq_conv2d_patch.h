/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_CONV2D_PATCH_H
#define UQ_CONV2D_PATCH_H

#include "uq_conv2d.h"
#include "uq_rows.h"

/*
 * The inputs of group `group` of output pixel `x`, side by side as
 * [kernel_h][kernel_w][in_c/groups]: in place where they lie so in memory, else
 * gathered into `patch`, taps outside of the image as in_zero_point.
 */
const int8_t *uq_conv2d_patch(const uq_conv2d_params *params,
                              const uq_rows *rows, int32_t group, int32_t x,
                              int8_t *patch);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_RUNTIME_H
#define UQ_RUNTIME_H

/*
 * The whole runtime. A program includes the headers of what it uses instead.
 *
 * Which files a kernel needs: its own is named after the kernel without `_row`
 * where the kernel comes in several widths of weights (uq_conv2d_row_s8_w4:
 * uq_conv2d_s8_w4.c), else after its header (uq_add_s8: uq_elementwise.c). From
 * there, follow every #include "uq_x.h"; with each uq_x.h goes uq_x.c where
 * there is one, and with uq_matmul.h the uq_matmul_s8*.c of the same width.
 *
 *   convolution      uq_conv2d_s8*.c uq_conv2d_patch.c uq_matmul_s8*.c
 *                    uq_requantize.c
 *   depthwise        uq_depthwise_conv2d_s8*.c uq_requantize.c
 *   binary           uq_binary_conv2d.c uq_requantize.c
 *   fully connected  uq_fully_connected_s8*.c uq_matmul_s8*.c uq_requantize.c
 *   to int16         uq_fully_connected_s8_s16*.c uq_requantize.c
 *   group-wise       uq_conv2d_groupwise_s8*.c uq_conv2d_patch.c or
 *                    uq_fully_connected_groupwise_s8*.c, with
 *                    uq_matmul_groupwise_s8*.c uq_requantize.c
 *   int16            uq_conv2d_s16*.c uq_conv2d_patch.c,
 *                    uq_depthwise_conv2d_s16*.c; uq_requantize.c
 *   4 bits           uq_conv2d_s4.c uq_depthwise_conv2d_s4.c with the kernel they
 *                    call and uq_tiles.c uq_nibbles.c; uq_fully_connected_s4.c
 *                    uq_pool2d_s4.c uq_add_s4.c uq_mul_s4.c with
 *                    uq_nibbles.c uq_requantize.c; uq_lut_s4.c uq_nibbles.c
 *   pool2d, elementwise, rescale, prelu, reduce, pool2d_s16, elementwise_s16
 *                    uq_<family>.c uq_requantize.c
 *   lut, softmax, move
 *                    uq_<family>.c
 *
 * An export of version UQ_RUNTIME_ABI was generated for these prototypes.
 */
#define UQ_RUNTIME_ABI 1

#include "uq_add_s4.h"
#include "uq_binary_conv2d.h"
#include "uq_conv2d.h"
#include "uq_conv2d_s16.h"
#include "uq_conv2d_s4.h"
#include "uq_depthwise_conv2d.h"
#include "uq_depthwise_conv2d_s4.h"
#include "uq_elementwise.h"
#include "uq_elementwise_s16.h"
#include "uq_fully_connected.h"
#include "uq_fully_connected_s4.h"
#include "uq_groupwise.h"
#include "uq_lut.h"
#include "uq_lut_s4.h"
#include "uq_matmul.h"
#include "uq_move.h"
#include "uq_mul_s4.h"
#include "uq_nibbles.h"
#include "uq_pool2d.h"
#include "uq_pool2d_s16.h"
#include "uq_pool2d_s4.h"
#include "uq_prelu.h"
#include "uq_reduce.h"
#include "uq_requantize.h"
#include "uq_rescale.h"
#include "uq_softmax.h"
#include "uq_status.h"
#include "uq_tiles.h"
#include "uq_weights.h"

#endif

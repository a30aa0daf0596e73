/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_RUNTIME_H
#define UQ_RUNTIME_H

/*
 * The whole runtime. A program includes the headers of what it uses instead.
 *
 * Files: a kernel with suffixes for the width of its weights lies in a file
 * of its name without `_row` (uq_conv2d_row_s8_w4 in uq_conv2d_s8_w4.c), every
 * other one in the file of its header (uq_add_s8 in uq_elementwise.c). What a
 * .c file needs is what it includes, directly or not, and for each uq_x.h so
 * included uq_x.c where there is one; a uq_matmul.h stands for the
 * uq_matmul_s8...c of the same width.
 *
 * An export of version UQ_RUNTIME_ABI was generated for these prototypes.
 */
#define UQ_RUNTIME_ABI 1

#include "uq_conv2d.h"
#include "uq_depthwise_conv2d.h"
#include "uq_elementwise.h"
#include "uq_fully_connected.h"
#include "uq_lut.h"
#include "uq_matmul.h"
#include "uq_move.h"
#include "uq_pool2d.h"
#include "uq_prelu.h"
#include "uq_reduce.h"
#include "uq_requantize.h"
#include "uq_rescale.h"
#include "uq_softmax.h"
#include "uq_status.h"
#include "uq_weights.h"

#endif

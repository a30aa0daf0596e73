/* SPDX-License-Identifier: Apache-2.0 */
#define UQ_WEIGHT_BITS 4
#include "uq_conv2d_s16_body.h"

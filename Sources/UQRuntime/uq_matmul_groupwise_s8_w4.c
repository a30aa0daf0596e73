/* SPDX-License-Identifier: Apache-2.0 */
#define UQ_WEIGHT_BITS 4
#include "uq_matmul_groupwise_body.h"

/* SPDX-License-Identifier: Apache-2.0 */
#define UQ_WEIGHT_BITS 8
#include "uq_matmul_body.h"

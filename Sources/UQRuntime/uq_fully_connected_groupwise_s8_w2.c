/* SPDX-License-Identifier: Apache-2.0 */
#define UQ_WEIGHT_BITS 2
#include "uq_fully_connected_groupwise_body.h"

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_MUL_S4_H
#define UQ_MUL_S4_H

#include "uq_elementwise.h"

/* uq_mul_s8 for tensors of 4 or 8 bits each; operands as for uq_add_s4. */
void uq_mul_s4(const uq_mul_params *params, int32_t a_bits, int32_t b_bits,
               int32_t y_bits, const void *a, const void *b, void *y);

#endif

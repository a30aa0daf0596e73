/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_ADD_S4_H
#define UQ_ADD_S4_H

#include "uq_elementwise.h"

/*
 * uq_add_s8 for tensors of 4 or 8 bits each, as uq_nibbles.h says; the
 * broadcast's `inner` is their number of channels, or an even run of elements
 * without unused bits.
 *
 * a, y  [outer, inner] of a_bits and y_bits
 * b     of 8 bits as the broadcast says; of 4 bits [inner] where b_outer_stride
 *       is 0, else [outer, inner]
 *
 * y may be an operand of its bits and shape.
 */
void uq_add_s4(const uq_add_params *params, int32_t a_bits, int32_t b_bits,
               int32_t y_bits, const void *a, const void *b, void *y);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_FULLY_CONNECTED_S4_H
#define UQ_FULLY_CONNECTED_S4_H

#include "uq_fully_connected.h"

/* Matrix product of activations of 4 or 8 bits by weights of any width. */
typedef struct {
    /* Rows of the input and of the output; at least 1. */
    int32_t batch;
    /* Elements of an input row; at least 1. */
    int32_t in_c;
    /* Elements of an output row; at least 1. */
    int32_t out_c;
    /* Bits of a weight: 8, 4, 3, 2 or 1. */
    int32_t weight_bits;
    /* Bits of an input, 4 or 8, and of an output, 4, 8 or 16. */
    int32_t in_bits, out_bits;
    /* Zero point, clamp and rounding; of out_bits. */
    uq_output output;
} uq_fully_connected_s4_params;

/*
 * As uq_fully_connected_s8, input and output as uq_nibbles.h says. Inputs are
 * unpacked a few at a time, onto the stack; there is no scratch memory.
 */
void uq_fully_connected_s4(const uq_fully_connected_s4_params *params,
                           const void *input, const void *weights,
                           const int32_t *bias, const int32_t *multipliers,
                           const uint8_t *shifts, void *output);

#endif

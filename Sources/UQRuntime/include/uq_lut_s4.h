/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_LUT_S4_H
#define UQ_LUT_S4_H

#include <stdint.h>

/*
 * uq_lut_s8 for tensors of 4 or 8 bits each, as uq_nibbles.h says; `channels`
 * is that of their pixels, or an even run of elements without unused bits.
 *
 * x, y   [pixels, channels] of x_bits and y_bits; y may be x of its bits
 * table  [256] for x of 8 bits, entry 0 for -128; [16] of 4, entry 0 for -8
 */
void uq_lut_s4(int32_t pixels, int32_t channels, int32_t x_bits, int32_t y_bits,
               const void *x, const int8_t *table, void *y);

#endif

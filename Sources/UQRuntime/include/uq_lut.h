/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_LUT_H
#define UQ_LUT_H

#include <stdint.h>

/*
 * y[i] = table[x[i] + 128]: any function of one int8 tensor.
 *
 * x, y   [count]; y may be x
 * table  [256], built by the exporter with exact rounding; entry 0 is the
 *        output for -128
 */
void uq_lut_s8(const int8_t *x, const int8_t *table, int32_t count, int8_t *y);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_MATMUL_H
#define UQ_MATMUL_H

#include "uq_requantize.h"
#include "uq_weights.h"

/* The inner kernel of convolutions and fully connected layers. */
typedef struct {
    /* Weights in a row, and elements of an input vector; at least 1. */
    int32_t depth;
    /* Rows of weights, and elements of an output vector; at least 1. */
    int32_t rows;
    /* Zero point, clamp and rounding of the output; int8. */
    uq_output output;
} uq_matmul_params;

/*
 * y0[o] = requantize(bias[o] + sum over k of weights[o][k] * x0[k]), and the
 * same for x1 and y1, o in 0..rows-1.
 *
 * x0, x1       [depth]; x1 may be null, and then y1 is not used
 * weights      [rows][depth], packed as uq_weights.h says, `bits` by the name
 * bias         [rows], the input's zero point folded in: b - zx * sum(w)
 * multipliers  [rows], signed, as for uq_requantize; null where rounding is
 *              UQ_ROUNDING_SHIFT and all are positive
 * shifts       [rows]
 * y0, y1       [rows]; overlap neither each other nor x0 and x1
 *
 * The exporter proves |bias[o]| + 128 * sum over k of |w[o][k]| < 2^31, so no
 * partial sum overflows, in whatever order it is taken.
 */
void uq_matmul_s8(const uq_matmul_params *params, const int8_t *x0,
                  const int8_t *x1, const int8_t *weights, const int32_t *bias,
                  const int32_t *multipliers, const uint8_t *shifts, int8_t *y0,
                  int8_t *y1);
void uq_matmul_s8_w4(const uq_matmul_params *params, const int8_t *x0,
                     const int8_t *x1, const uint8_t *weights,
                     const int32_t *bias, const int32_t *multipliers,
                     const uint8_t *shifts, int8_t *y0, int8_t *y1);
void uq_matmul_s8_w3(const uq_matmul_params *params, const int8_t *x0,
                     const int8_t *x1, const uint8_t *weights,
                     const int32_t *bias, const int32_t *multipliers,
                     const uint8_t *shifts, int8_t *y0, int8_t *y1);
void uq_matmul_s8_w2(const uq_matmul_params *params, const int8_t *x0,
                     const int8_t *x1, const uint8_t *weights,
                     const int32_t *bias, const int32_t *multipliers,
                     const uint8_t *shifts, int8_t *y0, int8_t *y1);
void uq_matmul_s8_w1(const uq_matmul_params *params, const int8_t *x0,
                     const int8_t *x1, const uint8_t *weights,
                     const int32_t *bias, const int32_t *multipliers,
                     const uint8_t *shifts, int8_t *y0, int8_t *y1);

#endif

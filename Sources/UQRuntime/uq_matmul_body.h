/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include "uq_dot_body.h"
#include "uq_matmul.h"

/* Output channels between two rounds of requantization; even. */
enum { UQ_MATMUL_BLOCK = 16 };

/*
 * Accumulators of `pairs` pairs of channels for two vectors: those of x0 in
 * acc[0..], those of x1 in acc[UQ_MATMUL_BLOCK..]. `next` is 1, or 0 for a
 * channel that is its own partner.
 */
static void multiply_2x2(const uq_weight *weights, int32_t depth,
                         const int8_t *x0, const int8_t *x1,
                         const int32_t *bias, int32_t pairs, int32_t next,
                         int32_t *acc)
{
    const int32_t stride = next * uq_weights_row_bytes(depth, UQ_WEIGHT_BITS);
    do {
        int32_t a[4];
        a[0] = bias[0];
        a[1] = bias[next];
        a[2] = a[0];
        a[3] = a[1];
        uq_dot_2x2(weights, weights + stride, x0, x1, depth, a);
        acc[0] = a[0];
        acc[1] = a[1];
        acc[UQ_MATMUL_BLOCK] = a[2];
        acc[UQ_MATMUL_BLOCK + 1] = a[3];
        acc += 2;
        bias += 2 * next;
        weights += 2 * stride;
    } while (--pairs > 0);
}

/* The same for one vector. */
static void multiply_2x1(const uq_weight *weights, int32_t depth,
                         const int8_t *x, const int32_t *bias, int32_t pairs,
                         int32_t next, int32_t *acc)
{
    const int32_t stride = next * uq_weights_row_bytes(depth, UQ_WEIGHT_BITS);
    do {
        acc[0] = bias[0];
        acc[1] = bias[next];
        uq_dot_2x1(weights, weights + stride, x, depth, acc);
        acc += 2;
        bias += 2 * next;
        weights += 2 * stride;
    } while (--pairs > 0);
}

void UQ_SYMBOL(uq_matmul_s8)(const uq_matmul_params *params, const int8_t *x0,
                             const int8_t *x1, const uq_weight *weights,
                             const int32_t *bias, const int32_t *multipliers,
                             const uint8_t *shifts, int8_t *y0, int8_t *y1)
{
    const int32_t depth = params->depth;
    const int32_t row_bytes = uq_weights_row_bytes(depth, UQ_WEIGHT_BITS);
    int32_t count;
    for (int32_t first = 0; first < params->rows; first += count) {
        const int32_t left = params->rows - first;
        const int32_t next = left > 1 ? 1 : 0;
        const uq_weight *w = weights + first * row_bytes;
        const int32_t *factors = uq_multipliers_from(multipliers, first);
        int32_t acc[2 * UQ_MATMUL_BLOCK];
        // A last odd channel makes a block of its own.
        count =
            left < UQ_MATMUL_BLOCK ? left - left % 2 * next : UQ_MATMUL_BLOCK;
        if (x1 != NULL) {
            multiply_2x2(w, depth, x0, x1, bias + first, (count + 1) / 2, next,
                         acc);
            uq_requantize_block_s8(&params->output, acc + UQ_MATMUL_BLOCK,
                                   factors, shifts + first, count, y1 + first);
        } else {
            multiply_2x1(w, depth, x0, bias + first, (count + 1) / 2, next,
                         acc);
        }
        uq_requantize_block_s8(&params->output, acc, factors, shifts + first,
                               count, y0 + first);
    }
}

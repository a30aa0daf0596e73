/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include "uq_dot_body.h"
#include "uq_groupwise.h"

/* Accumulators of two rows of weights, `stride` bytes apart, for two vectors. */
static void multiply_2x2(const uq_matmul_groupwise_params *params,
                         const uq_weight *weights, int32_t stride,
                         const int8_t *factors0, const int8_t *factors1,
                         const int8_t *x0, const int8_t *x1, int32_t acc[4])
{
    for (int32_t tap = 0; tap < params->taps; tap++) {
        int32_t left = params->depth;
        for (int32_t group = 0; left > 0; group++) {
            const int32_t count =
                left < params->group_size ? left : params->group_size;
            const int32_t f0 = factors0[group];
            const int32_t f1 = factors1[group];
            int32_t sums[4] = {0, 0, 0, 0};
            uq_dot_2x2(weights, weights + stride, x0, x1, count, sums);
            acc[0] += f0 * sums[0];
            acc[1] += f1 * sums[1];
            acc[2] += f0 * sums[2];
            acc[3] += f1 * sums[3];
            weights += uq_weights_row_bytes(count, UQ_WEIGHT_BITS);
            x0 += count;
            x1 += count;
            left -= count;
        }
    }
}

/* The same for one vector. */
static void multiply_2x1(const uq_matmul_groupwise_params *params,
                         const uq_weight *weights, int32_t stride,
                         const int8_t *factors0, const int8_t *factors1,
                         const int8_t *x, int32_t acc[2])
{
    for (int32_t tap = 0; tap < params->taps; tap++) {
        int32_t left = params->depth;
        for (int32_t group = 0; left > 0; group++) {
            const int32_t count =
                left < params->group_size ? left : params->group_size;
            int32_t sums[2] = {0, 0};
            uq_dot_2x1(weights, weights + stride, x, count, sums);
            acc[0] += factors0[group] * sums[0];
            acc[1] += factors1[group] * sums[1];
            weights += uq_weights_row_bytes(count, UQ_WEIGHT_BITS);
            x += count;
            left -= count;
        }
    }
}

void UQ_SYMBOL(uq_matmul_groupwise_s8)(
    const uq_matmul_groupwise_params *params, const int8_t *x0,
    const int8_t *x1, const uq_weight *weights, const int8_t *factors,
    const int32_t *bias, const int32_t *multipliers, const uint8_t *shifts,
    int8_t *y0, int8_t *y1)
{
    const int32_t groups =
        uq_groupwise_count(params->depth, params->group_size);
    const int32_t row_bytes =
        params->taps * uq_groupwise_tap_bytes(params->depth, params->group_size,
                                              UQ_WEIGHT_BITS);
    for (int32_t o = 0; o < params->rows; o += 2) {
        // A last row without a partner is its own.
        const int32_t second = o + 1 < params->rows ? 1 : 0;
        const int8_t *next = factors + second * groups;
        int32_t acc[4];
        acc[0] = bias[o];
        acc[1] = bias[o + second];
        if (x1 != NULL) {
            acc[2] = acc[0];
            acc[3] = acc[1];
            multiply_2x2(params, weights, second * row_bytes, factors, next, x0,
                         x1, acc);
            uq_requantize_block_s8(&params->output, acc + 2, multipliers + o,
                                   shifts + o, 1 + second, y1 + o);
        } else {
            multiply_2x1(params, weights, second * row_bytes, factors, next, x0,
                         acc);
        }
        uq_requantize_block_s8(&params->output, acc, multipliers + o,
                               shifts + o, 1 + second, y0 + o);
        weights += 2 * row_bytes;
        factors += 2 * groups;
    }
}

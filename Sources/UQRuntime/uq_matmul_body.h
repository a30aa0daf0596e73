/* SPDX-License-Identifier: Apache-2.0 */
#include "uq_dot_body.h"
#include "uq_matmul.h"

void UQ_SYMBOL(uq_matmul_s8)(const uq_matmul_params *params, const int8_t *x0,
                             const int8_t *x1, const uq_weight *weights,
                             const int32_t *bias, const int32_t *multipliers,
                             const uint8_t *shifts, int8_t *y0, int8_t *y1)
{
    const int32_t depth = params->depth;
    const int32_t row_bytes = uq_weights_row_bytes(depth, UQ_WEIGHT_BITS);
    for (int32_t o = 0; o < params->rows; o += 2) {
        // A last row without a partner is computed twice and stored once.
        const int32_t second = o + 1 < params->rows ? 1 : 0;
        const uq_weight *next = weights + second * row_bytes;
        int32_t acc[4];
        acc[0] = bias[o];
        acc[1] = bias[o + second];
        if (x1 != 0) {
            acc[2] = acc[0];
            acc[3] = acc[1];
            uq_dot_2x2(weights, next, x0, x1, depth, acc);
            y1[o] = (int8_t)uq_requantize_to(&params->output, acc[2],
                                             multipliers[o], shifts[o]);
            y1[o + second] = (int8_t)uq_requantize_to(
                &params->output, acc[2 + second], multipliers[o + second],
                shifts[o + second]);
        } else {
            uq_dot_2x1(weights, next, x0, depth, acc);
        }
        y0[o] = (int8_t)uq_requantize_to(&params->output, acc[0],
                                         multipliers[o], shifts[o]);
        y0[o + second] = (int8_t)uq_requantize_to(
            &params->output, acc[second], multipliers[o + second],
            shifts[o + second]);
        weights = next + row_bytes;
    }
}

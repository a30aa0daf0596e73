/* SPDX-License-Identifier: Apache-2.0 */
#include "uq_dot_body.h"
#include "uq_fully_connected.h"

void UQ_SYMBOL(uq_fully_connected_s8_s16)(
    const uq_fully_connected_params *params, const int8_t *input,
    const uq_weight *weights, const int32_t *bias, const int32_t *multipliers,
    const uint8_t *shifts, int16_t *output)
{
    const int32_t depth = params->in_c;
    const int32_t row_bytes = uq_weights_row_bytes(depth, UQ_WEIGHT_BITS);
    for (int32_t n = 0; n < params->batch; n++) {
        const uq_weight *row = weights;
        for (int32_t o = 0; o < params->out_c; o += 2) {
            // A last row without a partner is computed twice, stored once.
            const int32_t second = o + 1 < params->out_c ? 1 : 0;
            const uq_weight *next = row + second * row_bytes;
            int32_t acc[2];
            acc[0] = bias[o];
            acc[1] = bias[o + second];
            uq_dot_2x1(row, next, input, depth, acc);
            output[o] = (int16_t)uq_requantize_to(&params->output, acc[0],
                                                  multipliers[o], shifts[o]);
            output[o + second] = (int16_t)uq_requantize_to(
                &params->output, acc[second], multipliers[o + second],
                shifts[o + second]);
            row = next + row_bytes;
        }
        input += depth;
        output += params->out_c;
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "uq_fully_connected.h"

/* Weight k of a packed row. */
static int32_t weight_at(const uint8_t *row, int32_t k, uint32_t bits)
{
    const uint32_t first = (uint32_t)k * bits;
    const uint32_t offset = first & 7u;
    const uint8_t *bytes = row + (first >> 3);
    uint32_t word = bytes[0];
    int32_t value;
    if (offset + bits > 8u)
        word |= (uint32_t)bytes[1] << 8;
    value = (int32_t)(word << (32u - bits - offset)) >> (int32_t)(32u - bits);
    return bits == 1u ? value | 1 : value;
}

static int32_t accumulate(const uq_fully_connected_s16_params *params,
                          const int16_t *input, const uint8_t *row, int32_t acc)
{
    const uint32_t bits = (uint32_t)params->weight_bits;
    for (int32_t k = 0; k < params->in_c; k++)
        acc += weight_at(row, k, bits) * input[k];
    return acc;
}

void uq_fully_connected_s16_s8(const uq_fully_connected_s16_params *params,
                               const int16_t *input, const void *weights,
                               const int32_t *bias, const int32_t *multipliers,
                               const uint8_t *shifts, int8_t *output)
{
    const int32_t row_bytes =
        uq_weights_row_bytes(params->in_c, params->weight_bits);
    for (int32_t n = 0; n < params->batch; n++) {
        const uint8_t *row = weights;
        for (int32_t o = 0; o < params->out_c; o++) {
            const int32_t acc = accumulate(params, input, row, bias[o]);
            *output++ = (int8_t)uq_requantize_to(&params->output, acc,
                                                 multipliers[o], shifts[o]);
            row += row_bytes;
        }
        input += params->in_c;
    }
}

void uq_fully_connected_s16(const uq_fully_connected_s16_params *params,
                            const int16_t *input, const void *weights,
                            const int32_t *bias, const int32_t *multipliers,
                            const uint8_t *shifts, int16_t *output)
{
    const int32_t row_bytes =
        uq_weights_row_bytes(params->in_c, params->weight_bits);
    for (int32_t n = 0; n < params->batch; n++) {
        const uint8_t *row = weights;
        for (int32_t o = 0; o < params->out_c; o++) {
            const int32_t acc = accumulate(params, input, row, bias[o]);
            *output++ = (int16_t)uq_requantize_to(&params->output, acc,
                                                  multipliers[o], shifts[o]);
            row += row_bytes;
        }
        input += params->in_c;
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "uq_fully_connected_s4.h"

#include "uq_nibbles.h"
#include "uq_weights.h"

enum {
    /* Outputs that share unpacked inputs; even. */
    UQ_ROWS = 16,
    /* Inputs that are unpacked at a time; a multiple of 8. */
    UQ_DEPTH = 32
};

/* What eight weights of a width add to acc. */
#define UQ_EIGHT(bits)                                                         \
    {                                                                          \
        const uint32_t group = uq_group8_w##bits(row);                         \
        for (uint32_t i = 0; i < 8u; i++)                                      \
            acc += uq_weight_w##bits(group, i) * x[i];                         \
    }

/* acc plus `count` inputs by weights of a row that starts on a byte. */
static int32_t dot(const uint8_t *row, int32_t bits, const int8_t *x,
                   int32_t count, int32_t acc)
{
    for (; count >= 8; count -= 8) {
        switch (bits) {
        case 8:
            for (int32_t i = 0; i < 8; i++)
                acc += (int8_t)row[i] * x[i];
            break;
        case 4:
            UQ_EIGHT(4)
            break;
        case 3:
            UQ_EIGHT(3)
            break;
        case 2:
            UQ_EIGHT(2)
            break;
        default:
            UQ_EIGHT(1)
            break;
        }
        row += bits;
        x += 8;
    }
    for (int32_t k = 0; k < count; k++) {
        int32_t weight;
        switch (bits) {
        case 8:
            weight = (int8_t)row[k];
            break;
        case 4:
            weight = uq_weight_at_w4(row, k);
            break;
        case 3:
            weight = uq_weight_at_w3(row, k);
            break;
        case 2:
            weight = uq_weight_at_w2(row, k);
            break;
        default:
            weight = uq_weight_at_w1(row, k);
            break;
        }
        acc += weight * x[k];
    }
    return acc;
}

/* The accumulators of `count` rows of weights for one input row. */
static void accumulate(const uq_fully_connected_s4_params *params,
                       const uint8_t *input, const uint8_t *weights,
                       const int32_t *bias, int32_t count, int32_t *acc)
{
    const int32_t bits = params->weight_bits;
    const int32_t row_bytes = uq_weights_row_bytes(params->in_c, bits);
    for (int32_t i = 0; i < count; i++)
        acc[i] = bias[i];
    for (int32_t k = 0; k < params->in_c; k += UQ_DEPTH) {
        const int32_t left = params->in_c - k;
        const int32_t depth = left < UQ_DEPTH ? left : UQ_DEPTH;
        const uint8_t *row = weights + k / 8 * bits;
        int8_t unpacked[UQ_DEPTH];
        const int8_t *x = unpacked;
        if (params->in_bits == 4)
            uq_unpack_s4(input + k / 2, 1, depth, unpacked);
        else
            x = (const int8_t *)input + k;
        for (int32_t i = 0; i < count; i++) {
            acc[i] = dot(row, bits, x, depth, acc[i]);
            row += row_bytes;
        }
    }
}

/* Requantizes outputs first..first+count-1 of a row; first is even. */
static void finish(const uq_fully_connected_s4_params *params, int32_t *acc,
                   const int32_t *multipliers, const uint8_t *shifts,
                   int32_t first, int32_t count, void *row)
{
    for (int32_t i = 0; i < count; i++) {
        // Without multipliers all factors are positive powers of two.
        const int32_t m = multipliers == NULL ? 1 : multipliers[first + i];
        acc[i] = uq_requantize_to(&params->output, acc[i], m, shifts[first + i]);
    }
    for (int32_t i = 0; i < count; i += 2)
        uq_store_pair(row, first + i, params->out_bits, count - i, acc[i],
                      acc[i + 1]);
}

void uq_fully_connected_s4(const uq_fully_connected_s4_params *params,
                           const void *input, const void *weights,
                           const int32_t *bias, const int32_t *multipliers,
                           const uint8_t *shifts, void *output)
{
    const int32_t row_bytes =
        uq_weights_row_bytes(params->in_c, params->weight_bits);
    const uint8_t *x = input;
    uint8_t *y = output;
    for (int32_t n = 0; n < params->batch; n++) {
        for (int32_t first = 0; first < params->out_c; first += UQ_ROWS) {
            const int32_t left = params->out_c - first;
            const int32_t count = left < UQ_ROWS ? left : UQ_ROWS;
            int32_t acc[UQ_ROWS];
            accumulate(params, x, (const uint8_t *)weights + first * row_bytes,
                       bias + first, count, acc);
            if (count % 2 != 0)
                acc[count] = 0;
            finish(params, acc, multipliers, shifts, first, count, y);
        }
        x += uq_pixel_bytes(params->in_c, params->in_bits);
        y += uq_pixel_bytes(params->out_c, params->out_bits);
    }
}

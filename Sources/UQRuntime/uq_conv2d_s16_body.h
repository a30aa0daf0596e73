/* SPDX-License-Identifier: Apache-2.0 */
#include "uq_conv2d_patch.h"
#include "uq_conv2d_s16.h"
#include "uq_width.h"

/* acc[0] += w0 . x, acc[1] += w1 . x, in the type of the accumulators. */
#define UQ_DOT_S16(name, type)                                                 \
    static void name(const uq_weight *w0, const uq_weight *w1,                 \
                     const int16_t *x, int32_t count, type acc[2])             \
    {                                                                          \
        type a0 = acc[0], a1 = acc[1];                                         \
        for (int32_t groups = count >> 3; groups > 0; groups--) {              \
            const uint32_t g0 = uq_group8(w0);                                 \
            const uint32_t g1 = uq_group8(w1);                                 \
            UQ_STEP(type, 0)                                                   \
            UQ_STEP(type, 1)                                                   \
            UQ_STEP(type, 2)                                                   \
            UQ_STEP(type, 3)                                                   \
            UQ_STEP(type, 4)                                                   \
            UQ_STEP(type, 5)                                                   \
            UQ_STEP(type, 6)                                                   \
            UQ_STEP(type, 7)                                                   \
            w0 += UQ_WEIGHT_BITS;                                              \
            w1 += UQ_WEIGHT_BITS;                                              \
            x += 8;                                                            \
        }                                                                      \
        for (int32_t k = 0; k < (count & 7); k++) {                            \
            a0 += (type)uq_weight_at(w0, k) * x[k];                            \
            a1 += (type)uq_weight_at(w1, k) * x[k];                            \
        }                                                                      \
        acc[0] = a0;                                                           \
        acc[1] = a1;                                                           \
    }

#define UQ_STEP(type, i)                                                       \
    {                                                                          \
        const type u = x[i];                                                   \
        a0 += uq_group_weight(g0, w0, i) * u;                                  \
        a1 += uq_group_weight(g1, w1, i) * u;                                  \
    }

UQ_DOT_S16(dot_32, int32_t)
UQ_DOT_S16(dot_64, int64_t)

/* The results of `rows` rows of weights for the inputs x of one pixel. */
static void multiply(const uq_conv2d_params *params, int32_t acc_shift,
                     const int16_t *x, const uq_weight *weights,
                     const int32_t *bias, const int32_t *multipliers,
                     const uint8_t *shifts, int32_t rows, int16_t *y)
{
    const int32_t depth = uq_conv2d_depth(params);
    const int32_t row_bytes = uq_weights_row_bytes(depth, UQ_WEIGHT_BITS);
    for (int32_t o = 0; o < rows; o += 2) {
        // A last row without a partner is computed twice, stored once.
        const int32_t second = o + 1 < rows ? 1 : 0;
        const uq_weight *next = weights + second * row_bytes;
        int32_t acc[2];
        acc[0] = bias[o];
        acc[1] = bias[o + second];
        if (acc_shift == 0) {
            dot_32(weights, next, x, depth, acc);
        } else {
            const int64_t half = (int64_t)1 << (acc_shift - 1);
            int64_t sums[2];
            sums[0] = acc[0];
            sums[1] = acc[1];
            dot_64(weights, next, x, depth, sums);
            acc[0] = (int32_t)((sums[0] + half) >> acc_shift);
            acc[1] = (int32_t)((sums[1] + half) >> acc_shift);
        }
        y[o] = (int16_t)uq_requantize_to(&params->output, acc[0],
                                         multipliers[o], shifts[o]);
        y[o + second] = (int16_t)uq_requantize_to(&params->output, acc[second],
                                                  multipliers[o + second],
                                                  shifts[o + second]);
        weights = next + row_bytes;
    }
}

void UQ_SYMBOL(uq_conv2d_s16)(const uq_conv2d_params *params, int32_t acc_shift,
                              const int16_t *input, const uq_weight *weights,
                              const int32_t *bias, const int32_t *multipliers,
                              const uint8_t *shifts, int16_t *output,
                              int16_t *scratch)
{
    const int32_t rows_out = params->out_c / params->groups;
    const int32_t group_bytes =
        rows_out *
        uq_weights_row_bytes(uq_conv2d_depth(params), UQ_WEIGHT_BITS);
    // Patches are gathered byte by byte: two make an input, zeros are zeros.
    uq_conv2d_params bytes = *params;
    const void *image = input;
    void *room = scratch;
    uq_rows rows = {NULL, NULL, 0, 0, 0, 0};
    bytes.in_c = 2 * params->in_c;
    bytes.in_zero_point = 0;
    rows.image = image;
    rows.height = params->in_h;
    rows.row_bytes = params->in_w * bytes.in_c;
    rows.top = -params->pad_top;
    rows.dilation = params->dilation_h;
    for (int32_t y = 0; y < params->out_h; y++) {
        for (int32_t x = 0; x < params->out_w; x++) {
            for (int32_t group = 0; group < params->groups; group++) {
                const int32_t first = group * rows_out;
                const void *patch =
                    uq_conv2d_patch(&bytes, &rows, group, x, room);
                multiply(params, acc_shift, patch,
                         weights + group * group_bytes, bias + first,
                         multipliers + first, shifts + first, rows_out,
                         output + first);
            }
            output += params->out_c;
        }
        rows.top += params->stride_h;
    }
}

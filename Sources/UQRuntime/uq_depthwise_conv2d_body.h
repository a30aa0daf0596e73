/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "uq_depthwise_conv2d.h"
#include "uq_rows.h"
#include "uq_width.h"

/* What the functions below share: an output row in the making. */
typedef struct {
    const uq_depthwise_conv2d_params *params;
    const uq_rows *rows;
    const uq_weight *weights;
    const int32_t *bias;
    const int32_t *multipliers;
    const uint8_t *shifts;
    /* A pixel of zero points, read by taps outside of the image. */
    const int8_t *padding;
    int32_t tap_bytes;
} depthwise;

/*
 * Four accumulators of output pixel whose first tap is column `left`: channels
 * c..c+3, c a multiple of 4, channel multiplier 1.
 */
static inline void accumulate_4(const depthwise *d, int32_t left, int32_t c,
                                int32_t acc[4])
{
    const uq_depthwise_conv2d_params *p = d->params;
    const int32_t in_c = p->in_c;
    const int32_t dilation = p->dilation_w;
    const int32_t tap_bytes = d->tap_bytes;
    const int32_t inside =
        left >= 0 && left + (p->kernel_w - 1) * dilation < p->in_w;
    const uq_weight *w = d->weights;
    int32_t a0 = d->bias[c], a1 = d->bias[c + 1];
    int32_t a2 = d->bias[c + 2], a3 = d->bias[c + 3];
    for (int32_t ky = 0; ky < p->kernel_h; ky++) {
        const int8_t *row = uq_rows_at(d->rows, ky);
        const int8_t *x = d->padding + c;
        int32_t step = 0;
        if (row != NULL && inside) {
            x = row + left * in_c + c;
            step = dilation * in_c;
        }
        for (int32_t kx = 0; kx < p->kernel_w; kx++) {
            const uint32_t group = uq_group4(w, c);
            const uq_weight *v = w + c * (UQ_WEIGHT_BITS == 8);
            const int8_t *u = x;
            if (!inside && row != NULL) {
                const int32_t column = left + kx * dilation;
                if (column >= 0 && column < p->in_w)
                    u = row + column * in_c + c;
            }
            a0 += uq_group_weight(group, v, 0u) * u[0];
            a1 += uq_group_weight(group, v, 1u) * u[1];
            a2 += uq_group_weight(group, v, 2u) * u[2];
            a3 += uq_group_weight(group, v, 3u) * u[3];
            x += step;
            w += tap_bytes;
        }
    }
    acc[0] = a0;
    acc[1] = a1;
    acc[2] = a2;
    acc[3] = a3;
}

/* The accumulator of one output channel, for any channel multiplier. */
static int32_t accumulate_1(const depthwise *d, int32_t left, int32_t channel)
{
    const uq_depthwise_conv2d_params *p = d->params;
    const int32_t c = channel / p->channel_multiplier;
    const uq_weight *w = d->weights;
    int32_t acc = d->bias[channel];
    for (int32_t ky = 0; ky < p->kernel_h; ky++) {
        const int8_t *row = uq_rows_at(d->rows, ky);
        for (int32_t kx = 0; kx < p->kernel_w; kx++) {
            const int32_t column = left + kx * p->dilation_w;
            const int8_t *pixel = d->padding;
            if (row != NULL && column >= 0 && column < p->in_w)
                pixel = row + column * p->in_c;
            acc += uq_weight_at(w, channel) * pixel[c];
            w += d->tap_bytes;
        }
    }
    return acc;
}

static void convolve_row(const depthwise *d, int8_t *y)
{
    const uq_depthwise_conv2d_params *p = d->params;
    const int32_t out_c = p->in_c * p->channel_multiplier;
    for (int32_t column = 0; column < p->out_w; column++) {
        const int32_t left = column * p->stride_w - p->pad_left;
        int32_t c = 0;
        for (; p->channel_multiplier == 1 && c + 4 <= out_c; c += 4) {
            int32_t acc[4];
            accumulate_4(d, left, c, acc);
            for (int32_t i = 0; i < 4; i++)
                y[c + i] = (int8_t)uq_requantize_to(
                    &p->output, acc[i], d->multipliers[c + i],
                    d->shifts[c + i]);
        }
        for (; c < out_c; c++)
            y[c] = (int8_t)uq_requantize_to(&p->output,
                                            accumulate_1(d, left, c),
                                            d->multipliers[c], d->shifts[c]);
        y += out_c;
    }
}

void UQ_SYMBOL(uq_depthwise_conv2d_row_s8)(
    const uq_depthwise_conv2d_params *params, const int8_t *const *rows,
    const uq_weight *weights, const int32_t *bias, const int32_t *multipliers,
    const uint8_t *shifts, int8_t *output_row, int8_t *scratch)
{
    uq_rows list = {NULL, NULL, 0, 0, 0, 0};
    depthwise d;
    list.list = rows;
    memset(scratch, params->in_zero_point, (size_t)params->in_c);
    d.params = params;
    d.rows = &list;
    d.weights = weights;
    d.bias = bias;
    d.multipliers = multipliers;
    d.shifts = shifts;
    d.padding = scratch;
    d.tap_bytes = uq_weights_row_bytes(
        params->in_c * params->channel_multiplier, UQ_WEIGHT_BITS);
    convolve_row(&d, output_row);
}

void UQ_SYMBOL(uq_depthwise_conv2d_s8)(
    const uq_depthwise_conv2d_params *params, const int8_t *input,
    const uq_weight *weights, const int32_t *bias, const int32_t *multipliers,
    const uint8_t *shifts, int8_t *output, int8_t *scratch)
{
    const int32_t out_c = params->in_c * params->channel_multiplier;
    uq_rows rows = {NULL, NULL, 0, 0, 0, 0};
    depthwise d;
    rows.image = input;
    rows.height = params->in_h;
    rows.row_bytes = params->in_w * params->in_c;
    rows.top = -params->pad_top;
    rows.dilation = params->dilation_h;
    memset(scratch, params->in_zero_point, (size_t)params->in_c);
    d.params = params;
    d.rows = &rows;
    d.weights = weights;
    d.bias = bias;
    d.multipliers = multipliers;
    d.shifts = shifts;
    d.padding = scratch;
    d.tap_bytes = uq_weights_row_bytes(out_c, UQ_WEIGHT_BITS);
    for (int32_t y = 0; y < params->out_h; y++) {
        convolve_row(&d, output);
        output += params->out_w * out_c;
        rows.top += params->stride_h;
    }
}

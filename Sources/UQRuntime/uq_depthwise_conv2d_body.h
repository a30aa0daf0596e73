/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "uq_depthwise_conv2d.h"
#include "uq_rows.h"
#include "uq_width.h"

enum {
    /* Channels between two rounds of requantization; a multiple of 4. */
    UQ_DEPTHWISE_BLOCK = 32,
    /* Taps whose pixels are looked up at once. */
    UQ_DEPTHWISE_TAPS = 16
};

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
 * The input pixels of taps first..first+count-1 for an output pixel whose
 * leftmost tap is column `left`. That border and interior cost the same
 * afterwards pays for the list many times over.
 */
static void find_pixels(const depthwise *d, int32_t left, int32_t first,
                        int32_t count, const int8_t **pixels)
{
    const uq_depthwise_conv2d_params *p = d->params;
    int32_t ky = first / p->kernel_w;
    int32_t kx = first - ky * p->kernel_w;
    while (count > 0) {
        const int8_t *row = uq_rows_at(d->rows, ky);
        int32_t here = p->kernel_w - kx;
        int32_t column = left + kx * p->dilation_w;
        here = here < count ? here : count;
        count -= here;
        if (row != NULL && column >= 0 &&
            column + (here - 1) * p->dilation_w < p->in_w) {
            const int32_t step = p->dilation_w * p->in_c;
            row += column * p->in_c;
            *pixels++ = row;
            for (; here > 1; here--) {
                row += step;
                *pixels++ = row;
            }
        } else {
            for (; here > 0; here--) {
                *pixels++ = row == NULL || column < 0 || column >= p->in_w
                                ? d->padding
                                : row + column * p->in_c;
                column += p->dilation_w;
            }
        }
        kx = 0;
        ky++;
    }
}

/*
 * acc = start + `taps` taps, for `count` channels from `first` on, both
 * multiples of 4; channel multiplier 1.
 */
static void accumulate_4(const int8_t *const *pixels, const uq_weight *weights,
                         int32_t tap_bytes, int32_t taps, int32_t first,
                         int32_t count, const int32_t *start, int32_t *acc)
{
    for (int32_t c = first; c < first + count; c += 4) {
        const int8_t *const *pixel = pixels;
        const int8_t *const *end = pixels + taps;
        const uq_weight *w = weights;
        int32_t a0 = start[0], a1 = start[1], a2 = start[2], a3 = start[3];
        do {
            const int8_t *x = *pixel++ + c;
            const uint32_t group = uq_group4(w, c);
            const uq_weight *v = w + c * (UQ_WEIGHT_BITS == 8);
            a0 += (int)uq_group_weight(group, v, 0u) * x[0];
            a1 += (int)uq_group_weight(group, v, 1u) * x[1];
            a2 += (int)uq_group_weight(group, v, 2u) * x[2];
            a3 += (int)uq_group_weight(group, v, 3u) * x[3];
            w += tap_bytes;
        } while (pixel != end);
        acc[0] = a0;
        acc[1] = a1;
        acc[2] = a2;
        acc[3] = a3;
        acc += 4;
        start += 4;
    }
}

/* The same for any channels and any channel multiplier. */
static void accumulate_1(const int8_t *const *pixels, const uq_weight *weights,
                         int32_t tap_bytes, int32_t taps, int32_t first,
                         int32_t count, int32_t multiplier,
                         const int32_t *start, int32_t *acc)
{
    for (int32_t channel = first; channel < first + count; channel++) {
        const int32_t c = channel / multiplier;
        const uq_weight *w = weights;
        int32_t a = *start++;
        for (int32_t tap = 0; tap < taps; tap++) {
            a += (int)uq_weight_at(w, channel) * pixels[tap][c];
            w += tap_bytes;
        }
        *acc++ = a;
    }
}

static void convolve_pixel(const depthwise *d, int32_t left, int8_t *y)
{
    const uq_depthwise_conv2d_params *p = d->params;
    const int32_t out_c = p->in_c * p->channel_multiplier;
    const int32_t taps = p->kernel_h * p->kernel_w;
    const int8_t *pixels[UQ_DEPTHWISE_TAPS];
    int32_t acc[UQ_DEPTHWISE_BLOCK];
    for (int32_t first = 0; first < out_c; first += UQ_DEPTHWISE_BLOCK) {
        const int32_t left_over = out_c - first;
        const int32_t count =
            left_over < UQ_DEPTHWISE_BLOCK ? left_over : UQ_DEPTHWISE_BLOCK;
        const int32_t fast = p->channel_multiplier == 1 ? count & ~3 : 0;
        const int32_t *start = d->bias + first;
        for (int32_t tap = 0; tap < taps; tap += UQ_DEPTHWISE_TAPS) {
            const uq_weight *w = d->weights + tap * d->tap_bytes;
            const int32_t more =
                taps - tap < UQ_DEPTHWISE_TAPS ? taps - tap : UQ_DEPTHWISE_TAPS;
            // One list serves all channels where it holds all taps.
            if (first == 0 || taps > UQ_DEPTHWISE_TAPS)
                find_pixels(d, left, tap, more, pixels);
            accumulate_4(pixels, w, d->tap_bytes, more, first, fast, start,
                         acc);
            if (fast < count)
                accumulate_1(pixels, w, d->tap_bytes, more, first + fast,
                             count - fast, p->channel_multiplier, start + fast,
                             acc + fast);
            start = acc;
        }
        uq_requantize_block_s8(&p->output, acc,
                               uq_multipliers_from(d->multipliers, first),
                               d->shifts + first, count, y + first);
    }
}

static void convolve_row(const depthwise *d, int8_t *y)
{
    const uq_depthwise_conv2d_params *p = d->params;
    for (int32_t x = 0; x < p->out_w; x++) {
        convolve_pixel(d, x * p->stride_w - p->pad_left, y);
        y += p->in_c * p->channel_multiplier;
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
    memset(scratch, (int)params->in_zero_point, (size_t)params->in_c);
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
    memset(scratch, (int)params->in_zero_point, (size_t)params->in_c);
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

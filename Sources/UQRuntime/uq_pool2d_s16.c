/* SPDX-License-Identifier: Apache-2.0 */
#include "uq_pool2d_s16.h"

/* The part of a window that lies inside of the image, from its first pixel. */
typedef struct {
    const int16_t *first;
    int32_t rows, columns;
    /* Elements from a tap to the one below and to the one beside it. */
    int32_t row_step, column_step;
} window;

/* Taps of an axis from `start` on that lie inside of 0..size-1. */
static int32_t inside(int32_t *start, int32_t taps, int32_t dilation,
                      int32_t size)
{
    for (; taps > 0 && *start < 0; taps--)
        *start += dilation;
    while (taps > 0 && *start + (taps - 1) * dilation >= size)
        taps--;
    return taps;
}

static window find_window(const uq_pool2d_params *p, const int16_t *input,
                          int32_t y, int32_t x)
{
    const int32_t row = p->in_w * p->channels;
    int32_t top = y * p->stride_h - p->pad_top;
    int32_t left = x * p->stride_w - p->pad_left;
    window w;
    w.rows = inside(&top, p->kernel_h, p->dilation_h, p->in_h);
    w.columns = inside(&left, p->kernel_w, p->dilation_w, p->in_w);
    // Without a tap inside, the place of the first means nothing.
    w.first = w.rows * w.columns > 0 ? input + top * row + left * p->channels
                                     : input;
    w.row_step = p->dilation_h * row;
    w.column_step = p->dilation_w * p->channels;
    return w;
}

void uq_max_pool2d_s16(const uq_pool2d_params *params, const int16_t *input,
                       int16_t *output)
{
    for (int32_t y = 0; y < params->out_h; y++) {
        for (int32_t x = 0; x < params->out_w; x++) {
            const window w = find_window(params, input, y, x);
            for (int32_t c = 0; c < params->channels; c++) {
                int32_t largest = params->output.min;
                for (int32_t ky = 0; ky < w.rows; ky++) {
                    const int16_t *row = w.first + ky * w.row_step + c;
                    for (int32_t kx = 0; kx < w.columns; kx++) {
                        const int32_t value = row[kx * w.column_step];
                        largest = value > largest ? value : largest;
                    }
                }
                *output++ =
                    (int16_t)(largest > params->output.max ? params->output.max
                                                           : largest);
            }
        }
    }
}

void uq_avg_pool2d_s16(const uq_pool2d_params *params, const int16_t *input,
                       const int32_t *multipliers, const uint8_t *shifts,
                       int16_t *output)
{
    for (int32_t y = 0; y < params->out_h; y++) {
        for (int32_t x = 0; x < params->out_w; x++) {
            const window w = find_window(params, input, y, x);
            const int32_t count = w.rows * w.columns;
            const int32_t entry =
                params->count_include_pad || count == 0 ? 0 : count - 1;
            for (int32_t c = 0; c < params->channels; c++) {
                int32_t sum = 0;
                for (int32_t ky = 0; ky < w.rows; ky++) {
                    const int16_t *row = w.first + ky * w.row_step + c;
                    for (int32_t kx = 0; kx < w.columns; kx++)
                        sum += row[kx * w.column_step];
                }
                *output++ = (int16_t)uq_requantize_to(
                    &params->output, sum, multipliers[entry], shifts[entry]);
            }
        }
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "uq_pool2d_s4.h"

#include "uq_nibbles.h"

/* The pixels of a window that lie inside of the image. */
typedef struct {
    const uint8_t *first;
    int32_t rows, columns;
    /* Bytes from a row to the next, and from a pixel to the next. */
    int32_t row_step, column_step;
} window;

/*
 * Taps of one axis inside of `size`, for a window that starts at `from`; the
 * first one's position in *start.
 */
static int32_t taps_inside(int32_t from, int32_t kernel, int32_t dilation,
                           int32_t size, int32_t *start)
{
    for (; kernel > 0 && from < 0; kernel--)
        from += dilation;
    while (kernel > 0 && from + (kernel - 1) * dilation >= size)
        kernel--;
    *start = kernel > 0 ? from : 0;
    return kernel;
}

static window find_window(const uq_pool2d_params *params, int32_t bits,
                          const uint8_t *input, int32_t y, int32_t x)
{
    const int32_t bytes = uq_pixel_bytes(params->channels, bits);
    int32_t top, left;
    window w;
    w.rows = taps_inside(y * params->stride_h - params->pad_top,
                         params->kernel_h, params->dilation_h, params->in_h,
                         &top);
    w.columns = taps_inside(x * params->stride_w - params->pad_left,
                            params->kernel_w, params->dilation_w, params->in_w,
                            &left);
    w.row_step = params->dilation_h * params->in_w * bytes;
    w.column_step = params->dilation_w * bytes;
    w.first = input + (top * params->in_w + left) * bytes;
    return w;
}

/* Raises a pair to the largest of channels c and c+1 in a window. */
static void raise_pair(const window *w, int32_t c, int32_t bits,
                       int32_t count, int32_t largest[2])
{
    const uint8_t *row = w->first;
    for (int32_t ky = w->rows; ky > 0; ky--) {
        const uint8_t *pixel = row;
        for (int32_t kx = w->columns; kx > 0; kx--) {
            int32_t pair[2];
            uq_load_pair(pixel, c, bits, count, pair);
            if (pair[0] > largest[0])
                largest[0] = pair[0];
            if (pair[1] > largest[1])
                largest[1] = pair[1];
            pixel += w->column_step;
        }
        row += w->row_step;
    }
}

void uq_max_pool2d_s4(const uq_pool2d_params *params, int32_t in_bits,
                      int32_t out_bits, const void *input, void *output)
{
    const uq_output *stage = &params->output;
    const int32_t channels = params->channels;
    const int32_t step = uq_pixel_bytes(channels, out_bits);
    uint8_t *to = output;
    for (int32_t y = 0; y < params->out_h; y++) {
        for (int32_t x = 0; x < params->out_w; x++) {
            const window w = find_window(params, in_bits, input, y, x);
            for (int32_t c = 0; c < channels; c += 2) {
                const int32_t count = channels - c;
                int32_t largest[2];
                largest[0] = stage->min;
                largest[1] = stage->min;
                raise_pair(&w, c, in_bits, count, largest);
                uq_store_pair(to, c, out_bits, count,
                              uq_clamp(largest[0], stage->min, stage->max),
                              uq_clamp(largest[1], stage->min, stage->max));
            }
            to += step;
        }
    }
}

/* Adds channels c and c+1 of a window to a pair of sums. */
static void add_pair(const window *w, int32_t c, int32_t bits, int32_t count,
                     int32_t sums[2])
{
    const uint8_t *row = w->first;
    for (int32_t ky = w->rows; ky > 0; ky--) {
        const uint8_t *pixel = row;
        for (int32_t kx = w->columns; kx > 0; kx--) {
            int32_t pair[2];
            uq_load_pair(pixel, c, bits, count, pair);
            sums[0] += pair[0];
            sums[1] += pair[1];
            pixel += w->column_step;
        }
        row += w->row_step;
    }
}

void uq_avg_pool2d_s4(const uq_pool2d_params *params, int32_t in_bits,
                      int32_t out_bits, const void *input,
                      const int32_t *multipliers, const uint8_t *shifts,
                      void *output)
{
    const uq_output *stage = &params->output;
    const int32_t channels = params->channels;
    const int32_t step = uq_pixel_bytes(channels, out_bits);
    uint8_t *to = output;
    for (int32_t y = 0; y < params->out_h; y++) {
        for (int32_t x = 0; x < params->out_w; x++) {
            const window w = find_window(params, in_bits, input, y, x);
            const int32_t taps = w.rows * w.columns;
            // With no tap inside, the sum is 0 and so is what any multiplier
            // makes of it.
            const int32_t entry =
                params->count_include_pad || taps == 0 ? 0 : taps - 1;
            const int32_t m = multipliers[entry];
            const uint32_t s = shifts[entry];
            for (int32_t c = 0; c < channels; c += 2) {
                const int32_t count = channels - c;
                int32_t sums[2];
                sums[0] = -taps * params->in_zero_point;
                sums[1] = sums[0];
                add_pair(&w, c, in_bits, count, sums);
                uq_store_pair(to, c, out_bits, count,
                              uq_requantize_to(stage, sums[0], m, s),
                              uq_requantize_to(stage, sums[1], m, s));
            }
            to += step;
        }
    }
}

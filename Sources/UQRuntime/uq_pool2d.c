/* SPDX-License-Identifier: Apache-2.0 */
#include "uq_pool2d.h"

#include "uq_rows.h"

/* The part of a window that lies inside of the image: [first, last). */
typedef struct {
    int32_t first, last;
} taps;

static taps taps_inside(int32_t start, int32_t dilation, int32_t kernel,
                        int32_t size)
{
    taps t = {0, kernel};
    while (t.first < kernel && start + t.first * dilation < 0)
        t.first++;
    while (t.last > t.first && start + (t.last - 1) * dilation >= size)
        t.last--;
    return t;
}

static uq_rows image_rows(const uq_pool2d_params *params, const int8_t *input)
{
    uq_rows rows = {NULL, NULL, 0, 0, 0, 0};
    rows.image = input;
    rows.height = params->in_h;
    rows.row_bytes = params->in_w * params->channels;
    rows.top = -params->pad_top;
    rows.dilation = params->dilation_h;
    return rows;
}

static void max_row(const uq_pool2d_params *params, const uq_rows *rows,
                    int8_t *y)
{
    const int32_t channels = params->channels;
    const int32_t step = params->dilation_w * channels;
    for (int32_t x = 0; x < params->out_w; x++) {
        const int32_t left = x * params->stride_w - params->pad_left;
        const taps t = taps_inside(left, params->dilation_w, params->kernel_w,
                                   params->in_w);
        for (int32_t c = 0; c < channels; c++) {
            int32_t largest = params->output.min;
            for (int32_t ky = 0; ky < params->kernel_h; ky++) {
                const int8_t *row = uq_rows_at(rows, ky);
                if (row == NULL)
                    continue;
                row += (left + t.first * params->dilation_w) * channels + c;
                for (int32_t kx = t.first; kx < t.last; kx++) {
                    if (*row > largest)
                        largest = *row;
                    if (kx + 1 < t.last)
                        row += step;
                }
            }
            if (largest > params->output.max)
                largest = params->output.max;
            *y++ = (int8_t)largest;
        }
    }
}

void uq_max_pool2d_row_s8(const uq_pool2d_params *params,
                          const int8_t *const *rows, int8_t *output_row)
{
    uq_rows list = {NULL, NULL, 0, 0, 0, 0};
    list.list = rows;
    max_row(params, &list, output_row);
}

void uq_max_pool2d_s8(const uq_pool2d_params *params, const int8_t *input,
                      int8_t *output)
{
    uq_rows rows = image_rows(params, input);
    for (int32_t y = 0; y < params->out_h; y++) {
        max_row(params, &rows, output);
        output += params->out_w * params->channels;
        rows.top += params->stride_h;
    }
}

static void average_row(const uq_pool2d_params *params, const uq_rows *rows,
                        const int32_t *multipliers, const uint8_t *shifts,
                        int8_t *y)
{
    const int32_t channels = params->channels;
    const int32_t step = params->dilation_w * channels;
    int32_t rows_inside = 0;
    for (int32_t ky = 0; ky < params->kernel_h; ky++)
        rows_inside += uq_rows_at(rows, ky) != NULL ? 1 : 0;
    for (int32_t x = 0; x < params->out_w; x++) {
        const int32_t left = x * params->stride_w - params->pad_left;
        const taps t = taps_inside(left, params->dilation_w, params->kernel_w,
                                   params->in_w);
        const int32_t count = rows_inside * (t.last - t.first);
        // With no tap inside, the sum is 0 and so is what any multiplier
        // makes of it.
        const int32_t entry =
            params->count_include_pad || count == 0 ? 0 : count - 1;
        for (int32_t c = 0; c < channels; c++) {
            int32_t sum = -count * params->in_zero_point;
            for (int32_t ky = 0; ky < params->kernel_h && count > 0; ky++) {
                const int8_t *row = uq_rows_at(rows, ky);
                if (row == NULL)
                    continue;
                row += (left + t.first * params->dilation_w) * channels + c;
                for (int32_t kx = t.first; kx < t.last; kx++) {
                    sum += *row;
                    if (kx + 1 < t.last)
                        row += step;
                }
            }
            *y++ = (int8_t)uq_requantize_to(&params->output, sum,
                                            multipliers[entry], shifts[entry]);
        }
    }
}

void uq_avg_pool2d_row_s8(const uq_pool2d_params *params,
                          const int8_t *const *rows,
                          const int32_t *multipliers, const uint8_t *shifts,
                          int8_t *output_row)
{
    uq_rows list = {NULL, NULL, 0, 0, 0, 0};
    list.list = rows;
    average_row(params, &list, multipliers, shifts, output_row);
}

void uq_avg_pool2d_s8(const uq_pool2d_params *params, const int8_t *input,
                      const int32_t *multipliers, const uint8_t *shifts,
                      int8_t *output)
{
    uq_rows rows = image_rows(params, input);
    for (int32_t y = 0; y < params->out_h; y++) {
        average_row(params, &rows, multipliers, shifts, output);
        output += params->out_w * params->channels;
        rows.top += params->stride_h;
    }
}

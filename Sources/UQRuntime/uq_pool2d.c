/* SPDX-License-Identifier: Apache-2.0 */
#include "uq_pool2d.h"

#include <string.h>

#include "uq_rows.h"

/* The part of a window that lies inside of the image. */
typedef struct {
    const uq_rows *rows;
    int32_t kernel_h;
    /* Columns inside, bytes from the row's start to the first one's pixel, and
       from one to the next. */
    int32_t columns, start, step;
} window;

/* The window of output column `x`. */
static window find_window(const uq_pool2d_params *params, const uq_rows *rows,
                          int32_t x)
{
    int32_t column = x * params->stride_w - params->pad_left;
    int32_t taps = params->kernel_w;
    window w;
    for (; taps > 0 && column < 0; taps--)
        column += params->dilation_w;
    while (taps > 0 && column + (taps - 1) * params->dilation_w >= params->in_w)
        taps--;
    w.rows = rows;
    w.kernel_h = params->kernel_h;
    w.columns = taps;
    w.start = column * params->channels;
    w.step = params->dilation_w * params->channels;
    return w;
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

#define UQ_RAISE(largest, value)                                               \
    if ((value) > (largest))                                                   \
    (largest) = (value)

/* Raises y[c..c+3] to the largest input of the window. */
static void raise_4(const window *w, int32_t c, int8_t *y)
{
    int32_t y0 = y[c], y1 = y[c + 1], y2 = y[c + 2], y3 = y[c + 3];
    for (int32_t ky = 0; ky < w->kernel_h; ky++) {
        const int8_t *row = uq_rows_at(w->rows, ky);
        int32_t offset = w->start + c;
        if (row == NULL)
            continue;
        for (int32_t kx = w->columns; kx > 0; kx--) {
            const int8_t *x = row + offset;
            UQ_RAISE(y0, x[0]);
            UQ_RAISE(y1, x[1]);
            UQ_RAISE(y2, x[2]);
            UQ_RAISE(y3, x[3]);
            offset += w->step;
        }
    }
    y[c] = (int8_t)y0;
    y[c + 1] = (int8_t)y1;
    y[c + 2] = (int8_t)y2;
    y[c + 3] = (int8_t)y3;
}

/* The same for y[c]. */
static void raise_1(const window *w, int32_t c, int8_t *y)
{
    int32_t largest = y[c];
    for (int32_t ky = 0; ky < w->kernel_h; ky++) {
        const int8_t *row = uq_rows_at(w->rows, ky);
        int32_t offset = w->start + c;
        if (row == NULL)
            continue;
        for (int32_t kx = w->columns; kx > 0; kx--) {
            UQ_RAISE(largest, row[offset]);
            offset += w->step;
        }
    }
    y[c] = (int8_t)largest;
}

static void max_row(const uq_pool2d_params *params, const uq_rows *rows,
                    int8_t *y)
{
    const int32_t channels = params->channels;
    memset(y, (int)params->output.min, (size_t)(params->out_w * channels));
    for (int32_t x = 0; x < params->out_w; x++) {
        const window w = find_window(params, rows, x);
        int32_t c = 0;
        for (; c + 4 <= channels; c += 4)
            raise_4(&w, c, y);
        for (; c < channels; c++)
            raise_1(&w, c, y);
        for (c = 0; c < channels; c++)
            if (y[c] > params->output.max)
                y[c] = (int8_t)params->output.max;
        y += channels;
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

/* Adds the inputs of the window in channels c..c+3 to four sums. */
static void add_4(const window *w, int32_t c, int32_t *sums)
{
    int32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
    for (int32_t ky = 0; ky < w->kernel_h; ky++) {
        const int8_t *row = uq_rows_at(w->rows, ky);
        int32_t offset = w->start + c;
        if (row == NULL)
            continue;
        for (int32_t kx = w->columns; kx > 0; kx--) {
            const int8_t *x = row + offset;
            s0 += x[0];
            s1 += x[1];
            s2 += x[2];
            s3 += x[3];
            offset += w->step;
        }
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

/* The same for channel c alone. */
static void add_1(const window *w, int32_t c, int32_t *sum)
{
    for (int32_t ky = 0; ky < w->kernel_h; ky++) {
        const int8_t *row = uq_rows_at(w->rows, ky);
        int32_t offset = w->start + c;
        if (row == NULL)
            continue;
        for (int32_t kx = w->columns; kx > 0; kx--) {
            *sum += row[offset];
            offset += w->step;
        }
    }
}

static void average_row(const uq_pool2d_params *params, const uq_rows *rows,
                        const int32_t *multipliers, const uint8_t *shifts,
                        int8_t *y, int16_t *wide)
{
    const int32_t channels = params->channels;
    int32_t rows_inside = 0;
    for (int32_t ky = 0; ky < params->kernel_h; ky++)
        rows_inside += uq_rows_at(rows, ky) != NULL ? 1 : 0;
    for (int32_t x = 0; x < params->out_w; x++) {
        const window w = find_window(params, rows, x);
        const int32_t count = rows_inside * w.columns;
        // With no tap inside, the sum is 0 and so is what any multiplier
        // makes of it.
        const int32_t entry =
            params->count_include_pad || count == 0 ? 0 : count - 1;
        int32_t width;
        for (int32_t c = 0; c < channels; c += width) {
            const int32_t zero = -count * params->in_zero_point;
            int32_t sums[4] = {zero, zero, zero, zero};
            width = channels - c < 4 ? 1 : 4;
            if (width == 4)
                add_4(&w, c, sums);
            else
                add_1(&w, c, sums);
            for (int32_t i = 0; i < width; i++) {
                const int32_t q =
                    uq_requantize_to(&params->output, sums[i],
                                     multipliers[entry], shifts[entry]);
                if (wide != NULL)
                    *wide++ = (int16_t)q;
                else
                    *y++ = (int8_t)q;
            }
        }
    }
}

void uq_avg_pool2d_row_s8(const uq_pool2d_params *params,
                          const int8_t *const *rows, const int32_t *multipliers,
                          const uint8_t *shifts, int8_t *output_row)
{
    uq_rows list = {NULL, NULL, 0, 0, 0, 0};
    list.list = rows;
    average_row(params, &list, multipliers, shifts, output_row, NULL);
}

void uq_avg_pool2d_s8(const uq_pool2d_params *params, const int8_t *input,
                      const int32_t *multipliers, const uint8_t *shifts,
                      int8_t *output)
{
    uq_rows rows = image_rows(params, input);
    for (int32_t y = 0; y < params->out_h; y++) {
        average_row(params, &rows, multipliers, shifts, output, NULL);
        output += params->out_w * params->channels;
        rows.top += params->stride_h;
    }
}

void uq_avg_pool2d_s8_s16(const uq_pool2d_params *params, const int8_t *input,
                          const int32_t *multipliers, const uint8_t *shifts,
                          int16_t *output)
{
    uq_rows rows = image_rows(params, input);
    for (int32_t y = 0; y < params->out_h; y++) {
        average_row(params, &rows, multipliers, shifts, NULL, output);
        output += params->out_w * params->channels;
        rows.top += params->stride_h;
    }
}

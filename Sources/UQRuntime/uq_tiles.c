/* SPDX-License-Identifier: Apache-2.0 */
#include "uq_tiles.h"

#include "uq_nibbles.h"

/* Columns between the first and the last that `count` output pixels read. */
static int32_t span(const uq_tile_window *window, int32_t count)
{
    return (count - 1) * window->stride_w +
           (window->kernel_w - 1) * window->dilation_w + 1;
}

int32_t uq_tile_bytes(const uq_tiling *tiling, const uq_tile_window *window)
{
    const int32_t columns = span(window, tiling->pixels);
    const int32_t in_w = columns < window->in_w ? columns : window->in_w;
    const int32_t in_h =
        window->kernel_h < window->in_h ? window->kernel_h : window->in_h;
    return tiling->in_bits == 4 ? in_h * in_w * window->in_c : 0;
}

/* The rows and columns that are read and lie inside, unpacked densely. */
static uq_tile unpack(const uq_tile_window *window, const uint8_t *image,
                      int32_t y, int32_t x, int32_t count, int8_t *memory)
{
    const int32_t top = y * window->stride_h - window->pad_top;
    const int32_t left = x * window->stride_w - window->pad_left;
    const int32_t right = left + span(window, count);
    const int32_t from = left > 0 ? left : 0;
    const int32_t to = right < window->in_w ? right : window->in_w;
    const int32_t bytes = uq_pixel_bytes(window->in_c, 4);
    uq_tile tile;
    int32_t first = 0;
    int32_t last = window->kernel_h - 1;
    while (first <= last && top + first * window->dilation_h < 0)
        first++;
    while (first <= last && top + last * window->dilation_h >= window->in_h)
        last--;
    tile.image = memory;
    tile.dilation_h = 1;
    if (first > last || from >= to) {
        // Every tap lies to the left of an image that nothing reads.
        tile.in_h = 1;
        tile.in_w = 1;
        tile.pad_top = 0;
        tile.pad_left = right - left;
        return tile;
    }
    tile.in_h = last - first + 1;
    tile.in_w = to - from;
    tile.pad_top = first;
    tile.pad_left = from - left;
    for (int32_t ky = first; ky <= last; ky++) {
        const int32_t row = top + ky * window->dilation_h;
        uq_unpack_s4(image + (row * window->in_w + from) * bytes, tile.in_w,
                     window->in_c, memory);
        memory += tile.in_w * window->in_c;
    }
    return tile;
}

uq_tile uq_cut_tile(const uq_tiling *tiling, const uq_tile_window *window,
                    const void *image, int32_t y, int32_t x, int32_t count,
                    int8_t *memory)
{
    uq_tile tile;
    if (tiling->in_bits == 4)
        return unpack(window, image, y, x, count, memory);
    // The whole image, so far to the upper left that its first output is ours.
    tile.image = image;
    tile.in_h = window->in_h;
    tile.in_w = window->in_w;
    tile.dilation_h = window->dilation_h;
    tile.pad_top = window->pad_top - y * window->stride_h;
    tile.pad_left = window->pad_left - x * window->stride_w;
    return tile;
}

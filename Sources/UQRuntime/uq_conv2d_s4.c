/* SPDX-License-Identifier: Apache-2.0 */
#include "uq_conv2d_s4.h"

#include "uq_nibbles.h"

/* The layer; a pointwise one as a single row of all pixels. */
static uq_conv2d_params in_rows(const uq_conv2d_params *params)
{
    uq_conv2d_params layer = *params;
    if (uq_conv2d_is_direct(params) && layer.kernel_w == 1 &&
        layer.stride_h == 1 && layer.stride_w == 1 &&
        layer.out_h == layer.in_h && layer.out_w == layer.in_w) {
        layer.in_w *= layer.in_h;
        layer.out_w = layer.in_w;
        layer.in_h = 1;
        layer.out_h = 1;
    }
    return layer;
}

static uq_tile_window window_of(const uq_conv2d_params *layer)
{
    uq_tile_window window;
    window.in_h = layer->in_h;
    window.in_w = layer->in_w;
    window.in_c = layer->in_c;
    window.kernel_h = layer->kernel_h;
    window.kernel_w = layer->kernel_w;
    window.stride_h = layer->stride_h;
    window.stride_w = layer->stride_w;
    window.dilation_h = layer->dilation_h;
    window.dilation_w = layer->dilation_w;
    window.pad_top = layer->pad_top;
    window.pad_left = layer->pad_left;
    return window;
}

int32_t uq_conv2d_s4_scratch_bytes(const uq_conv2d_params *params,
                                   const uq_tiling *tiling)
{
    const uq_conv2d_params layer = in_rows(params);
    const uq_tile_window window = window_of(&layer);
    const int32_t results =
        tiling->out_bits == 4 ? tiling->pixels * layer.out_c : 0;
    return uq_tile_bytes(tiling, &window) + uq_conv2d_scratch_bytes(&layer) +
           results;
}

void uq_conv2d_s4(const uq_conv2d_params *params, const uq_tiling *tiling,
                  uq_conv2d_function bytes, uq_conv2d_packed_function packed,
                  const void *input, const void *weights, const int32_t *bias,
                  const int32_t *multipliers, const uint8_t *shifts,
                  void *output, int8_t *scratch)
{
    const uq_conv2d_params layer = in_rows(params);
    const uq_tile_window window = window_of(&layer);
    const int32_t patches = uq_conv2d_scratch_bytes(&layer);
    const int32_t unpacked = uq_tile_bytes(tiling, &window);
    int8_t *own = patches > 0 ? scratch + unpacked : NULL;
    uint8_t *y = output;
    uq_conv2d_params tile = layer;
    tile.out_h = 1;
    for (int32_t row = 0; row < layer.out_h; row++) {
        for (int32_t x = 0; x < layer.out_w; x += tile.out_w) {
            const int32_t left = layer.out_w - x;
            const int32_t count = left < tiling->pixels ? left : tiling->pixels;
            const uq_tile cut =
                uq_cut_tile(tiling, &window, input, row, x, count, scratch);
            int8_t *results = tiling->out_bits == 4
                                  ? scratch + unpacked + patches
                                  : (int8_t *)y;
            tile.in_h = cut.in_h;
            tile.in_w = cut.in_w;
            tile.dilation_h = cut.dilation_h;
            tile.pad_top = cut.pad_top;
            tile.pad_left = cut.pad_left;
            tile.out_w = count;
            if (bytes != NULL)
                bytes(&tile, cut.image, weights, bias, multipliers, shifts,
                      results, own);
            else
                packed(&tile, cut.image, weights, bias, multipliers, shifts,
                       results, own);
            if (tiling->out_bits == 4)
                uq_pack_s4(results, count, layer.out_c, y);
            y += count * uq_pixel_bytes(layer.out_c, tiling->out_bits);
        }
    }
}

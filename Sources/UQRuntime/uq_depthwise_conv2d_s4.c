/* SPDX-License-Identifier: Apache-2.0 */
#include "uq_depthwise_conv2d_s4.h"

#include "uq_nibbles.h"

static uq_tile_window window_of(const uq_depthwise_conv2d_params *params)
{
    uq_tile_window window;
    window.in_h = params->in_h;
    window.in_w = params->in_w;
    window.in_c = params->in_c;
    window.kernel_h = params->kernel_h;
    window.kernel_w = params->kernel_w;
    window.stride_h = params->stride_h;
    window.stride_w = params->stride_w;
    window.dilation_h = params->dilation_h;
    window.dilation_w = params->dilation_w;
    window.pad_top = params->pad_top;
    window.pad_left = params->pad_left;
    return window;
}

int32_t
uq_depthwise_conv2d_s4_scratch_bytes(const uq_depthwise_conv2d_params *params,
                                     const uq_tiling *tiling)
{
    const uq_tile_window window = window_of(params);
    const int32_t results =
        tiling->out_bits == 4
            ? tiling->pixels * params->in_c * params->channel_multiplier
            : 0;
    return uq_tile_bytes(tiling, &window) +
           uq_depthwise_conv2d_scratch_bytes(params) + results;
}

void uq_depthwise_conv2d_s4(const uq_depthwise_conv2d_params *params,
                            const uq_tiling *tiling,
                            uq_depthwise_conv2d_function bytes,
                            uq_depthwise_conv2d_packed_function packed,
                            const void *input, const void *weights,
                            const int32_t *bias, const int32_t *multipliers,
                            const uint8_t *shifts, void *output,
                            int8_t *scratch)
{
    const uq_tile_window window = window_of(params);
    const int32_t out_c = params->in_c * params->channel_multiplier;
    int8_t *own = scratch + uq_tile_bytes(tiling, &window);
    int8_t *packing = own + uq_depthwise_conv2d_scratch_bytes(params);
    uint8_t *y = output;
    uq_depthwise_conv2d_params tile = *params;
    tile.out_h = 1;
    for (int32_t row = 0; row < params->out_h; row++) {
        for (int32_t x = 0; x < params->out_w; x += tile.out_w) {
            const int32_t left = params->out_w - x;
            const int32_t count = left < tiling->pixels ? left : tiling->pixels;
            const uq_tile cut =
                uq_cut_tile(tiling, &window, input, row, x, count, scratch);
            int8_t *results = tiling->out_bits == 4 ? packing : (int8_t *)y;
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
                uq_pack_s4(results, count, out_c, y);
            y += count * uq_pixel_bytes(out_c, tiling->out_bits);
        }
    }
}

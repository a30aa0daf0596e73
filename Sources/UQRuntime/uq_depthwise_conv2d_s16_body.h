/* SPDX-License-Identifier: Apache-2.0 */
#include "uq_conv2d_s16.h"
#include "uq_width.h"

/* Channels whose sums are made side by side. */
enum { UQ_DEPTHWISE_S16_BLOCK = 16 };

/* sums[i] += weight of channel first + i times its input, for a tap. */
static void add_tap(const uq_depthwise_conv2d_params *params,
                    const int16_t *pixel, const uq_weight *tap, int32_t first,
                    int32_t count, int32_t *sums)
{
    const int32_t spread = params->channel_multiplier;
    int32_t i = 0;
    if (spread == 1) {
        const int16_t *x = pixel + first;
        for (; i + 4 <= count; i += 4) {
            const uint32_t group = uq_group4(tap, first + i);
            const uq_weight *w = tap + (first + i) * (UQ_WEIGHT_BITS == 8);
            sums[i] += uq_group_weight(group, w, 0u) * x[i];
            sums[i + 1] += uq_group_weight(group, w, 1u) * x[i + 1];
            sums[i + 2] += uq_group_weight(group, w, 2u) * x[i + 2];
            sums[i + 3] += uq_group_weight(group, w, 3u) * x[i + 3];
        }
    }
    for (; i < count; i++)
        sums[i] += uq_weight_at(tap, first + i) * pixel[(first + i) / spread];
}

/* Channels first..first+count-1 of the output pixel with the given origin. */
static void convolve(const uq_depthwise_conv2d_params *params,
                     const int16_t *input, const uq_weight *weights,
                     int32_t top, int32_t left, int32_t first, int32_t count,
                     int32_t *sums)
{
    const int32_t tap_bytes = uq_weights_row_bytes(
        params->in_c * params->channel_multiplier, UQ_WEIGHT_BITS);
    for (int32_t ky = 0; ky < params->kernel_h; ky++) {
        const int32_t y = top + ky * params->dilation_h;
        for (int32_t kx = 0; kx < params->kernel_w; kx++) {
            const int32_t x = left + kx * params->dilation_w;
            if (y >= 0 && y < params->in_h && x >= 0 && x < params->in_w)
                add_tap(params,
                        input + (y * params->in_w + x) * params->in_c, weights,
                        first, count, sums);
            weights += tap_bytes;
        }
    }
}

void UQ_SYMBOL(uq_depthwise_conv2d_s16)(
    const uq_depthwise_conv2d_params *params, const int16_t *input,
    const uq_weight *weights, const int32_t *bias, const int32_t *multipliers,
    const uint8_t *shifts, int16_t *output)
{
    const int32_t out_c = params->in_c * params->channel_multiplier;
    for (int32_t y = 0; y < params->out_h; y++) {
        for (int32_t x = 0; x < params->out_w; x++) {
            int32_t count;
            for (int32_t first = 0; first < out_c; first += count) {
                const int32_t left = out_c - first;
                int32_t sums[UQ_DEPTHWISE_S16_BLOCK];
                count = left < UQ_DEPTHWISE_S16_BLOCK ? left
                                                      : UQ_DEPTHWISE_S16_BLOCK;
                for (int32_t i = 0; i < count; i++)
                    sums[i] = bias[first + i];
                convolve(params, input, weights,
                         y * params->stride_h - params->pad_top,
                         x * params->stride_w - params->pad_left, first, count,
                         sums);
                for (int32_t i = 0; i < count; i++)
                    *output++ = (int16_t)uq_requantize_to(
                        &params->output, sums[i], multipliers[first + i],
                        shifts[first + i]);
            }
        }
    }
}

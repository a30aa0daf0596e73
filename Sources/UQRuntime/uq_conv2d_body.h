/* SPDX-License-Identifier: Apache-2.0 */
#include "uq_conv2d.h"
#include "uq_conv2d_patch.h"
#include "uq_matmul.h"
#include "uq_width.h"

static void convolve_row(const uq_conv2d_params *params, const uq_rows *rows,
                         const uq_weight *weights, const int32_t *bias,
                         const int32_t *multipliers, const uint8_t *shifts,
                         int8_t *output_row, int8_t *scratch)
{
    const int32_t depth = uq_conv2d_depth(params);
    const int32_t group_out = params->out_c / params->groups;
    const int32_t group_bytes =
        group_out * uq_weights_row_bytes(depth, UQ_WEIGHT_BITS);
    uq_matmul_params product;
    product.depth = depth;
    product.rows = group_out;
    product.output = params->output;
    for (int32_t group = 0; group < params->groups; group++) {
        const int32_t first = group * group_out;
        const int32_t *factors = uq_multipliers_from(multipliers, first);
        for (int32_t x = 0; x < params->out_w; x += 2) {
            int8_t *y = output_row + x * params->out_c + first;
            const int8_t *x0 = uq_conv2d_patch(params, rows, group, x, scratch);
            const int8_t *x1 = NULL;
            if (x + 1 < params->out_w) {
                // Without scratch every patch lies in place.
                int8_t *patch = scratch == NULL ? NULL : scratch + depth;
                x1 = uq_conv2d_patch(params, rows, group, x + 1, patch);
            }
            UQ_SYMBOL(uq_matmul_s8)
            (&product, x0, x1, weights, bias + first, factors, shifts + first,
             y, y + params->out_c);
        }
        weights += group_bytes;
    }
}

void UQ_SYMBOL(uq_conv2d_row_s8)(const uq_conv2d_params *params,
                                 const int8_t *const *rows,
                                 const uq_weight *weights, const int32_t *bias,
                                 const int32_t *multipliers,
                                 const uint8_t *shifts, int8_t *output_row,
                                 int8_t *scratch)
{
    uq_rows list = {NULL, NULL, 0, 0, 0, 0};
    list.list = rows;
    convolve_row(params, &list, weights, bias, multipliers, shifts, output_row,
                 scratch);
}

void UQ_SYMBOL(uq_conv2d_s8)(const uq_conv2d_params *params,
                             const int8_t *input, const uq_weight *weights,
                             const int32_t *bias, const int32_t *multipliers,
                             const uint8_t *shifts, int8_t *output,
                             int8_t *scratch)
{
    uq_conv2d_params layer = *params;
    uq_rows rows = {NULL, NULL, 0, 0, 0, 0};
    if (uq_conv2d_is_direct(params) && layer.kernel_w == 1 &&
        layer.stride_h == 1 && layer.stride_w == 1 &&
        layer.out_h == layer.in_h && layer.out_w == layer.in_w) {
        // A pointwise convolution is one matrix product over all pixels.
        layer.in_w *= layer.in_h;
        layer.out_w = layer.in_w;
        layer.in_h = 1;
        layer.out_h = 1;
    }
    rows.image = input;
    rows.height = layer.in_h;
    rows.row_bytes = layer.in_w * layer.in_c;
    rows.top = -layer.pad_top;
    rows.dilation = layer.dilation_h;
    for (int32_t y = 0; y < layer.out_h; y++) {
        convolve_row(&layer, &rows, weights, bias, multipliers, shifts, output,
                     scratch);
        output += layer.out_w * layer.out_c;
        rows.top += layer.stride_h;
    }
}

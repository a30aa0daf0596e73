/* SPDX-License-Identifier: Apache-2.0 */
#include "uq_conv2d_patch.h"
#include "uq_groupwise.h"
#include "uq_width.h"

void UQ_SYMBOL(uq_conv2d_groupwise_s8)(
    const uq_conv2d_params *params, int32_t group_size, const int8_t *input,
    const uq_weight *weights, const int8_t *factors, const int32_t *bias,
    const int32_t *multipliers, const uint8_t *shifts, int8_t *output,
    int8_t *scratch)
{
    const int32_t depth = uq_conv2d_depth(params);
    uq_rows rows = {NULL, NULL, 0, 0, 0, 0};
    uq_matmul_groupwise_params product;
    product.taps = params->kernel_h * params->kernel_w;
    product.depth = params->in_c;
    product.group_size = group_size;
    product.rows = params->out_c;
    product.output = params->output;
    rows.image = input;
    rows.height = params->in_h;
    rows.row_bytes = params->in_w * params->in_c;
    rows.top = -params->pad_top;
    rows.dilation = params->dilation_h;
    for (int32_t y = 0; y < params->out_h; y++) {
        for (int32_t x = 0; x < params->out_w; x += 2) {
            const int8_t *x0 = uq_conv2d_patch(params, &rows, 0, x, scratch);
            const int8_t *x1 = NULL;
            if (x + 1 < params->out_w) {
                // Without scratch every patch lies in place.
                int8_t *patch = scratch == NULL ? NULL : scratch + depth;
                x1 = uq_conv2d_patch(params, &rows, 0, x + 1, patch);
            }
            UQ_SYMBOL(uq_matmul_groupwise_s8)
            (&product, x0, x1, weights, factors, bias, multipliers, shifts,
             output, output + params->out_c);
            output += (x1 != NULL ? 2 : 1) * params->out_c;
        }
        rows.top += params->stride_h;
    }
}

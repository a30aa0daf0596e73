/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include "uq_groupwise.h"
#include "uq_width.h"

void UQ_SYMBOL(uq_fully_connected_groupwise_s8)(
    const uq_fully_connected_params *params, int32_t group_size,
    const int8_t *input, const uq_weight *weights, const int8_t *factors,
    const int32_t *bias, const int32_t *multipliers, const uint8_t *shifts,
    int8_t *output)
{
    uq_matmul_groupwise_params product;
    product.taps = 1;
    product.depth = params->in_c;
    product.group_size = group_size;
    product.rows = params->out_c;
    product.output = params->output;
    for (int32_t n = 0; n < params->batch; n += 2) {
        const int8_t *x0 = input + n * params->in_c;
        const int8_t *x1 = n + 1 < params->batch ? x0 + params->in_c : NULL;
        int8_t *y = output + n * params->out_c;
        UQ_SYMBOL(uq_matmul_groupwise_s8)
        (&product, x0, x1, weights, factors, bias, multipliers, shifts, y,
         y + params->out_c);
    }
}

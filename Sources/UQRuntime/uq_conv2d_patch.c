/* SPDX-License-Identifier: Apache-2.0 */
#include "uq_conv2d_patch.h"

#include <string.h>

const int8_t *uq_conv2d_patch(const uq_conv2d_params *params,
                              const uq_rows *rows, int32_t group, int32_t x,
                              int8_t *patch)
{
    const int32_t in_c = params->in_c;
    const int32_t depth = in_c / params->groups;
    const int32_t kernel_w = params->kernel_w;
    const int32_t dilation = params->dilation_w;
    const int32_t left = x * params->stride_w - params->pad_left;
    const int32_t inside =
        left >= 0 && left + (kernel_w - 1) * dilation < params->in_w;
    const int32_t is_run =
        inside && (kernel_w == 1 || (dilation == 1 && params->groups == 1));
    int8_t *to = patch;
    for (int32_t ky = 0; ky < params->kernel_h; ky++) {
        const int8_t *row = uq_rows_at(rows, ky);
        if (row == NULL) {
            memset(to, (int)params->in_zero_point, (size_t)(kernel_w * depth));
            to += kernel_w * depth;
        } else if (is_run) {
            const int8_t *from = row + left * in_c + group * depth;
            if (params->kernel_h == 1)
                return from;
            memcpy(to, from, (size_t)(kernel_w * depth));
            to += kernel_w * depth;
        } else {
            for (int32_t kx = 0; kx < kernel_w; kx++) {
                const int32_t column = left + kx * dilation;
                if (column < 0 || column >= params->in_w)
                    memset(to, (int)params->in_zero_point, (size_t)depth);
                else
                    memcpy(to, row + column * in_c + group * depth,
                           (size_t)depth);
                to += depth;
            }
        }
    }
    return patch;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "uq_move.h"

#include <stddef.h>
#include <string.h>

void uq_copy_2d(const uq_copy_2d_params *params, const void *source,
                void *target)
{
    const uint8_t *from = (const uint8_t *)source + params->source_offset;
    uint8_t *to = (uint8_t *)target + params->target_offset;
    for (int32_t r = 0; r < params->rows; r++)
        memcpy(to + r * params->target_stride, from + r * params->source_stride,
               (size_t)params->row_bytes);
}

static void fill(uint8_t *to, int32_t count, const uq_pad_params *params)
{
    if (params->element_bytes == 1) {
        memset(to, (int)params->value, (size_t)count);
    } else {
        const int16_t value = (int16_t)params->value;
        for (int32_t i = 0; i < count; i++)
            memcpy(to + 2 * i, &value, sizeof value);
    }
}

void uq_pad(const uq_pad_params *params, const void *source, void *target)
{
    const int32_t *n = params->sizes;
    const int32_t *b = params->before;
    const int32_t size = params->element_bytes;
    const uint8_t *from = source;
    uint8_t *to = target;
    int32_t total[4];
    for (int32_t axis = 0; axis < 4; axis++)
        total[axis] = b[axis] + n[axis] + params->after[axis];
    for (int32_t i0 = -b[0]; i0 < total[0] - b[0]; i0++) {
        for (int32_t i1 = -b[1]; i1 < total[1] - b[1]; i1++) {
            for (int32_t i2 = -b[2]; i2 < total[2] - b[2]; i2++) {
                if (i0 < 0 || i0 >= n[0] || i1 < 0 || i1 >= n[1] || i2 < 0 ||
                    i2 >= n[2]) {
                    fill(to, total[3], params);
                } else {
                    const int32_t row = (i0 * n[1] + i1) * n[2] + i2;
                    fill(to, b[3], params);
                    memcpy(to + b[3] * size, from + row * n[3] * size,
                           (size_t)(n[3] * size));
                    fill(to + (b[3] + n[3]) * size, params->after[3], params);
                }
                to += total[3] * size;
            }
        }
    }
}

void uq_transpose(const uq_transpose_params *params, const void *source,
                  void *target)
{
    const uint8_t *from = source;
    uint8_t *to = target;
    int32_t strides[4], sizes[4], steps[4];
    strides[3] = params->element_bytes;
    for (int32_t axis = 3; axis > 0; axis--)
        strides[axis - 1] = strides[axis] * params->sizes[axis];
    for (int32_t axis = 0; axis < 4; axis++) {
        sizes[axis] = params->sizes[params->permutation[axis]];
        steps[axis] = strides[params->permutation[axis]];
    }
    for (int32_t i0 = 0; i0 < sizes[0]; i0++) {
        for (int32_t i1 = 0; i1 < sizes[1]; i1++) {
            for (int32_t i2 = 0; i2 < sizes[2]; i2++) {
                const int32_t row =
                    i0 * steps[0] + i1 * steps[1] + i2 * steps[2];
                for (int32_t i3 = 0; i3 < sizes[3]; i3++) {
                    const uint8_t *element = from + row + i3 * steps[3];
                    *to++ = element[0];
                    if (params->element_bytes == 2)
                        *to++ = element[1];
                }
            }
        }
    }
}

void uq_resize_nearest(const uq_resize_nearest_params *params,
                       const void *source, void *target)
{
    const int32_t pixel = params->pixel_bytes;
    const int32_t row_bytes = params->in_w * pixel;
    const uint8_t *from = source;
    uint8_t *to = target;
    for (int32_t y = 0; y < params->in_h; y++) {
        for (int32_t fy = 0; fy < params->factor_h; fy++) {
            for (int32_t x = 0; x < params->in_w; x++) {
                for (int32_t fx = 0; fx < params->factor_w; fx++) {
                    memcpy(to, from + x * pixel, (size_t)pixel);
                    to += pixel;
                }
            }
        }
        from += row_bytes;
    }
}

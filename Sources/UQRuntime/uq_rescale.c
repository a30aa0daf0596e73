/* SPDX-License-Identifier: Apache-2.0 */
#include "uq_rescale.h"

static int32_t rescale(const uq_rescale_params *params, int32_t x)
{
    return uq_requantize_to(&params->output, x - params->in_zero_point,
                            params->multiplier, (uint32_t)params->shift);
}

void uq_rescale_s8(const uq_rescale_params *params, const int8_t *x, int8_t *y)
{
    for (int32_t i = 0; i < params->count; i++)
        y[i] = (int8_t)rescale(params, x[i]);
}

void uq_rescale_s16_s8(const uq_rescale_params *params, const int16_t *x,
                       int8_t *y)
{
    for (int32_t i = 0; i < params->count; i++)
        y[i] = (int8_t)rescale(params, x[i]);
}

void uq_rescale_s8_s16(const uq_rescale_params *params, const int8_t *x,
                       int16_t *y)
{
    for (int32_t i = 0; i < params->count; i++)
        y[i] = (int16_t)rescale(params, x[i]);
}

void uq_rescale_s16(const uq_rescale_params *params, const int16_t *x,
                    int16_t *y)
{
    for (int32_t i = 0; i < params->count; i++)
        y[i] = (int16_t)rescale(params, x[i]);
}

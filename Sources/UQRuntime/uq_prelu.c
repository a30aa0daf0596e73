/* SPDX-License-Identifier: Apache-2.0 */
#include "uq_prelu.h"

void uq_prelu_s8(const uq_prelu_params *params, const int8_t *x,
                 const int32_t *multipliers, const uint8_t *shifts, int8_t *y)
{
    for (int32_t pixel = 0; pixel < params->pixels; pixel++) {
        for (int32_t c = 0; c < params->channels; c++) {
            const int32_t d = *x++ - params->in_zero_point;
            const int32_t multiplier =
                d >= 0 ? params->multiplier : multipliers[c];
            const uint32_t shift =
                d >= 0 ? (uint32_t)params->shift : (uint32_t)shifts[c];
            *y++ =
                (int8_t)uq_requantize_to(&params->output, d, multiplier, shift);
        }
    }
}

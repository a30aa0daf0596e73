/* SPDX-License-Identifier: Apache-2.0 */
#include "uq_reduce.h"

void uq_reduce_sum_s8(const uq_reduce_params *params, const int8_t *x,
                      int8_t *y)
{
    const int32_t inner = params->inner;
    for (int32_t o = 0; o < params->outer; o++) {
        const int8_t *plane = x + o * params->reduce * inner;
        for (int32_t i = 0; i < inner; i++) {
            int32_t sum = -params->reduce * params->in_zero_point;
            for (int32_t r = 0; r < params->reduce; r++)
                sum += plane[r * inner + i];
            *y++ = (int8_t)uq_requantize_to(&params->output, sum,
                                            params->multiplier,
                                            (uint32_t)params->shift);
        }
    }
}

void uq_reduce_max_s8(const uq_reduce_params *params, const int8_t *x,
                      int8_t *y)
{
    const int32_t inner = params->inner;
    for (int32_t o = 0; o < params->outer; o++) {
        const int8_t *plane = x + o * params->reduce * inner;
        for (int32_t i = 0; i < inner; i++) {
            int32_t largest = plane[i];
            for (int32_t r = 1; r < params->reduce; r++)
                if (plane[r * inner + i] > largest)
                    largest = plane[r * inner + i];
            *y++ = (int8_t)uq_clamp(largest, params->output.min,
                                    params->output.max);
        }
    }
}

void uq_reduce_min_s8(const uq_reduce_params *params, const int8_t *x,
                      int8_t *y)
{
    const int32_t inner = params->inner;
    for (int32_t o = 0; o < params->outer; o++) {
        const int8_t *plane = x + o * params->reduce * inner;
        for (int32_t i = 0; i < inner; i++) {
            int32_t smallest = plane[i];
            for (int32_t r = 1; r < params->reduce; r++)
                if (plane[r * inner + i] < smallest)
                    smallest = plane[r * inner + i];
            *y++ = (int8_t)uq_clamp(smallest, params->output.min,
                                    params->output.max);
        }
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "uq_mul_s4.h"

#include "uq_pairs.h"

void uq_mul_s4(const uq_mul_params *params, int32_t a_bits, int32_t b_bits,
               int32_t y_bits, const void *a, const void *b, void *y)
{
    const uq_mul_params p = *params;
    UQ_FOR_EACH_PAIR(p.broadcast, uq_requantize_to(&p.output,
                                                   (u - p.zero_a) *
                                                       (v - p.zero_b),
                                                   p.multiplier,
                                                   (uint32_t)p.shift))
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "uq_add_s4.h"

#include "uq_pairs.h"

void uq_add_s4(const uq_add_params *params, int32_t a_bits, int32_t b_bits,
               int32_t y_bits, const void *a, const void *b, void *y)
{
    const uq_add_params p = *params;
    UQ_FOR_EACH_PAIR(p.broadcast, uq_clamp((u * p.multiplier_a +
                                            v * p.multiplier_b + p.offset) >>
                                               p.shift,
                                           p.min, p.max))
}

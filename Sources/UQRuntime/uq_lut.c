/* SPDX-License-Identifier: Apache-2.0 */
#include "uq_lut.h"

void uq_lut_s8(const int8_t *x, const int8_t *table, int32_t count, int8_t *y)
{
    for (int32_t i = 0; i < count; i++)
        y[i] = table[x[i] + 128];
}

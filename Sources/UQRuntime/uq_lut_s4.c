/* SPDX-License-Identifier: Apache-2.0 */
#include "uq_lut_s4.h"

#include "uq_nibbles.h"

void uq_lut_s4(int32_t pixels, int32_t channels, int32_t x_bits, int32_t y_bits,
               const void *x, const int8_t *table, void *y)
{
    const int8_t *entries = table + (x_bits == 4 ? 8 : 128);
    const int32_t x_step = uq_pixel_bytes(channels, x_bits);
    const int32_t y_step = uq_pixel_bytes(channels, y_bits);
    const uint8_t *from = x;
    uint8_t *to = y;
    for (; pixels > 0; pixels--) {
        for (int32_t c = 0; c < channels; c += 2) {
            const int32_t count = channels - c;
            int32_t pair[2];
            uq_load_pair(from, c, x_bits, count, pair);
            uq_store_pair(to, c, y_bits, count, entries[pair[0]],
                          entries[pair[1]]);
        }
        from += x_step;
        to += y_step;
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "uq_nibbles.h"

void uq_unpack_s4(const uint8_t *from, int32_t pixels, int32_t channels,
                  int8_t *to)
{
    const int32_t is_odd = channels & 1;
    int32_t pairs = channels / 2;
    if (!is_odd) {
        // Without unused bits the pixels are one run.
        pairs *= pixels;
        pixels = 1;
    }
    for (; pixels > 0; pixels--) {
        for (int32_t i = 0; i < pairs; i++) {
            const uint32_t byte = *from++;
            to[0] = (int8_t)uq_nibble_low(byte);
            to[1] = (int8_t)uq_nibble_high(byte);
            to += 2;
        }
        if (is_odd)
            *to++ = (int8_t)uq_nibble_low(*from++);
    }
}

void uq_pack_s4(const int8_t *from, int32_t pixels, int32_t channels,
                uint8_t *to)
{
    const int32_t is_odd = channels & 1;
    int32_t pairs = channels / 2;
    if (!is_odd) {
        pairs *= pixels;
        pixels = 1;
    }
    for (; pixels > 0; pixels--) {
        for (int32_t i = 0; i < pairs; i++) {
            *to++ = uq_nibble_pair(from[0], from[1]);
            from += 2;
        }
        if (is_odd)
            *to++ = uq_nibble_pair(*from++, 0);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_NIBBLES_H
#define UQ_NIBBLES_H

#include <stdint.h>

/*
 * How activations of 4 bits lie in memory: two to a byte, two's complement,
 * -8..7. The channels of a pixel (the elements of the innermost axis) start on
 * a byte; channel c is byte c/2, bits 4*(c%2) and up. The unused bits of a
 * pixel of an odd number of channels are 0.
 *
 * The kernels whose names end in _s4 take images of 4 bits, 8 bits (bytes, as
 * ever) or both, by their bits; what they compute is what the _s8 kernels
 * compute of the same integers.
 */

/* Bytes of a pixel of `channels` integers of 4, 8 or 16 bits. */
static inline int32_t uq_pixel_bytes(int32_t channels, int32_t bits)
{
    return (channels * bits + 7) / 8;
}

/* The lower and the upper integer of a byte. */
#ifdef __AVR__
// Shifts of 32 bits are loops there.
static inline int32_t uq_nibble_low(uint32_t byte)
{
    return (int16_t)(((uint8_t)byte & 15u) ^ 8u) - 8;
}

static inline int32_t uq_nibble_high(uint32_t byte)
{
    return (int16_t)(((uint8_t)byte >> 4) ^ 8u) - 8;
}
#else
static inline int32_t uq_nibble_low(uint32_t byte)
{
    return (int32_t)(byte << 28) >> 28;
}

static inline int32_t uq_nibble_high(uint32_t byte)
{
    return (int32_t)(byte << 24) >> 28;
}
#endif

/* The byte of a pair. */
static inline uint8_t uq_nibble_pair(int32_t low, int32_t high)
{
    return (uint8_t)(((uint8_t)low & 15u) | ((uint8_t)high & 15u) << 4);
}

/*
 * Channels c and c+1 of a pixel of 4 or 8 bits; c is even. Where `count` is 1
 * there is no channel c+1, and pair[1] is 0.
 */
static inline void uq_load_pair(const void *pixel, int32_t c, int32_t bits,
                                int32_t count, int32_t pair[2])
{
    if (bits == 4) {
        const uint32_t byte = ((const uint8_t *)pixel)[c / 2];
        pair[0] = uq_nibble_low(byte);
        pair[1] = uq_nibble_high(byte);
    } else {
        const int8_t *bytes = (const int8_t *)pixel + c;
        pair[0] = bytes[0];
        pair[1] = count > 1 ? bytes[1] : 0;
    }
}

/* Stores channels c and c+1 of a pixel of 4, 8 or 16 bits, likewise. */
static inline void uq_store_pair(void *pixel, int32_t c, int32_t bits,
                                 int32_t count, int32_t low, int32_t high)
{
    if (bits == 4) {
        ((uint8_t *)pixel)[c / 2] = uq_nibble_pair(low, count > 1 ? high : 0);
    } else if (bits == 8) {
        ((int8_t *)pixel)[c] = (int8_t)low;
        if (count > 1)
            ((int8_t *)pixel)[c + 1] = (int8_t)high;
    } else {
        ((int16_t *)pixel)[c] = (int16_t)low;
        if (count > 1)
            ((int16_t *)pixel)[c + 1] = (int16_t)high;
    }
}

/* Bytes of `pixels` packed pixels of `channels` integers. No overlap. */
void uq_unpack_s4(const uint8_t *from, int32_t pixels, int32_t channels,
                  int8_t *to);

/* The reverse; the integers are within -8..7. */
void uq_pack_s4(const int8_t *from, int32_t pixels, int32_t channels,
                uint8_t *to);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_WEIGHTS_H
#define UQ_WEIGHTS_H

#include <stdint.h>

/*
 * How weights lie in flash: 8, 4, 3, 2 or 1 bits each, unpacked in registers.
 *
 * A tensor is a sequence of rows (an output channel of a convolution or matrix
 * product, a tap of a depthwise convolution), each starting on a byte.
 * Weight k of a row of K:
 *
 *   8 bits  byte k, two's complement, -128..127
 *   4 bits  byte k/2, bits 4*(k%2) and up, two's complement, -8..7
 *   3 bits  bits 3*k and up of the row seen as one little-endian number, so
 *           that 8 weights are 3 bytes; two's complement, -4..3
 *   2 bits  byte k/4, bits 2*(k%4) and up, two's complement, -2..1
 *   1 bit   byte k/8, bit k%8; 0 is +1, 1 is -1
 *
 * In every case weight k is the `bits` bits from bit k * bits on. The unused
 * bits of a row's last byte are 0. Rows need no alignment. The layout does not
 * depend on the machine's byte order.
 */

/* Bytes of a row of `count` weights of `bits` bits (8, 4, 3, 2 or 1). */
static inline int32_t uq_weights_row_bytes(int32_t count, int32_t bits)
{
    return (count * bits + 7) / 8;
}

/* The two bytes at `bytes`, the first in the low bits. */
static inline uint32_t uq_load16(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8;
}

/* The four bytes at `bytes`, the first in the low bits. */
static inline uint32_t uq_load32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 |
           (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/*
 * Field `index` of a word of `bits`-bit two's complement fields. With constant
 * arguments it is one instruction (sbfx) on Arm.
 */
static inline int32_t uq_signed_field(uint32_t word, uint32_t index,
                                      uint32_t bits)
{
#if defined(__AVR__)
    // Registers have 8 bits there: 16 around the field are enough.
    const uint32_t first = index * bits;
    const uint32_t below = first < 16u ? first : 16u;
    const uint32_t skipped = first + bits <= 16u ? 0u : below;
    const uint16_t near = (uint16_t)(word >> skipped);
    const uint8_t sign = (uint8_t)(1u << (bits - 1u));
    const uint8_t field = (uint8_t)((uint8_t)(near >> (first - skipped)) &
                                    (uint8_t)(2u * sign - 1u));
    return (int8_t)((uint8_t)(field ^ sign) - sign);
#else
    return (int32_t)(word << (32u - bits - index * bits)) >>
           (int32_t)(32u - bits);
#endif
}

/*
 * A weight inside a group of 8 (index 0..7) or of 4 (index 0..3) that was
 * loaded into registers by the functions below.
 */
static inline int32_t uq_weight_w4(uint32_t group, uint32_t index)
{
    return uq_signed_field(group, index, 4u);
}

static inline int32_t uq_weight_w2(uint32_t group, uint32_t index)
{
    return uq_signed_field(group, index, 2u);
}

static inline int32_t uq_weight_w1(uint32_t group, uint32_t index)
{
    return uq_signed_field(group, index, 1u) | 1;
}

static inline int32_t uq_weight_w3(uint32_t group, uint32_t index)
{
    return uq_signed_field(group, index, 3u);
}

/* Weights 8n..8n+7 of a row; `bytes` is the row plus n * bits bytes. */
static inline uint32_t uq_group8_w4(const uint8_t *bytes)
{
    return uq_load32(bytes);
}

static inline uint32_t uq_group8_w3(const uint8_t *bytes)
{
    return uq_load16(bytes) | (uint32_t)bytes[2] << 16;
}

static inline uint32_t uq_group8_w2(const uint8_t *bytes)
{
    return uq_load16(bytes);
}

static inline uint32_t uq_group8_w1(const uint8_t *bytes)
{
    return bytes[0];
}

/* Weights k..k+3 of a row; k is a multiple of 4. */
static inline uint32_t uq_group4_w4(const uint8_t *row, int32_t k)
{
    return uq_load16(row + k / 2);
}

static inline uint32_t uq_group4_w3(const uint8_t *row, int32_t k)
{
    // The second half of a group of 8 starts in the middle of its 3 bytes.
    return uq_load16(row + 3 * k / 8) >> (uint32_t)(k & 4);
}

static inline uint32_t uq_group4_w2(const uint8_t *row, int32_t k)
{
    return row[k / 4];
}

static inline uint32_t uq_group4_w1(const uint8_t *row, int32_t k)
{
    return (uint32_t)row[k / 8] >> (uint32_t)(k & 4);
}

/* Weight k of a row, for what is left over beside the groups. */
static inline int32_t uq_weight_at_w4(const uint8_t *row, int32_t k)
{
    return uq_signed_field((uint32_t)row[k / 2] >> (uint32_t)(4 * (k & 1)), 0u,
                           4u);
}

static inline int32_t uq_weight_at_w3(const uint8_t *row, int32_t k)
{
    const uint8_t *bytes = row + 3 * k / 8;
    const uint32_t bit = (uint32_t)(3 * k) & 7u;
    uint32_t field = (uint32_t)bytes[0] >> bit;
    // The next byte belongs to the row only where the weight reaches into it.
    if (bit > 5u)
        field |= (uint32_t)bytes[1] << (8u - bit);
    return uq_signed_field(field, 0u, 3u);
}

static inline int32_t uq_weight_at_w2(const uint8_t *row, int32_t k)
{
    return uq_signed_field((uint32_t)row[k / 4] >> (uint32_t)(2 * (k & 3)), 0u,
                           2u);
}

static inline int32_t uq_weight_at_w1(const uint8_t *row, int32_t k)
{
    return 1 - 2 * ((row[k / 8] >> (uint32_t)(k & 7)) & 1);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_REQUANTIZE_H
#define UQ_REQUANTIZE_H

#include <stddef.h>
#include <stdint.h>

/*
 * How an accumulator becomes an output integer. Documentation/Arithmetic.md
 * states the formulas with their proofs; this header is their only
 * implementation. The runtime relies on >> of a negative integer being
 * floor division by a power of two, as in gcc and clang.
 */
typedef char uq_assert_arithmetic_shift[((-1) >> 1) == -1 ? 1 : -1];

/* Values of a `rounding` field. */
enum {
    /* (acc * m + 2^(s-1)) >> s, ties upward, one rounding; 1 <= s <= 62. */
    UQ_ROUNDING_SINGLE = 0,
    /* TFLite's doubling high multiply, then a rounding shift; 0 <= s <= 62. */
    UQ_ROUNDING_DOUBLE = 1,
    /* (sign(m) * acc + 2^(s-1)) >> s, ties upward; 0 <= s <= 31. */
    UQ_ROUNDING_SHIFT = 2,
    /* acc * m / 2^s to nearest, ties away from zero; 1 <= s <= 62. */
    UQ_ROUNDING_AWAY = 3,
    /* acc * m / 2^s toward zero; 1 <= s <= 62. */
    UQ_ROUNDING_TRUNCATE = 4
};

/* The last steps of every requantizing kernel: add, then clamp. */
typedef struct {
    /* Integer of the real value 0, within the output's type. */
    int32_t zero_point;
    /* Smallest output: the type's, or that of a fused activation. */
    int32_t min;
    /* Largest output; min <= max, both within the output's type. Where they are
       INT32_MIN and INT32_MAX, the output is taken modulo the type's width, as
       a conversion in gcc and clang does. */
    int32_t max;
    /* One of UQ_ROUNDING_. */
    int32_t rounding;
} uq_output;

/*
 * uq_requantize for every rounding and shift: the definition, without the
 * short cut. The result is saturated to [-2^30, 2^30].
 */
int32_t uq_requantize_any(int32_t acc, int32_t multiplier, uint32_t shift,
                          int32_t rounding);

/*
 * y[i] = uq_requantize_to(output, acc[i], multipliers[i], shifts[i]) for i in
 * 0..count-1: the end of a block of channels. The output is int8. The
 * multipliers may be null where rounding is UQ_ROUNDING_SHIFT, which takes only
 * their signs: all are positive then.
 */
void uq_requantize_block_s8(const uq_output *output, const int32_t *acc,
                            const int32_t *multipliers, const uint8_t *shifts,
                            int32_t count, int8_t *y);

/* Those of the channels from `first` on; null as before. */
static inline const int32_t *uq_multipliers_from(const int32_t *multipliers,
                                                 int32_t first)
{
    return multipliers == NULL ? NULL : multipliers + first;
}

/*
 * floor(a * b / 2^32). On Cortex-M0 and M23, where a product of 64 bits is a
 * call of the compiler's library, it is made of four products of halves, none
 * of which overflows with what is added: |a's upper half * b's lower half| <=
 * 2^15 (2^16 - 1), and 2^16 - 1 more stays below 2^31. On AVR the library's
 * product is the faster one, but shifting it by 32 would be a loop.
 */
static inline int32_t uq_multiply_high(int32_t a, int32_t b)
{
#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__)
    const uint16_t a0 = (uint16_t)a;
    const uint16_t b0 = (uint16_t)b;
    const int16_t a1 = (int16_t)(a >> 16);
    const int16_t b1 = (int16_t)(b >> 16);
    const uint32_t low = ((uint32_t)a0 * b0) >> 16;
    const int32_t middle = (int32_t)a1 * b0 + (int32_t)low;
    const int32_t other = (int32_t)b1 * a0 + (int32_t)(uint16_t)middle;
    return (int32_t)a1 * b1 + (middle >> 16) + (other >> 16);
#elif defined(__AVR__)
    union {
        int64_t whole;
        int32_t halves[2];
    } product;
    product.whole = (int64_t)a * b;
    return product.halves[1];
#else
    return (int32_t)(((int64_t)a * b) >> 32);
#endif
}

/*
 * acc * multiplier / 2^shift, rounded as `rounding` says. The multiplier is
 * signed, |multiplier| in [2^30, 2^31), or 0, which gives 0. The magnitude of
 * the result is at most 2^30, so a zero point can be added.
 *
 * Short cut: with P = acc * m = 2^32 h + l, 0 <= l < 2^32, and s >= 33,
 *   floor((P + 2^(s-1)) / 2^s) = floor((h + 2^(s-33)) / 2^(s-32))
 *                              = floor((floor(h / 2^(s-33)) + 1) / 2),
 * so the high word is enough. |h| <= 2^30: nothing overflows.
 */
static inline int32_t uq_requantize(int32_t acc, int32_t multiplier,
                                    uint32_t shift, int32_t rounding)
{
    // One comparison for both conditions: shift - 33 wraps below 33.
    const uint32_t reach = rounding == UQ_ROUNDING_SINGLE ? 30u : 0u;
    if (shift - 33u < reach) {
        const int32_t high = uq_multiply_high(acc, multiplier);
        return ((high >> (shift - 33u)) + 1) >> 1;
    }
    return uq_requantize_any(acc, multiplier, shift, rounding);
}

/* value, or the nearer of low and high where it lies outside of them. */
static inline int32_t uq_clamp(int32_t value, int32_t low, int32_t high)
{
    if (value < low)
        value = low;
    if (value > high)
        value = high;
    return value;
}

/* clamp(zero_point + acc * multiplier / 2^shift, min, max). */
static inline int32_t uq_requantize_to(const uq_output *output, int32_t acc,
                                       int32_t multiplier, uint32_t shift)
{
    const int32_t value =
        uq_requantize(acc, multiplier, shift, output->rounding);
    return uq_clamp(value + output->zero_point, output->min, output->max);
}

#endif

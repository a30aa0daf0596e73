/* SPDX-License-Identifier: Apache-2.0 */
#include "uq_requantize.h"

static int32_t saturate(int64_t value)
{
    const int32_t limit = (int32_t)1 << 30;
    if (value > limit)
        return limit;
    if (value < -limit)
        return -limit;
    return (int32_t)value;
}

static int32_t requantize_single(int32_t acc, int32_t multiplier,
                                 uint32_t shift)
{
    const int64_t half = (int64_t)1 << (shift - 1u);
    return saturate(((int64_t)acc * multiplier + half) >> shift);
}

// gemmlowp's SaturatingRoundingDoublingHighMul and RoundingDivideByPOT.
static int32_t requantize_double(int32_t acc, int32_t multiplier,
                                 uint32_t shift)
{
    int32_t high;
    int64_t scaled = acc;
    if (shift < 31u) {
        scaled = scaled * ((int64_t)1 << (31u - shift));
        scaled = scaled > INT32_MAX ? INT32_MAX : scaled;
        scaled = scaled < INT32_MIN ? INT32_MIN : scaled;
    }
    // TFLite rounds negative products by another nudge and a division towards
    // zero, which is this floor.
    high = scaled == INT32_MIN && multiplier == INT32_MIN
               ? INT32_MAX
               : (int32_t)((scaled * multiplier + ((int64_t)1 << 30)) >> 31);
    if (shift > 31u) {
        const uint32_t right = shift - 31u;
        const int32_t mask = (int32_t)(((uint32_t)1 << right) - 1u);
        const int32_t threshold = (mask >> 1) + (high < 0 ? 1 : 0);
        high = (high >> right) + ((high & mask) > threshold ? 1 : 0);
    }
    return saturate(high);
}

static int32_t requantize_shift(int32_t acc, int32_t multiplier, uint32_t shift)
{
    if (multiplier == 0)
        return 0;
    // The negated minimum saturates to 2^31 - 1, which rounds to the same
    // integer as 2^31 for every shift above 0.
    if (multiplier < 0)
        acc = acc == INT32_MIN ? INT32_MAX : -acc;
    if (shift != 0u) {
        const int32_t twice = acc >> (shift - 1u);
        acc = (twice >> 1) + (twice & 1);
    }
    return saturate(acc);
}

static int32_t requantize_away(int32_t acc, int32_t multiplier, uint32_t shift)
{
    const int64_t product = (int64_t)acc * multiplier;
    const int64_t half = (int64_t)1 << (shift - 1u);
    return saturate((product + half - (product < 0 ? 1 : 0)) >> shift);
}

static int32_t requantize_truncate(int32_t acc, int32_t multiplier,
                                   uint32_t shift)
{
    const int64_t product = (int64_t)acc * multiplier;
    // A 64-bit division would be a call of the compiler's library.
    const int64_t below = ((int64_t)1 << shift) - 1;
    return saturate((product + (product < 0 ? below : 0)) >> shift);
}

int32_t uq_requantize_any(int32_t acc, int32_t multiplier, uint32_t shift,
                          int32_t rounding)
{
    if (rounding == UQ_ROUNDING_SINGLE)
        return requantize_single(acc, multiplier, shift);
    if (rounding == UQ_ROUNDING_DOUBLE)
        return requantize_double(acc, multiplier, shift);
    if (rounding == UQ_ROUNDING_AWAY)
        return requantize_away(acc, multiplier, shift);
    if (rounding == UQ_ROUNDING_TRUNCATE)
        return requantize_truncate(acc, multiplier, shift);
    return requantize_shift(acc, multiplier, shift);
}

void uq_requantize_block_s8(const uq_output *output, const int32_t *acc,
                            const int32_t *multipliers, const uint8_t *shifts,
                            int32_t count, int8_t *y)
{
    const int32_t min = output->min;
    const int32_t max = output->max;
    const int32_t zero_point = output->zero_point;
    const int32_t rounding = output->rounding;
    const uint32_t reach = rounding == UQ_ROUNDING_SINGLE ? 30u : 0u;
    // floor((a + 1) / 2) + z = floor((a + 1 + 2 z) / 2).
    const int32_t nudge = 1 + 2 * zero_point;
    int32_t i;
    for (i = 0; i < count; i++) {
        const uint32_t shift = (uint32_t)shifts[i] - 33u;
        int32_t high;
        if (shift >= reach)
            break;
        high = uq_multiply_high(acc[i], multipliers[i]);
        y[i] = (int8_t)uq_clamp(((high >> shift) + nudge) >> 1, min, max);
    }
    // From the first channel on that the short cut does not serve.
    for (; i < count; i++) {
        const int32_t multiplier = multipliers == NULL ? 1 : multipliers[i];
        const int32_t value =
            uq_requantize_any(acc[i], multiplier, shifts[i], rounding);
        y[i] = (int8_t)uq_clamp(value + zero_point, min, max);
    }
}

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
    if (scaled == INT32_MIN && multiplier == INT32_MIN) {
        high = INT32_MAX;
    } else {
        const int64_t product = scaled * multiplier;
        int64_t nudged = product + (product >= 0 ? (int64_t)1 << 30
                                                 : 1 - ((int64_t)1 << 30));
        // Division by 2^31 towards zero.
        if (nudged < 0)
            nudged += ((int64_t)1 << 31) - 1;
        high = (int32_t)(nudged >> 31);
    }
    if (shift > 31u) {
        const uint32_t right = shift - 31u;
        const int32_t mask = (int32_t)(((uint32_t)1 << right) - 1u);
        const int32_t threshold = (mask >> 1) + (high < 0 ? 1 : 0);
        high = (high >> right) + ((high & mask) > threshold ? 1 : 0);
    }
    return saturate(high);
}

static int32_t requantize_shift(int32_t acc, int32_t multiplier,
                                uint32_t shift)
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

int32_t uq_requantize_any(int32_t acc, int32_t multiplier, uint32_t shift,
                          int32_t rounding)
{
    if (rounding == UQ_ROUNDING_SINGLE)
        return requantize_single(acc, multiplier, shift);
    if (rounding == UQ_ROUNDING_DOUBLE)
        return requantize_double(acc, multiplier, shift);
    return requantize_shift(acc, multiplier, shift);
}

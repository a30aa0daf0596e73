/* SPDX-License-Identifier: Apache-2.0 */
#include "uq_statistics.h"

#include <float.h>
#include <math.h>

// Independent accumulators: compilers turn the lane loops into vector instructions at -O2, which
// one running minimum would not allow without -ffast-math.
#define LANES 16

static void widen(float value, float *lo, float *hi, uint32_t *nonfinite) {
    int finite = value >= -FLT_MAX && value <= FLT_MAX;
    float low = finite ? value : *lo;
    float high = finite ? value : *hi;
    *lo = low < *lo ? low : *lo;
    *hi = high > *hi ? high : *hi;
    *nonfinite += (uint32_t)!finite;
}

void uq_range_f32(const float *x, size_t n, float *lo, float *hi, uint64_t *nonfinite) {
    float lows[LANES];
    float highs[LANES];
    uint32_t bad[LANES];
    for (int lane = 0; lane < LANES; ++lane) {
        lows[lane] = INFINITY;
        highs[lane] = -INFINITY;
    }

    // A segment is short enough for the 32-bit counts.
    const size_t segment = (size_t)1 << 30;
    uint64_t total = 0;
    size_t i = 0;
    while (i < n) {
        size_t left = n - i < segment ? n - i : segment;
        size_t whole = i + left / LANES * LANES;
        size_t end = i + left;
        for (int lane = 0; lane < LANES; ++lane) {
            bad[lane] = 0;
        }
        for (; i < whole; i += LANES) {
            for (int lane = 0; lane < LANES; ++lane) {
                widen(x[i + (size_t)lane], &lows[lane], &highs[lane], &bad[lane]);
            }
        }
        for (; i < end; ++i) {
            widen(x[i], &lows[0], &highs[0], &bad[0]);
        }
        for (int lane = 0; lane < LANES; ++lane) {
            total += bad[lane];
        }
    }

    float low = INFINITY;
    float high = -INFINITY;
    for (int lane = 0; lane < LANES; ++lane) {
        low = lows[lane] < low ? lows[lane] : low;
        high = highs[lane] > high ? highs[lane] : high;
    }
    // Which of -0 and +0 survives depends on their places; adding +0 makes both +0.
    *lo = low + 0.0f;
    *hi = high + 0.0f;
    *nonfinite = total;
}

// Elements whose bins are computed together, ahead of the counting that cannot be vectorised.
#define BLOCK 256

// The clamp comes before the subtraction: a tiny negative product minus the lowest bin would round
// up to the next bin. Infinite and NaN values are clamped as well, and marked with -1.
#define DEFINE_BLOCK_BINS(name, real)                                                              \
    static void name(const float *restrict x, size_t stride, size_t count, real factor,            \
                     int32_t lowest, int32_t highest, int32_t *restrict bins) {                    \
        const real low = (real)lowest;                                                             \
        const real high = (real)highest;                                                           \
        for (size_t i = 0; i < count; ++i) {                                                       \
            float value = x[i * stride];                                                           \
            real place = (real)value * factor;                                                     \
            place = place > low ? place : low;                                                     \
            place = place < high ? place : high;                                                   \
            int32_t bin = (int32_t)place;                                                          \
            bin -= (int32_t)(place < (real)bin);                                                   \
            uint32_t index = (uint32_t)bin - (uint32_t)lowest;                                     \
            int32_t discarded = -(int32_t) !(fabsf(value) <= FLT_MAX);                             \
            bins[i] = (int32_t)index | discarded;                                                  \
        }                                                                                          \
    }

DEFINE_BLOCK_BINS(bins_exact, double)
DEFINE_BLOCK_BINS(bins_single, float)

// Whether float arithmetic gives the bins that double does: the factor only moves the exponent,
// never towards underflow (a tiny negative value belongs below zero), and both bounds are exact.
static int single_suffices(float factor, int32_t lowest, int32_t highest) {
    const int32_t exact = 1 << FLT_MANT_DIG;
    int exponent;
    return factor >= 1 && frexpf(factor, &exponent) == 0.5f && lowest >= -exact && highest <= exact;
}

void uq_histogram_f32(const float *x, size_t n, size_t stride, float inverse_width,
                      int32_t lowest_bin, uint32_t bins, uint64_t *counts) {
    if (n == 0 || bins == 0 || bins > INT32_MAX || stride == 0 || !(inverse_width > 0) ||
        inverse_width > FLT_MAX || (int64_t)lowest_bin + bins - 1 > INT32_MAX) {
        return;
    }
    const int32_t highest_bin = (int32_t)(lowest_bin + (int64_t)bins - 1);
    const int single = single_suffices(inverse_width, lowest_bin, highest_bin);
    int32_t block[BLOCK];
    size_t left = (n - 1) / stride + 1;
    for (;;) {
        size_t count = left < BLOCK ? left : BLOCK;
        if (single && stride == 1) {
            bins_single(x, 1, count, inverse_width, lowest_bin, highest_bin, block);
        } else if (single) {
            bins_single(x, stride, count, inverse_width, lowest_bin, highest_bin, block);
        } else {
            bins_exact(x, stride, count, (double)inverse_width, lowest_bin, highest_bin, block);
        }
        for (size_t i = 0; i < count; ++i) {
            if (block[i] >= 0) {
                counts[block[i]] += 1;
            }
        }
        left -= count;
        if (left == 0) {
            return;
        }
        x += count * stride;
    }
}

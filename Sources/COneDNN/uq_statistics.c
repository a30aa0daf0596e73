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

typedef struct {
    double inverse_width;
    double lowest;
    double highest;
    int32_t lowest_bin;
    int32_t discard;
} bin_rule;

// The clamp comes before the subtraction: a tiny negative product minus the lowest bin would round
// up to the next bin.
static inline int32_t bin_of(float value, const bin_rule *rule) {
    double place = (double)value * rule->inverse_width;
    place = place > rule->lowest ? place : rule->lowest;
    place = place < rule->highest ? place : rule->highest;
    int32_t bin = (int32_t)place;
    bin -= (int32_t)(place < (double)bin);
    int finite = value >= -FLT_MAX && value <= FLT_MAX;
    uint32_t index = (uint32_t)bin - (uint32_t)rule->lowest_bin;
    return finite ? (int32_t)index : rule->discard;
}

void uq_histogram_f32(const float *x, size_t n, size_t stride, float inverse_width,
                      int32_t lowest_bin, uint32_t bins, uint64_t *counts) {
    if (bins == 0 || bins > INT32_MAX || stride == 0 || !(inverse_width > 0) ||
        inverse_width > FLT_MAX || (int64_t)lowest_bin + bins - 1 > INT32_MAX) {
        return;
    }
    const bin_rule rule = {(double)inverse_width, (double)lowest_bin,
                           (double)((int64_t)lowest_bin + bins - 1), lowest_bin, -1};
    int32_t block[BLOCK];
    size_t left = n == 0 ? 0 : (n - 1) / stride + 1;
    while (left > 0) {
        size_t filled = left < BLOCK ? left : BLOCK;
        if (stride == 1) {
            for (size_t i = 0; i < filled; ++i) {
                block[i] = bin_of(x[i], &rule);
            }
        } else {
            for (size_t i = 0; i < filled; ++i) {
                block[i] = bin_of(x[i * stride], &rule);
            }
        }
        for (size_t i = 0; i < filled; ++i) {
            if (block[i] >= 0) {
                counts[block[i]] += 1;
            }
        }
        left -= filled;
        if (left > 0) {
            x += filled * stride;
        }
    }
}

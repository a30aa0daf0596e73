/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_STATISTICS_H
#define UQ_STATISTICS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Stores the least and the greatest finite value of x[0 .. n) in *lo and *hi, and the number of
 * NaN and infinite values in *nonfinite. Exact; a zero is stored as +0. Without a finite value
 * *lo is +INFINITY and *hi is -INFINITY.
 */
void uq_range_f32(const float *x, size_t n, float *lo, float *hi, uint64_t *nonfinite);

/*
 * For x[0], x[stride], x[2 * stride], ... below x[n], adds 1 to counts[bin], where
 * bin = floor(x * inverse_width) - lowest_bin, clamped to [0, bins - 1]. NaN and infinite values
 * are not counted. Product and floor are exact for values of either sign and any size.
 * inverse_width is finite and above 0; lowest_bin + bins - 1 is at most INT32_MAX; otherwise, as
 * for bins or stride of 0, nothing is counted.
 */
void uq_histogram_f32(const float *x, size_t n, size_t stride, float inverse_width,
                      int32_t lowest_bin, uint32_t bins, uint64_t *counts);

#ifdef __cplusplus
}
#endif

#endif

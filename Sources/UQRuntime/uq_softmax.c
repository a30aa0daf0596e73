/* SPDX-License-Identifier: Apache-2.0 */
#include "uq_softmax.h"

/*
 * 2^30 * exp(-distance * beta * in_scale), 0 <= distance <= 65535.
 *
 * The exponent is n + f: 2^-n is a shift, 2^-f a polynomial of degree 5,
 * 1 - f (c0 - f (c1 - f (c2 - f (c3 - f c4)))), f in [0, 1), fitted to an error
 * of 2.2e-7. All partial results are positive and below 2^31.
 */
static uint32_t exponential(const uq_softmax_params *params, int32_t distance)
{
    static const uint32_t coefficients[5] = {1488521742u, 515857503u,
                                             118990885u, 20069627u, 2156798u};
    const uint64_t exponent =
        (uint64_t)((int64_t)distance * params->multiplier) >>
        (uint32_t)params->shift;
    uint32_t fraction, value;
    if (exponent >= (uint64_t)1 << 31)
        return 0u;
    fraction = ((uint32_t)exponent & 0x3ffffffu) << 5;
    value = coefficients[4];
    for (int32_t i = 3; i >= 0; i--)
        value =
            coefficients[i] - (uint32_t)(((uint64_t)value * fraction) >> 31);
    value = 0x80000000u - (uint32_t)(((uint64_t)value * fraction) >> 31);
    return (value >> 1) >> ((uint32_t)exponent >> 26);
}

/* What turns an element's exponential into its share of the sum. */
typedef struct {
    uint32_t reciprocal;
    uint32_t shift;
} divisor;

/*
 * sum = t * 2^shift with t in [2^30, 2^31), so exponential / sum * 2^8 =
 * exponential * reciprocal / 2^(38 + shift) with reciprocal = 2^46 / t, taken
 * from the upper 16 bits of t: a relative error below 2^-14.
 */
static divisor divide_by(uint64_t sum)
{
    divisor d = {0u, 38u};
    while (sum >> 31 != 0u) {
        sum >>= 1;
        d.shift++;
    }
    d.reciprocal = 0x80000000u / (uint32_t)(sum >> 15);
    return d;
}

static int8_t share(uint32_t value, divisor d)
{
    const uint64_t half = (uint64_t)1 << (d.shift - 1u);
    const int32_t y =
        (int32_t)(((uint64_t)value * d.reciprocal + half) >> d.shift);
    return (int8_t)(y > 255 ? 127 : y - 128);
}

void uq_softmax_s8(const uq_softmax_params *params, const int8_t *x, int8_t *y)
{
    for (int32_t row = 0; row < params->rows; row++) {
        int32_t largest = x[0];
        uint64_t sum = 0u;
        divisor d;
        for (int32_t i = 1; i < params->depth; i++)
            largest = x[i] > largest ? x[i] : largest;
        for (int32_t i = 0; i < params->depth; i++)
            sum += exponential(params, largest - x[i]);
        d = divide_by(sum);
        for (int32_t i = 0; i < params->depth; i++)
            y[i] = share(exponential(params, largest - x[i]), d);
        x += params->depth;
        y += params->depth;
    }
}

void uq_softmax_s16_s8(const uq_softmax_params *params, const int16_t *x,
                       int8_t *y)
{
    for (int32_t row = 0; row < params->rows; row++) {
        int32_t largest = x[0];
        uint64_t sum = 0u;
        divisor d;
        for (int32_t i = 1; i < params->depth; i++)
            largest = x[i] > largest ? x[i] : largest;
        for (int32_t i = 0; i < params->depth; i++)
            sum += exponential(params, largest - x[i]);
        d = divide_by(sum);
        for (int32_t i = 0; i < params->depth; i++)
            y[i] = share(exponential(params, largest - x[i]), d);
        x += params->depth;
        y += params->depth;
    }
}

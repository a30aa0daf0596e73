/* SPDX-License-Identifier: Apache-2.0 */
#include "uq_binary_conv2d.h"

#include <stddef.h>

enum {
    /* Words whose bits a byte can count: 8 in each, at most 255. */
    UQ_BINARY_WORDS = 31
};

/* Bits of each byte of a word, in that byte. */
static inline uint32_t bits_of_bytes(uint32_t word)
{
    word -= (word >> 1) & 0x55555555u;
    word = (word & 0x33333333u) + ((word >> 2) & 0x33333333u);
    return (word + (word >> 4)) & 0x0F0F0F0Fu;
}

static inline int32_t sum_of_bytes(uint32_t word)
{
    // Four bytes of up to 248 are more than a byte holds.
    word = (word & 0x00FF00FFu) + ((word >> 8) & 0x00FF00FFu);
    return (int32_t)((word + (word >> 16)) & 0xFFFFu);
}

/* Bits in which `count` bytes differ. */
static int32_t differing_bits(const uint8_t *a, const uint8_t *b, int32_t count)
{
    int32_t total = 0;
    while (count >= 4) {
        const int32_t left = count / 4;
        int32_t words = left < UQ_BINARY_WORDS ? left : UQ_BINARY_WORDS;
        uint32_t bytes = 0u;
        count -= 4 * words;
        do {
            bytes += bits_of_bytes(uq_load32(a) ^ uq_load32(b));
            a += 4;
            b += 4;
        } while (--words > 0);
        total += sum_of_bytes(bytes);
    }
    for (; count > 0; count--)
        total += (int32_t)(bits_of_bytes((uint32_t)(*a++ ^ *b++)) & 15u);
    return total;
}

/* Bits that are set in `count` bytes. */
static int32_t set_bits(const uint8_t *a, int32_t count)
{
    int32_t total = 0;
    for (; count > 0; count--)
        total += (int32_t)(bits_of_bytes(*a++) & 15u);
    return total;
}

/* The signs of a row of pixels as bits, 1 for -1. */
static void pack_row(const uq_binary_conv2d_params *params, const int8_t *x,
                     const int16_t *thresholds, uint8_t *bits)
{
    const int32_t channels = params->in_c;
    for (int32_t pixel = 0; pixel < params->in_w; pixel++) {
        uint32_t byte = 0u;
        uint32_t place = 1u;
        for (int32_t c = 0; c < channels; c++) {
            const int32_t threshold =
                thresholds == NULL ? params->threshold : thresholds[c];
            if (*x++ < threshold)
                byte |= place;
            place <<= 1;
            if (place == 256u) {
                *bits++ = (uint8_t)byte;
                byte = 0u;
                place = 1u;
            }
        }
        if (place != 1u)
            *bits++ = (uint8_t)byte;
    }
}

/* What the functions below share: an output row in the making. */
typedef struct {
    const uq_binary_conv2d_params *params;
    /* Rows of bits; image row y is row y modulo `rows`. */
    const uint8_t *bits;
    int32_t rows, row_bytes, pixel_bytes;
    /* Rows of taps that read the image, and the row of bits of the first. */
    int32_t first_y, end_y, slot;
} binary_rows;

/* The first tap of an axis that reads the image, from `start` on. */
static int32_t first_tap(int32_t start, int32_t dilation)
{
    return start >= 0 ? 0 : (dilation - 1 - start) / dilation;
}

/* The tap behind the last that reads the image of `size`. */
static int32_t end_tap(int32_t start, int32_t dilation, int32_t size,
                       int32_t taps)
{
    const int32_t end =
        size > start ? (size - start + dilation - 1) / dilation : 0;
    return end < taps ? end : taps;
}

/*
 * The sum over all taps for one output channel; `left` is the column of the
 * leftmost tap, those from first_x to end_x read the image.
 */
static int32_t accumulate(const binary_rows *r, const uint8_t *weights,
                          int32_t left, int32_t first_x, int32_t end_x)
{
    const uq_binary_conv2d_params *p = r->params;
    const int32_t taps = p->kernel_h * p->kernel_w;
    // Taps side by side in the image are side by side in the weights.
    const int32_t run = p->dilation_w == 1 ? end_x - first_x : 1;
    int32_t inside = 0;
    int32_t differing = 0;
    int32_t negative = 0;
    int32_t slot = r->slot;
    int32_t acc;
    for (int32_t ky = r->first_y; ky < r->end_y; ky++) {
        const uint8_t *row = r->bits + slot * r->row_bytes;
        slot += p->dilation_h;
        slot -= slot >= r->rows ? r->rows : 0;
        for (int32_t kx = first_x; kx < end_x; kx += run) {
            const int32_t column = left + kx * p->dilation_w;
            const uint8_t *w =
                weights + (ky * p->kernel_w + kx) * r->pixel_bytes;
            const int32_t count = run * r->pixel_bytes;
            differing +=
                differing_bits(w, row + column * r->pixel_bytes, count);
            if (p->pad_sign != 0)
                negative += set_bits(w, count);
            inside += run;
        }
    }
    acc = inside * p->in_c - 2 * differing;
    if (p->pad_sign != 0 && inside < taps) {
        negative = set_bits(weights, taps * r->pixel_bytes) - negative;
        acc += p->pad_sign * ((taps - inside) * p->in_c - 2 * negative);
    }
    return acc;
}

void uq_binary_conv2d_s8(const uq_binary_conv2d_params *params,
                         const int8_t *input, const int16_t *thresholds,
                         const uint8_t *weights, const int32_t *bias,
                         const int32_t *multipliers, const uint8_t *shifts,
                         int8_t *output, uint8_t *scratch)
{
    const int32_t unit = (int32_t)1 << params->fraction_bits;
    const int32_t in_row = params->in_w * params->in_c;
    binary_rows r;
    int32_t next = 0;
    int32_t filter_bytes;
    r.params = params;
    r.bits = scratch;
    r.rows = uq_binary_conv2d_rows(params);
    r.pixel_bytes = uq_binary_conv2d_pixel_bytes(params);
    r.row_bytes = params->in_w * r.pixel_bytes;
    filter_bytes = params->kernel_h * params->kernel_w * r.pixel_bytes;
    for (int32_t y = 0; y < params->out_h; y++) {
        const int32_t top = y * params->stride_h - params->pad_top;
        int32_t last;
        r.first_y = first_tap(top, params->dilation_h);
        r.end_y = end_tap(top, params->dilation_h, params->in_h,
                          params->kernel_h);
        r.slot = (top + r.first_y * params->dilation_h) % r.rows;
        last = top + (r.end_y - 1) * params->dilation_h;
        // Rows that no tap reads any more need no bits.
        if (next < top)
            next = top;
        for (; next <= last; next++)
            pack_row(params, input + next * in_row, thresholds,
                     scratch + next % r.rows * r.row_bytes);
        for (int32_t x = 0; x < params->out_w; x++) {
            const int32_t left = x * params->stride_w - params->pad_left;
            const int32_t first = first_tap(left, params->dilation_w);
            const int32_t end = end_tap(left, params->dilation_w, params->in_w,
                                        params->kernel_w);
            const uint8_t *w = weights;
            for (int32_t o = 0; o < params->out_c; o++) {
                const int32_t acc = accumulate(&r, w, left, first, end);
                *output++ = (int8_t)uq_requantize_to(
                    &params->output, bias[o] + acc * unit, multipliers[o],
                    shifts[o]);
                w += filter_bytes;
            }
        }
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "uq_binary_conv2d.h"

#include <stddef.h>
#include <string.h>

enum {
    /* Output channels between two rounds of requantization. */
    UQ_BINARY_BLOCK = 16,
    /* Pairs of words whose bits a byte can count: 16 in each, at most 255. */
    UQ_BINARY_PAIRS = 15
};

/* Bits of each half byte of a word, in that half byte. */
static inline uint32_t bits_of_nibbles(uint32_t word)
{
    word -= (word >> 1) & 0x55555555u;
    return (word & 0x33333333u) + ((word >> 2) & 0x33333333u);
}

/* The sums of a word's pairs of half bytes, in its bytes. */
static inline uint32_t bytes_of_nibbles(uint32_t word)
{
    return (word & 0x0F0F0F0Fu) + ((word >> 4) & 0x0F0F0F0Fu);
}

static inline int32_t sum_of_bytes(uint32_t word)
{
    // Four bytes of up to 240 are more than a byte holds.
    word = (word & 0x00FF00FFu) + ((word >> 8) & 0x00FF00FFu);
    return (int32_t)((word + (word >> 16)) & 0xFFFFu);
}

/* Bits in which `count` bytes differ. */
static inline int32_t differing_bits(const uint8_t *a, const uint8_t *b,
                                     int32_t count)
{
    int32_t total = 0;
    uint32_t word = 0u;
    while (count >= 8) {
        const int32_t left = count / 8;
        int32_t pairs = left < UQ_BINARY_PAIRS ? left : UQ_BINARY_PAIRS;
        uint32_t bytes = 0u;
        count -= 8 * pairs;
        do {
            bytes += bytes_of_nibbles(
                bits_of_nibbles(uq_load32(a) ^ uq_load32(b)) +
                bits_of_nibbles(uq_load32(a + 4) ^ uq_load32(b + 4)));
            a += 8;
            b += 8;
        } while (--pairs > 0);
        total += sum_of_bytes(bytes);
    }
    if (count == 0)
        return total;
    if (count >= 4) {
        word = bits_of_nibbles(uq_load32(a) ^ uq_load32(b));
        a += 4;
        b += 4;
        count -= 4;
    }
    for (uint32_t rest = 0u; count >= 0; count--) {
        if (count == 0)
            word += bits_of_nibbles(rest);
        else
            rest = rest << 8 | (uint32_t)(*a++ ^ *b++);
    }
    return total + sum_of_bytes(bytes_of_nibbles(word));
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

/* The taps of an axis that read the image: from `first` to before `end`. */
typedef struct {
    int32_t start, first, end;
} span;

static span find_span(int32_t start, int32_t dilation, int32_t size,
                      int32_t taps)
{
    span s;
    s.start = start;
    s.first = start >= 0 ? 0 : (dilation - 1 - start) / dilation;
    s.end = size > start ? (size - start + dilation - 1) / dilation : 0;
    s.end = s.end < taps ? s.end : taps;
    return s;
}

/* What the functions below share: an output row in the making. */
typedef struct {
    const uq_binary_conv2d_params *params;
    const uint8_t *weights;
    /* Rows of bits; image row y is row y modulo `rows`. */
    const uint8_t *bits;
    int32_t rows, row_bytes, pixel_bytes;
    /* Rows of taps, and the row of bits that the first inside reads. */
    span y;
    int32_t slot;
    /* The inputs of a pixel, as the weights of an output channel lie. */
    uint8_t *patch;
} binary_rows;

/* Taps outside of the image: signs, the unused bits of a pixel 0. */
static void fill_patch(const binary_rows *r)
{
    const uq_binary_conv2d_params *p = r->params;
    const int32_t taps = p->kernel_h * p->kernel_w;
    const uint8_t last = (uint8_t)(0xFFu >> ((uint32_t)-p->in_c & 7u));
    memset(r->patch, p->pad_sign < 0 ? 0xFF : 0,
           (size_t)(taps * r->pixel_bytes));
    if (p->pad_sign < 0)
        for (int32_t tap = 1; tap <= taps; tap++)
            r->patch[tap * r->pixel_bytes - 1] = last;
}

/* The patch of the output pixel whose columns of taps are `x`. */
static const uint8_t *gather(const binary_rows *r, span x)
{
    const uq_binary_conv2d_params *p = r->params;
    const int32_t run = p->dilation_w == 1 ? x.end - x.first : 1;
    const int32_t is_inside = r->y.first == 0 && x.first == 0;
    int32_t slot = r->slot;
    if (p->kernel_h == 1 && r->y.end == 1 && is_inside && run == p->kernel_w)
        return r->bits + slot * r->row_bytes + x.start * r->pixel_bytes;
    if (p->pad_sign != 0)
        fill_patch(r);
    for (int32_t ky = r->y.first; ky < r->y.end; ky++) {
        const uint8_t *row = r->bits + slot * r->row_bytes;
        for (int32_t kx = x.first; kx < x.end; kx += run) {
            const int32_t column = x.start + kx * p->dilation_w;
            memcpy(r->patch + (ky * p->kernel_w + kx) * r->pixel_bytes,
                   row + column * r->pixel_bytes,
                   (size_t)(run * r->pixel_bytes));
        }
        slot += p->dilation_h;
        slot -= slot >= r->rows ? r->rows : 0;
    }
    return r->patch;
}

/*
 * Bits in which the weights of an output channel and a patch differ, in the
 * taps that read the image.
 */
static int32_t differing_inside(const binary_rows *r, const uint8_t *weights,
                                const uint8_t *patch, span x)
{
    const int32_t row = r->params->kernel_w * r->pixel_bytes;
    int32_t differing = 0;
    for (int32_t ky = r->y.first; ky < r->y.end; ky++) {
        const int32_t at = ky * row + x.first * r->pixel_bytes;
        differing += differing_bits(weights + at, patch + at,
                                    (x.end - x.first) * r->pixel_bytes);
    }
    return differing;
}

/* The sums of output channels first..first+count-1 for a patch. */
static void accumulate(const binary_rows *r, const uint8_t *patch, span x,
                       int32_t first, int32_t count, const int32_t *bias,
                       int32_t *acc)
{
    const uq_binary_conv2d_params *p = r->params;
    const uint32_t places = (uint32_t)p->fraction_bits;
    const int32_t taps = p->kernel_h * p->kernel_w;
    const int32_t filter_bytes = taps * r->pixel_bytes;
    const int32_t rows = r->y.end > r->y.first ? r->y.end - r->y.first : 0;
    const int32_t columns = x.end > x.first ? x.end - x.first : 0;
    // Where padding is a sign, the patch holds it.
    const int32_t is_whole = p->pad_sign != 0 || rows * columns == taps;
    const int32_t largest = (is_whole ? taps : rows * columns) * p->in_c;
    const uint8_t *w = r->weights + first * filter_bytes;
    for (int32_t i = 0; i < count; i++) {
        const int32_t differing = is_whole
                                      ? differing_bits(w, patch, filter_bytes)
                                      : differing_inside(r, w, patch, x);
        acc[i] =
            bias[i] + (largest - 2 * differing) * ((int32_t)1 << places);
        w += filter_bytes;
    }
}

void uq_binary_conv2d_s8(const uq_binary_conv2d_params *params,
                         const int8_t *input, const int16_t *thresholds,
                         const uint8_t *weights, const int32_t *bias,
                         const int32_t *multipliers, const uint8_t *shifts,
                         int8_t *output, uint8_t *scratch)
{
    const int32_t in_row = params->in_w * params->in_c;
    binary_rows r;
    int32_t next = 0;
    r.params = params;
    r.weights = weights;
    r.bits = scratch;
    r.rows = uq_binary_conv2d_rows(params);
    r.pixel_bytes = uq_binary_conv2d_pixel_bytes(params);
    r.row_bytes = params->in_w * r.pixel_bytes;
    r.patch = scratch + r.rows * r.row_bytes;
    for (int32_t y = 0; y < params->out_h; y++) {
        const int32_t top = y * params->stride_h - params->pad_top;
        int32_t last;
        r.y = find_span(top, params->dilation_h, params->in_h,
                        params->kernel_h);
        r.slot = (top + r.y.first * params->dilation_h) % r.rows;
        last = top + (r.y.end - 1) * params->dilation_h;
        // Rows that no tap reads any more need no bits.
        if (next < top)
            next = top;
        for (; next <= last; next++)
            pack_row(params, input + next * in_row, thresholds,
                     scratch + next % r.rows * r.row_bytes);
        for (int32_t x = 0; x < params->out_w; x++) {
            const span columns =
                find_span(x * params->stride_w - params->pad_left,
                          params->dilation_w, params->in_w, params->kernel_w);
            const uint8_t *patch = gather(&r, columns);
            int32_t count;
            for (int32_t o = 0; o < params->out_c; o += count) {
                const int32_t left = params->out_c - o;
                int32_t acc[UQ_BINARY_BLOCK];
                count = left < UQ_BINARY_BLOCK ? left : UQ_BINARY_BLOCK;
                accumulate(&r, patch, columns, o, count, bias + o, acc);
                uq_requantize_block_s8(&params->output, acc, multipliers + o,
                                       shifts + o, count, output + o);
            }
            output += params->out_c;
        }
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_TILES_H
#define UQ_TILES_H

#include <stdint.h>

/*
 * How a kernel of images of 4 bits goes through its layer: a few pixels of an
 * output row at a time, by the kernel for bytes. Inputs of 4 bits are unpacked
 * into scratch memory, those that these pixels read and no others; outputs of
 * 4 bits are packed from there.
 */
typedef struct {
    /* Bits of an input, and of an output: 4 or 8. */
    int32_t in_bits, out_bits;
    /* Output pixels at a time; at least 1. */
    int32_t pixels;
} uq_tiling;

/* An image [in_h, in_w, in_c] and the window that moves over it. */
typedef struct {
    int32_t in_h, in_w, in_c;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t dilation_h, dilation_w;
    int32_t pad_top, pad_left;
} uq_tile_window;

/*
 * The part of an image that some pixels of an output row read, as an image of
 * bytes of its own, of which they are the only row.
 */
typedef struct {
    const int8_t *image;
    int32_t in_h, in_w;
    int32_t dilation_h;
    int32_t pad_top, pad_left;
} uq_tile;

/* Bytes that uq_cut_tile unpacks to at most; 0 for an image of bytes. */
int32_t uq_tile_bytes(const uq_tiling *tiling, const uq_tile_window *window);

/*
 * The tile of output pixels x..x+count-1 of output row y, unpacked to `memory`
 * where the image is one of 4 bits; taps outside of the image stay so.
 */
uq_tile uq_cut_tile(const uq_tiling *tiling, const uq_tile_window *window,
                    const void *image, int32_t y, int32_t x, int32_t count,
                    int8_t *memory);

#endif

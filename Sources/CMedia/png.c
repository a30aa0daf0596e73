/* SPDX-License-Identifier: Apache-2.0 */
#include "CMedia.h"
#include "report.h"

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

typedef struct source {
    const unsigned char *data;
    size_t size;
    size_t offset;
    char message[160];
} source;

static void fail(png_structp png, png_const_charp text) {
    source *from = png_get_error_ptr(png);
    snprintf(from->message, sizeof from->message, "%s", text);
    png_longjmp(png, 1);
}

static void ignore(png_structp png, png_const_charp text) {
    (void)png;
    (void)text;
}

static void pull(png_structp png, png_bytep to, size_t count) {
    source *from = png_get_io_ptr(png);
    if (from->size - from->offset < count) {
        png_error(png, "the file is truncated");
    }
    memcpy(to, from->data + from->offset, count);
    from->offset += count;
}

// Reads up to the first row with every conversion set; on failure the caller's jump is taken.
static void start(png_structp png, png_infop info, source *from) {
    png_set_read_fn(png, from, pull);
    png_set_chunk_malloc_max(png, 1u << 22);
    png_set_chunk_cache_max(png, 64);
    // JPEG's own limit; a picture of one long row would make resampling weights of its length.
    png_set_user_limits(png, 65535, 65535);
    png_read_info(png, info);
    int color = png_get_color_type(png, info);
    png_set_expand(png);
    int alpha = (color & PNG_COLOR_MASK_ALPHA) != 0 || png_get_valid(png, info, PNG_INFO_tRNS) != 0;
    if ((color & PNG_COLOR_MASK_COLOR) == 0 && alpha) {
        png_set_gray_to_rgb(png);
    }
    const uint16_t one = 1;
    unsigned char low = 0;
    memcpy(&low, &one, 1);
    if (png_get_bit_depth(png, info) == 16 && low == 1) {
        png_set_swap(png);
    }
}

static uint64_t big_endian(const unsigned char *b) {
    return ((uint64_t)b[0] << 24) | ((uint64_t)b[1] << 16) | ((uint64_t)b[2] << 8) | b[3];
}

// The functions with setjmp own no state, so nothing of theirs is indeterminate after a jump.
static int read_header(png_structp png, png_infop info, source *from, cmedia_picture *picture) {
    if (setjmp(png_jmpbuf(png)) != 0) {
        return CMEDIA_DAMAGED;
    }
    start(png, info, from);
    png_read_update_info(png, info);
    picture->width = png_get_image_width(png, info);
    picture->height = png_get_image_height(png, info);
    picture->channels = png_get_channels(png, info);
    picture->sample_bytes = png_get_bit_depth(png, info) / 8u;
    return CMEDIA_OK;
}

static int read_pixels(png_structp png, png_infop info, source *from, const cmedia_picture *picture,
                       unsigned char *pixels, size_t pixel_bytes) {
    if (setjmp(png_jmpbuf(png)) != 0) {
        return CMEDIA_DAMAGED;
    }
    start(png, info, from);
    int passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    size_t row = png_get_rowbytes(png, info);
    uint32_t height = png_get_image_height(png, info);
    size_t expected = (size_t)picture->width * picture->channels * picture->sample_bytes;
    if (row != expected || height != picture->height || row * height != pixel_bytes) {
        png_error(png, "the picture is not what its header said");
    }
    for (int pass = 0; pass < passes; pass++) {
        for (uint32_t y = 0; y < height; y++) {
            png_read_row(png, pixels + row * y, NULL);
        }
    }
    png_read_end(png, NULL);
    return CMEDIA_OK;
}

// Runs read_header where `header` is given, else read_pixels.
static int read_png(const void *data, size_t size, cmedia_picture *header,
                    const cmedia_picture *picture, void *pixels, size_t pixel_bytes, char *error,
                    size_t error_size) {
    source from = {data, size, 0, ""};
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &from, fail, ignore);
    png_infop info = png == NULL ? NULL : png_create_info_struct(png);
    if (info == NULL) {
        png_destroy_read_struct(&png, NULL, NULL);
        return cmedia_report(CMEDIA_NO_MEMORY, "no memory for a picture", error, error_size);
    }
    int code = header != NULL ? read_header(png, info, &from, header)
                              : read_pixels(png, info, &from, picture, pixels, pixel_bytes);
    png_destroy_read_struct(&png, &info, NULL);
    return code == CMEDIA_OK ? code : cmedia_report(code, from.message, error, error_size);
}

static int is_png(const void *data, size_t size) {
    return size >= 8 && png_sig_cmp((png_const_bytep)data, 0, 8) == 0;
}

int cmedia_png_header(const void *data, size_t size, uint64_t max_pixels, cmedia_picture *picture,
                      char *error, size_t error_size) {
    memset(picture, 0, sizeof *picture);
    if (!is_png(data, size)) {
        return cmedia_report(CMEDIA_DAMAGED, "not a PNG file", error, error_size);
    }
    // Width and height stand at a fixed place, so size is judged before libpng allocates a row.
    if (size < 33) {
        return cmedia_report(CMEDIA_DAMAGED, "the file is truncated", error, error_size);
    }
    const unsigned char *b = data;
    uint64_t width = big_endian(b + 16);
    uint64_t height = big_endian(b + 20);
    uint64_t pixels = width * height; // each below 2^32
    // By colour type: grey, -, RGB, palette, grey with alpha, -, RGBA.
    static const uint64_t channels[8] = {1, 1, 3, 1, 2, 1, 4, 1};
    uint64_t pixel_bits = channels[b[25] & 7] * b[24];
    if (pixels > max_pixels || pixels > UINT64_MAX / 1024 ||
        pixels * pixel_bits / 8 / 1032 > size) {
        char text[120];
        snprintf(text, sizeof text,
                 "%llu x %llu pixels: above the limit or impossible in %llu bytes",
                 (unsigned long long)width, (unsigned long long)height, (unsigned long long)size);
        return cmedia_report(CMEDIA_TOO_LARGE, text, error, error_size);
    }
    return read_png(data, size, picture, NULL, NULL, 0, error, error_size);
}

int cmedia_png_decode(const void *data, size_t size, const cmedia_picture *picture, void *pixels,
                      size_t pixel_bytes, char *error, size_t error_size) {
    if (!is_png(data, size)) {
        return cmedia_report(CMEDIA_DAMAGED, "not a PNG file", error, error_size);
    }
    return read_png(data, size, NULL, picture, pixels, pixel_bytes, error, error_size);
}

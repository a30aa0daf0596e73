/* SPDX-License-Identifier: Apache-2.0 */
#include "CMedia.h"
#include "report.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

enum { MAX_SCANS = 100 };

typedef struct decoder {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf jump;
    char message[JMSG_LENGTH_MAX];
    int code;
} decoder;

static void stop(decoder *d, int code, const char *text) {
    d->code = code;
    snprintf(d->message, sizeof d->message, "%s", text);
    longjmp(d->jump, 1);
}

static void fail(j_common_ptr jpeg) {
    decoder *d = jpeg->client_data;
    d->code = jpeg->err->msg_code == JERR_OUT_OF_MEMORY ? CMEDIA_NO_MEMORY : CMEDIA_DAMAGED;
    jpeg->err->format_message(jpeg, d->message);
    longjmp(d->jump, 1);
}

static void warn(j_common_ptr jpeg, int level) {
    // Files with stray bytes between markers are common and whole; missing data is not.
    int code = jpeg->err->msg_code;
    if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER)) {
        stop(jpeg->client_data, CMEDIA_DAMAGED, "the file is truncated or damaged");
    }
}

static void quiet(j_common_ptr jpeg) { (void)jpeg; }

static void watch(j_common_ptr jpeg) {
    // A few kilobytes can hold thousands of scans, each of which touches every pixel.
    if (((j_decompress_ptr)jpeg)->input_scan_number > MAX_SCANS) {
        stop(jpeg->client_data, CMEDIA_TOO_LARGE, "more than 100 scans");
    }
}

static void start(decoder *d, const void *data, size_t size) {
    d->jpeg.err = jpeg_std_error(&d->errors);
    d->errors.error_exit = fail;
    d->errors.emit_message = warn;
    d->errors.output_message = quiet;
    d->jpeg.client_data = d;
    jpeg_create_decompress(&d->jpeg);
    d->progress.progress_monitor = watch;
    d->jpeg.progress = &d->progress;
    jpeg_mem_src(&d->jpeg, (const unsigned char *)data, (unsigned long)size);
    jpeg_read_header(&d->jpeg, TRUE);
    switch (d->jpeg.num_components) {
    case 1:
        d->jpeg.out_color_space = JCS_GRAYSCALE;
        break;
    case 3:
        d->jpeg.out_color_space = JCS_RGB;
        break;
    default:
        stop(d, CMEDIA_UNSUPPORTED, "JPEG with neither 1 nor 3 colour components (CMYK?)");
    }
    d->jpeg.dct_method = JDCT_ISLOW;
}

// The functions with setjmp own no state, so nothing of theirs is indeterminate after a jump.
static int read_header(decoder *d, const void *data, size_t size, uint64_t max_pixels,
                       cmedia_picture *picture) {
    if (setjmp(d->jump) != 0) {
        return d->code;
    }
    start(d, data, size);
    uint64_t pixels = (uint64_t)d->jpeg.image_width * d->jpeg.image_height;
    if (pixels > max_pixels || pixels / 512 > size) {
        char text[120];
        snprintf(text, sizeof text, "%u x %u pixels: above the limit or impossible in %llu bytes",
                 d->jpeg.image_width, d->jpeg.image_height, (unsigned long long)size);
        stop(d, CMEDIA_TOO_LARGE, text);
    }
    picture->width = d->jpeg.image_width;
    picture->height = d->jpeg.image_height;
    picture->channels = (uint32_t)d->jpeg.num_components;
    picture->sample_bytes = 1;
    return CMEDIA_OK;
}

static int read_pixels(decoder *d, const void *data, size_t size, const cmedia_picture *picture,
                       unsigned char *pixels, size_t pixel_bytes) {
    if (setjmp(d->jump) != 0) {
        return d->code;
    }
    start(d, data, size);
    size_t row = (size_t)picture->width * picture->channels;
    if (d->jpeg.image_width != picture->width || d->jpeg.image_height != picture->height ||
        (uint32_t)d->jpeg.num_components != picture->channels ||
        row * picture->height != pixel_bytes) {
        stop(d, CMEDIA_DAMAGED, "the picture is not what its header said");
    }
    jpeg_start_decompress(&d->jpeg);
    while (d->jpeg.output_scanline < d->jpeg.output_height) {
        JSAMPROW to = pixels + row * d->jpeg.output_scanline;
        jpeg_read_scanlines(&d->jpeg, &to, 1);
    }
    jpeg_finish_decompress(&d->jpeg);
    return CMEDIA_OK;
}

static int finish(decoder *d, int code, char *error, size_t error_size) {
    jpeg_destroy_decompress(&d->jpeg);
    return code == CMEDIA_OK ? code : cmedia_report(code, d->message, error, error_size);
}

int cmedia_jpeg_header(const void *data, size_t size, uint64_t max_pixels, cmedia_picture *picture,
                       char *error, size_t error_size) {
    decoder d;
    memset(&d, 0, sizeof d);
    memset(picture, 0, sizeof *picture);
    if (size == 0) {
        return cmedia_report(CMEDIA_DAMAGED, "the file is empty", error, error_size);
    }
    return finish(&d, read_header(&d, data, size, max_pixels, picture), error, error_size);
}

int cmedia_jpeg_decode(const void *data, size_t size, const cmedia_picture *picture, void *pixels,
                       size_t pixel_bytes, char *error, size_t error_size) {
    decoder d;
    memset(&d, 0, sizeof d);
    if (size == 0) {
        return cmedia_report(CMEDIA_DAMAGED, "the file is empty", error, error_size);
    }
    return finish(&d, read_pixels(&d, data, size, picture, pixels, pixel_bytes), error, error_size);
}

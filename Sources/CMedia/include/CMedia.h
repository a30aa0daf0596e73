/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pictures, sound and deflated data from memory to memory.
 *
 * Every function takes the whole encoded file, keeps no state, writes to no stream, and returns 0
 * or a code of enum cmedia_status; on failure `error` (may be NULL, of `error_size` bytes) holds a
 * line of text. Input is hostile: limits are checked before memory is taken, and nothing jumps out.
 * All functions may be called from any number of threads at once.
 */
#ifndef CMEDIA_H
#define CMEDIA_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum cmedia_status {
    CMEDIA_OK = 0,
    /* The data is damaged, truncated or of another format. */
    CMEDIA_DAMAGED = 1,
    /* The data is sound but of a kind that is not decoded. */
    CMEDIA_UNSUPPORTED = 2,
    /* The data is larger than the caller's limit, or claims more than its bytes can hold. */
    CMEDIA_TOO_LARGE = 3,
    /* No memory. */
    CMEDIA_NO_MEMORY = 4
};

/* What an encoded picture decodes to: `height` rows of `width` pixels of `channels` samples. */
typedef struct cmedia_picture {
    uint32_t width;
    uint32_t height;
    /* 1 grey, 3 RGB, 4 RGBA. */
    uint32_t channels;
    /* Bytes of a sample: 1, or 2 (native byte order). */
    uint32_t sample_bytes;
} cmedia_picture;

/*
 * Reads the header of a PNG. Palettes become RGB, grey of 1, 2 and 4 bits becomes 8 bits, grey
 * with alpha and transparent colours become RGBA, 16 bits stay 16 bits.
 *
 * Fails with CMEDIA_TOO_LARGE above `max_pixels` pixels and where the data is too short for so
 * large a picture even at deflate's best (1032 : 1), with CMEDIA_DAMAGED above 65535 a side.
 */
int cmedia_png_header(const void *data, size_t size, uint64_t max_pixels, cmedia_picture *picture,
                      char *error, size_t error_size);

/*
 * Decodes a PNG whose header gave `picture` into `pixels`, which has exactly width * height *
 * channels * sample_bytes bytes. Gamma, colour profiles and orientation are ignored.
 */
int cmedia_png_decode(const void *data, size_t size, const cmedia_picture *picture, void *pixels,
                      size_t pixel_bytes, char *error, size_t error_size);

/*
 * Reads the header of a JPEG: grey (1 channel) or colour (3 channels), 8 bits. CMYK fails with
 * CMEDIA_UNSUPPORTED. Limits as for PNG; a JPEG needs a bit for each block of 8 x 8 pixels.
 */
int cmedia_jpeg_header(const void *data, size_t size, uint64_t max_pixels, cmedia_picture *picture,
                       char *error, size_t error_size);

/*
 * Decodes a JPEG whose header gave `picture`; the accurate integer DCT. Truncated data is an error,
 * never a picture with a grey rest; so are more than 100 progressive scans.
 */
int cmedia_jpeg_decode(const void *data, size_t size, const cmedia_picture *picture, void *pixels,
                       size_t pixel_bytes, char *error, size_t error_size);

/* A clip; `samples` holds frames * channels interleaved values, integers scaled to [-1, 1). */
typedef struct cmedia_clip {
    float *samples;
    uint64_t frames;
    uint32_t channels;
    uint32_t sample_rate;
} cmedia_clip;

/*
 * Decodes a WAV (integer, float, A-law, u-law) or FLAC file. Fails with CMEDIA_TOO_LARGE above
 * `max_samples` values, without having allocated them. The caller passes the clip to
 * cmedia_clip_free; after a failure it is empty.
 */
int cmedia_audio_decode(const void *data, size_t size, uint64_t max_samples, cmedia_clip *clip,
                        char *error, size_t error_size);

/* Frees what cmedia_audio_decode allocated; an empty clip is fine. */
void cmedia_clip_free(cmedia_clip *clip);

/*
 * Inflates a raw deflate stream of `size` bytes that must fill `out_size` bytes exactly and end
 * there.
 */
int cmedia_inflate(const void *data, size_t size, void *out, size_t out_size, char *error,
                   size_t error_size);

/* CRC-32 (ISO-HDLC, as in ZIP and PNG) of `size` bytes. */
uint32_t cmedia_crc32(const void *data, size_t size);

#ifdef __cplusplus
}
#endif

#endif

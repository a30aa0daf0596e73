/* SPDX-License-Identifier: Apache-2.0 */
#include "CMedia.h"
#include "report.h"

#include <limits.h>
#include <string.h>
#include <zlib.h>

int cmedia_report(int code, const char *text, char *error, size_t error_size) {
    if (error == NULL || error_size == 0) {
        return code;
    }
    size_t i = 0;
    for (; i + 1 < error_size && text[i] != '\0'; i++) {
        // Libraries quote bytes of the file in their messages.
        unsigned char c = (unsigned char)text[i];
        error[i] = c < 32 || c > 126 ? '?' : text[i];
    }
    error[i] = '\0';
    return code;
}

int cmedia_inflate(const void *data, size_t size, void *out, size_t out_size, char *error,
                   size_t error_size) {
    z_stream stream;
    unsigned char spare = 0;
    memset(&stream, 0, sizeof stream);
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) {
        return cmedia_report(CMEDIA_NO_MEMORY, "no memory to inflate", error, error_size);
    }
    const unsigned char *in = data;
    unsigned char *to = out;
    size_t in_left = size;
    size_t out_left = out_size;
    stream.next_out = &spare;
    int state = Z_OK;
    // zlib counts in 32 bits, so both sides are fed in pieces.
    while (state == Z_OK) {
        if (stream.avail_in == 0 && in_left > 0) {
            uInt piece = in_left > UINT_MAX / 2 ? UINT_MAX / 2 : (uInt)in_left;
            stream.next_in = (z_const Bytef *)in;
            stream.avail_in = piece;
            in += piece;
            in_left -= piece;
        }
        if (stream.avail_out == 0 && out_left > 0) {
            uInt piece = out_left > UINT_MAX / 2 ? UINT_MAX / 2 : (uInt)out_left;
            stream.next_out = to;
            stream.avail_out = piece;
            to += piece;
            out_left -= piece;
        }
        // Without progress zlib answers Z_BUF_ERROR, which ends the loop.
        state = inflate(&stream, Z_NO_FLUSH);
    }
    int whole = state == Z_STREAM_END && stream.avail_out == 0 && out_left == 0;
    int no_memory = state == Z_MEM_ERROR;
    inflateEnd(&stream);
    if (no_memory) {
        return cmedia_report(CMEDIA_NO_MEMORY, "no memory to inflate", error, error_size);
    }
    if (!whole) {
        const char *text = "the deflated data is damaged";
        if (state == Z_STREAM_END) {
            text = "the data ends before its stated size";
        } else if (state == Z_BUF_ERROR) {
            text = "the data is truncated or exceeds its stated size";
        }
        return cmedia_report(CMEDIA_DAMAGED, text, error, error_size);
    }
    return CMEDIA_OK;
}

uint32_t cmedia_crc32(const void *data, size_t size) {
    return (uint32_t)crc32_z(crc32_z(0, NULL, 0), data, size);
}

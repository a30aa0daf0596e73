/* SPDX-License-Identifier: Apache-2.0 */
#include "CMedia.h"
#include "report.h"

#include <sndfile.h>
#include <stdlib.h>
#include <string.h>

typedef struct source {
    const unsigned char *data;
    sf_count_t size;
    sf_count_t offset;
} source;

static sf_count_t length_of(void *user) { return ((source *)user)->size; }

static sf_count_t tell(void *user) { return ((source *)user)->offset; }

static sf_count_t seek(sf_count_t offset, int whence, void *user) {
    source *from = user;
    sf_count_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? from->offset : from->size;
    // Compared as differences: the sum could overflow.
    if (offset < -base) {
        from->offset = 0;
    } else if (offset > from->size - base) {
        from->offset = from->size;
    } else {
        from->offset = base + offset;
    }
    return from->offset;
}

static sf_count_t pull(void *to, sf_count_t count, void *user) {
    source *from = user;
    sf_count_t left = from->size - from->offset;
    sf_count_t piece = count < left ? count : left;
    if (piece <= 0) {
        return 0;
    }
    memcpy(to, from->data + from->offset, (size_t)piece);
    from->offset += piece;
    return piece;
}

static int is_known(const unsigned char *b, size_t size) {
    int wav = size >= 12 && memcmp(b, "RIFF", 4) == 0 && memcmp(b + 8, "WAVE", 4) == 0;
    return wav || (size >= 8 && memcmp(b, "fLaC", 4) == 0);
}

static int is_plain(int format) {
    int major = format & SF_FORMAT_TYPEMASK;
    if (major == SF_FORMAT_FLAC) {
        return 1;
    }
    if (major != SF_FORMAT_WAV && major != SF_FORMAT_WAVEX) {
        return 0;
    }
    switch (format & SF_FORMAT_SUBMASK) {
    case SF_FORMAT_PCM_U8:
    case SF_FORMAT_PCM_16:
    case SF_FORMAT_PCM_24:
    case SF_FORMAT_PCM_32:
    case SF_FORMAT_FLOAT:
    case SF_FORMAT_DOUBLE:
    case SF_FORMAT_ULAW:
    case SF_FORMAT_ALAW:
        return 1;
    default:
        return 0;
    }
}

// libsndfile plays what is left of a cut WAV as if it were whole. Streamed files say 2^32 - 1 or 0.
static int is_cut(const unsigned char *b, size_t size) {
    size_t at = 12;
    while (memcmp(b, "RIFF", 4) == 0 && size - at >= 8) {
        uint32_t length = (uint32_t)b[at + 4] | (uint32_t)b[at + 5] << 8 |
                          (uint32_t)b[at + 6] << 16 | (uint32_t)b[at + 7] << 24;
        size_t left = size - at - 8;
        if (memcmp(b + at, "data", 4) == 0) {
            return length != UINT32_MAX && length > left;
        }
        size_t step = (size_t)length + (length & 1);
        if (step > left) {
            return 1;
        }
        at += 8 + step;
    }
    return 0;
}

void cmedia_clip_free(cmedia_clip *clip) {
    free(clip->samples);
    memset(clip, 0, sizeof *clip);
}

// Reads until the data ends, growing the buffer: the header's frame count is only a claim.
static int read_all(SNDFILE *file, uint64_t max_samples, cmedia_clip *clip) {
    uint64_t capacity = 0;
    uint64_t channels = clip->channels;
    for (;;) {
        if (clip->frames == capacity) {
            if (capacity * channels >= max_samples) {
                float probe[1024];
                return sf_readf_float(file, probe, 1) > 0 ? CMEDIA_TOO_LARGE : CMEDIA_OK;
            }
            uint64_t grown = capacity == 0 ? 16384 : capacity * 2;
            uint64_t most = max_samples / channels;
            grown = grown < most ? grown : most;
            if (grown <= capacity) {
                return CMEDIA_TOO_LARGE;
            }
            float *samples = realloc(clip->samples, (size_t)(grown * channels) * sizeof *samples);
            if (samples == NULL) {
                return CMEDIA_NO_MEMORY;
            }
            clip->samples = samples;
            capacity = grown;
        }
        sf_count_t got = sf_readf_float(file, clip->samples + clip->frames * channels,
                                        (sf_count_t)(capacity - clip->frames));
        if (got <= 0) {
            return CMEDIA_OK;
        }
        clip->frames += (uint64_t)got;
    }
}

int cmedia_audio_decode(const void *data, size_t size, uint64_t max_samples, cmedia_clip *clip,
                        char *error, size_t error_size) {
    memset(clip, 0, sizeof *clip);
    if (!is_known(data, size)) {
        return cmedia_report(CMEDIA_DAMAGED, "neither a WAV nor a FLAC file", error, error_size);
    }
    if (is_cut(data, size)) {
        return cmedia_report(CMEDIA_DAMAGED, "the file is truncated", error, error_size);
    }
    source from = {data, (sf_count_t)size, 0};
    SF_VIRTUAL_IO io = {length_of, seek, pull, NULL, tell};
    SF_INFO info;
    memset(&info, 0, sizeof info);
    SNDFILE *file = sf_open_virtual(&io, SFM_READ, &info, &from);
    if (file == NULL) {
        // sf_strerror(NULL) reads state shared by all threads.
        return cmedia_report(CMEDIA_DAMAGED, "the sound is damaged or of an unknown kind", error,
                             error_size);
    }
    int code = CMEDIA_OK;
    if (!is_plain(info.format)) {
        code = cmedia_report(CMEDIA_UNSUPPORTED, "WAV that is neither PCM, float, A-law nor u-law",
                             error, error_size);
    } else if (info.channels < 1 || info.channels > 1024 || info.samplerate < 1) {
        code = cmedia_report(CMEDIA_DAMAGED, "no channels or no sample rate", error, error_size);
    } else {
        clip->channels = (uint32_t)info.channels;
        clip->sample_rate = (uint32_t)info.samplerate;
        code = read_all(file, max_samples, clip);
        if (code == CMEDIA_TOO_LARGE) {
            cmedia_report(code, "the clip is longer than the limit", error, error_size);
        } else if (code == CMEDIA_NO_MEMORY) {
            cmedia_report(code, "no memory for the clip", error, error_size);
        } else if (sf_error(file) != SF_ERR_NO_ERROR || clip->frames == 0 ||
                   (info.frames > 0 && info.frames < SF_COUNT_MAX &&
                    clip->frames != (uint64_t)info.frames)) {
            code = cmedia_report(CMEDIA_DAMAGED, "the sound is truncated, empty or damaged", error,
                                 error_size);
        }
    }
    sf_close(file);
    if (code != CMEDIA_OK) {
        cmedia_clip_free(clip);
    }
    return code;
}

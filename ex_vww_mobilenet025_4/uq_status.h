/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_STATUS_H
#define UQ_STATUS_H

#include <stdint.h>

/*
 * What a model's entry point returns. Kernels return void: they cannot fail,
 * because the exporter proved their geometry and bounds.
 */
typedef int32_t uq_status;

enum {
    UQ_OK = 0,
    /* The arena is a null pointer. */
    UQ_ERROR_ARENA_NULL = 0x0101,
    /* The arena is smaller than the model's UQ_..._ARENA_BYTES. */
    UQ_ERROR_ARENA_SIZE = 0x0102,
    /* The arena is not aligned to the model's UQ_..._ARENA_ALIGN. */
    UQ_ERROR_ARENA_ALIGNMENT = 0x0103,
    /* An input or output pointer is null. */
    UQ_ERROR_ARGUMENT = 0x0201
};

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_ROWS_H
#define UQ_ROWS_H

#include <stddef.h>
#include <stdint.h>

/*
 * The input rows of one output row: a caller's list of pointers, or rows of an
 * image in one piece, for which no list needs to be built.
 */
typedef struct {
    /* [kernel_h], or null: the rows are those of `image`. */
    const int8_t *const *list;
    const int8_t *image;
    /* Rows and bytes of a row of `image`. */
    int32_t height, row_bytes;
    /* Row of `image` that the topmost tap reads, and the taps' distance. */
    int32_t top, dilation;
} uq_rows;

/* The row that tap `ky` reads, or null where it is padding. */
static inline const int8_t *uq_rows_at(const uq_rows *rows, int32_t ky)
{
    int32_t y;
    if (rows->list != NULL)
        return rows->list[ky];
    y = rows->top + ky * rows->dilation;
    if (y < 0 || y >= rows->height)
        return NULL;
    return rows->image + y * rows->row_bytes;
}

#endif

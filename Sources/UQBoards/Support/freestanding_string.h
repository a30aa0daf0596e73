/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_FREESTANDING_STRING_H
#define UQ_FREESTANDING_STRING_H

#include <stddef.h>

/*
 * <string.h> for compilers that come without a C library: the two functions that exported models
 * use. memory.c defines them.
 */
void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memset(void *to, int value, size_t bytes);

#endif

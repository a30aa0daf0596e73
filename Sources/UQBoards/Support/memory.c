/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memcpy and memset for boards without a C library. Compile with -fno-builtin and
 * -fno-tree-loop-distribute-patterns, or the compiler turns the loops into calls of themselves.
 */
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memset(void *to, int value, size_t bytes);

// Words that may alias anything, as the standard library's may.
typedef uint32_t __attribute__((may_alias)) word;

void *memcpy(void *restrict to, const void *restrict from, size_t bytes) {
    unsigned char *d = to;
    const unsigned char *s = from;
    if ((((uintptr_t)d | (uintptr_t)s) & (sizeof(word) - 1u)) == 0u) {
        for (; bytes >= sizeof(word); bytes -= sizeof(word)) {
            *(word *)(void *)d = *(const word *)(const void *)s;
            d += sizeof(word);
            s += sizeof(word);
        }
    }
    for (; bytes > 0; bytes--)
        *d++ = *s++;
    return to;
}

void *memset(void *to, int value, size_t bytes) {
    unsigned char *d = to;
    const unsigned char byte = (unsigned char)value;
    for (; bytes > 0 && ((uintptr_t)d & (sizeof(word) - 1u)) != 0u; bytes--)
        *d++ = byte;
    const word pattern = (word)byte * 0x01010101u;
    for (; bytes >= sizeof(word); bytes -= sizeof(word)) {
        *(word *)(void *)d = pattern;
        d += sizeof(word);
    }
    for (; bytes > 0; bytes--)
        *d++ = byte;
    return to;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "verify_io.h"

#include <stdio.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ADDRESS_SANITIZER
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define WITH_ADDRESS_SANITIZER
#endif

static FILE *inputs, *outputs;

int verify_open(void) {
    inputs = fopen("inputs", "rb");
    outputs = fopen("outputs", "wb");
    return inputs && outputs ? 0 : -1;
}

size_t verify_read(void *to, size_t bytes) { return fread(to, 1, bytes, inputs); }

int verify_write(const void *from, size_t bytes) {
    return fwrite(from, 1, bytes, outputs) == bytes ? 0 : -1;
}

int verify_close(void) {
    const int failed = ferror(inputs) | fclose(inputs);
    return (failed | fclose(outputs)) == 0 ? 0 : -1;
}

void verify_report(const char *what, uint32_t sample, uint32_t value) {
    fprintf(stderr, "uq-verify %s %lu %lu\n", what, (unsigned long)sample, (unsigned long)value);
}

#if defined(WITH_ADDRESS_SANITIZER)
void __asan_poison_memory_region(const volatile void *memory, size_t bytes);
void __asan_unpoison_memory_region(const volatile void *memory, size_t bytes);

void verify_forbid(const void *memory, size_t bytes) { __asan_poison_memory_region(memory, bytes); }

void verify_allow(const void *memory, size_t bytes) {
    __asan_unpoison_memory_region(memory, bytes);
}
#else
void verify_forbid(const void *memory, size_t bytes) {
    (void)memory;
    (void)bytes;
}

void verify_allow(const void *memory, size_t bytes) {
    (void)memory;
    (void)bytes;
}
#endif

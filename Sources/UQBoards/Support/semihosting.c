/* SPDX-License-Identifier: Apache-2.0 */
#include "semihosting.h"

// Operation numbers and the exit reason of Arm's semihosting specification; RISC-V uses the same.
enum {
    SYS_OPEN = 0x01,
    SYS_CLOSE = 0x02,
    SYS_WRITE0 = 0x04,
    SYS_WRITE = 0x05,
    SYS_READ = 0x06,
    SYS_EXIT_EXTENDED = 0x20,
    MODE_READ_BINARY = 1,
    MODE_WRITE_BINARY = 5
};
// A word of 16 bits holds the lower half, which avr_board.c does not look at.
#define ADP_STOPPED_APPLICATION_EXIT ((intptr_t)INT32_C(0x20026))

#if defined(__arm__)
static intptr_t semihosting_call(intptr_t operation, const void *argument) {
    register intptr_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}
#elif defined(__riscv) || defined(__AVR__)
// In startup_riscv.S, where the assembler alone can promise the alignment that the marker needs, and
// in startup_avr.S.
intptr_t semihosting_call(intptr_t operation, const void *argument);
#else
#error "semihosting is known for Arm, RISC-V and AVR only"
#endif

void semihosting_write_text(const char *text) { (void)semihosting_call(SYS_WRITE0, text); }

void semihosting_write_number(uint32_t number) {
    char text[11];
    size_t at = sizeof text - 1;
    text[at] = '\0';
    do {
        text[--at] = (char)('0' + (int)(number % 10u));
        number /= 10u;
    } while (number != 0u);
    semihosting_write_text(text + at);
}

void semihosting_write_hex(uint32_t number) {
    char text[11];
    text[0] = '0';
    text[1] = 'x';
    for (unsigned i = 0; i < 8u; i++)
        text[2u + i] = "0123456789abcdef"[(number >> (28u - 4u * i)) & 15u];
    text[10] = '\0';
    semihosting_write_text(text);
}

void semihosting_exit(int code) {
    const intptr_t block[2] = {ADP_STOPPED_APPLICATION_EXIT, code};
    for (;;)
        (void)semihosting_call(SYS_EXIT_EXTENDED, block);
}

static int open_file(const char *path, intptr_t mode) {
    size_t length = 0;
    while (path[length] != '\0')
        length++;
    const intptr_t block[3] = {(intptr_t)path, mode, (intptr_t)length};
    return (int)semihosting_call(SYS_OPEN, block);
}

int semihosting_open_for_reading(const char *path) { return open_file(path, MODE_READ_BINARY); }

int semihosting_open_for_writing(const char *path) { return open_file(path, MODE_WRITE_BINARY); }

size_t semihosting_read(int handle, void *to, size_t bytes) {
    unsigned char *next = to;
    size_t left = bytes;
    // One call may give less than was asked for before the end of the file; none means the end.
    while (left > 0) {
        const intptr_t block[3] = {handle, (intptr_t)next, (intptr_t)left};
        const intptr_t missing = semihosting_call(SYS_READ, block);
        if (missing < 0 || (size_t)missing >= left)
            break;
        next += left - (size_t)missing;
        left = (size_t)missing;
    }
    return bytes - left;
}

int semihosting_write(int handle, const void *from, size_t bytes) {
    const intptr_t block[3] = {handle, (intptr_t)from, (intptr_t)bytes};
    return semihosting_call(SYS_WRITE, block) == 0 ? 0 : -1;
}

int semihosting_close(int handle) {
    const intptr_t block[1] = {handle};
    return semihosting_call(SYS_CLOSE, block) == 0 ? 0 : -1;
}

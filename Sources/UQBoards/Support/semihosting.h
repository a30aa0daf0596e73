/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_SEMIHOSTING_H
#define UQ_SEMIHOSTING_H

#include <stddef.h>
#include <stdint.h>

/*
 * Calls that an emulated board's debugger (here QEMU) answers: text, exit status, files of the
 * host.
 *
 * Without a debugger each of them stops the processor. Nothing here keeps state.
 */

/* Writes text, ended by a zero byte, to the standard error of the emulator. */
void semihosting_write_text(const char *text);

/* Writes a number in decimal. */
void semihosting_write_number(uint32_t number);

/* Writes a number as 0x and eight hexadecimal digits. */
void semihosting_write_hex(uint32_t number);

/* Ends the emulation; code, 0 to 255, becomes the emulator's own exit status. */
void semihosting_exit(int code) __attribute__((noreturn));

/* Opens a file of the host for binary reading. Returns a handle, or -1. */
int semihosting_open_for_reading(const char *path);

/* Creates or empties a file of the host for binary writing. Returns a handle, or -1. */
int semihosting_open_for_writing(const char *path);

/* Reads up to `bytes` bytes and returns how many were read: fewer only at the end of the file. */
size_t semihosting_read(int handle, void *to, size_t bytes);

/* Writes `bytes` bytes. Returns 0, or -1 where not all of them could be written. */
int semihosting_write(int handle, const void *from, size_t bytes);

/* Closes a file. Returns 0, or -1. */
int semihosting_close(int handle);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_VERIFY_IO_H
#define UQ_VERIFY_IO_H

#include <stddef.h>
#include <stdint.h>

/*
 * What verify_main.c needs of the machine it runs on: verify_io_host.c for an operating system,
 * verify_io_board.c for an emulated board.
 *
 * Records are read from the file `inputs` and written to the file `outputs` of the folder that the
 * program, or the emulator, was started in.
 */

/* Opens both files. Returns 0, or -1. */
int verify_open(void);

/* Reads one record. Returns `bytes`, 0 at the end of the file, or less where it ends inside. */
size_t verify_read(void *to, size_t bytes);

/* Appends one record. Returns 0, or -1. */
int verify_write(const void *from, size_t bytes);

/* Closes both files. Returns 0, or -1 where not all could be written. */
int verify_close(void);

/* Reports `uq-verify WHAT SAMPLE VALUE` on a line of standard error. */
void verify_report(const char *what, uint32_t sample, uint32_t value);

/* Makes every access to a piece of memory an error, where a sanitizer offers that, and undoes it. */
void verify_forbid(const void *memory, size_t bytes);
void verify_allow(const void *memory, size_t bytes);

#if defined(VERIFY_ON_BOARD)
#include "measure.h"
#else
static inline void measure_begin(void) {}
static inline void measure_end(void) {}
static inline void stack_fill(void) {}
static inline uint32_t stack_used(void) { return 0; }
#endif

#endif

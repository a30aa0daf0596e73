/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_MEASURE_H
#define UQ_MEASURE_H

#include <stdint.h>

/*
 * Marks around what is measured. They do nothing themselves: count_plugin.c counts what is executed
 * from the first instruction of measure_begin up to, and without, the first one of measure_end. Two
 * calls with nothing between them count three instructions at most on Arm and RISC-V.
 */
void measure_begin(void);
void measure_end(void);

/*
 * Fills the free stack, from the end of .bss up to a little below the caller, with a pattern.
 * stack_used then returns the bytes between the stack pointer at the fill and the deepest word that
 * was written since: at least 64, which the fill leaves out for itself. Take it outside the marks.
 */
void stack_fill(void);
uint32_t stack_used(void);

#endif

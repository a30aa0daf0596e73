/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_MEASURE_H
#define UQ_MEASURE_H

#include <stdint.h>

/*
 * Marks around what is measured. They do nothing themselves: count_plugin.c counts what is executed
 * from the first instruction of measure_begin up to, and without, the first one of measure_end. Two
 * calls with nothing between them count three instructions at most on Arm and RISC-V, four on AVR.
 */
void measure_begin(void);
void measure_end(void);

/*
 * Fills the free stack, from the end of .bss up to 64 bytes below `pointer`, with a pattern.
 *
 * stack_used then returns the bytes between that pointer and the deepest word that was written
 * since, 64 at least. Take both outside the marks. stack_fill starts at the caller's own pointer.
 */
void stack_fill_below(uintptr_t pointer);
uint32_t stack_used(void);

__attribute__((always_inline)) static inline void stack_fill(void) {
    uintptr_t pointer;
#if defined(__arm__)
    __asm__ volatile("mov %0, sp" : "=r"(pointer));
#elif defined(__AVR__)
    __asm__ volatile("in %A0, 0x3d\n in %B0, 0x3e" : "=r"(pointer));
#else
    __asm__ volatile("mv %0, sp" : "=r"(pointer));
#endif
    stack_fill_below(pointer);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "measure.h"

// Different bodies, or the compiler would fold the two marks into one address.
__attribute__((noinline)) void measure_begin(void) { __asm__ volatile("" ::"r"(1) : "memory"); }

__attribute__((noinline)) void measure_end(void) { __asm__ volatile("" ::"r"(2) : "memory"); }

extern uint32_t board_bss_end[];

enum { UNTOUCHED_BYTES = 64 };
#define PATTERN 0x5AFEC0DEu

static uintptr_t stack_at_fill;

// The first word that is not filled: stack pointers need not be multiples of its size.
static uintptr_t filled_end(void) {
    return (stack_at_fill - UNTOUCHED_BYTES) & ~(uintptr_t)(sizeof(uint32_t) - 1u);
}

__attribute__((noinline)) void stack_fill_below(uintptr_t pointer) {
    stack_at_fill = pointer;
    const uintptr_t top = filled_end();
    for (volatile uint32_t *word = board_bss_end; (uintptr_t)word < top; word++)
        *word = PATTERN;
}

__attribute__((noinline)) uint32_t stack_used(void) {
    const uintptr_t top = filled_end();
    const volatile uint32_t *word = board_bss_end;
    while ((uintptr_t)word < top && *word == PATTERN)
        word++;
    return (uint32_t)(stack_at_fill - (uintptr_t)word);
}

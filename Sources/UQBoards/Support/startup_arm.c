/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start of a program on an emulated Cortex-M: M0 to M7, M33, M55.
 *
 * Sets up the coprocessors, .data and .bss, calls main and ends the emulation with what it returns.
 * An exception prints its number and address and ends with EXCEPTION_STATUS.
 */
#include <stdint.h>

#include "semihosting.h"

enum { EXCEPTION_STATUS = 120 };

extern const uint32_t board_data_image[];
extern uint32_t board_data_start[], board_data_end[];
extern uint32_t board_bss_start[], board_bss_end[];
extern uint32_t board_stack_top[];

int main(void);
void reset_handler(void);

#define CPACR (*(volatile uint32_t *)0xE000ED88u)

void reset_handler(void) {
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    // Without access to coprocessors 10 and 11 the first float or vector instruction faults.
    CPACR |= 0xFu << 20;
    __asm__ volatile("dsb\n isb" ::: "memory");
#endif
#if defined(__ARM_FEATURE_MVE) || (defined(__ARM_ARCH_8M_MAIN__) && __ARM_ARCH_8M_MAIN__)
    // The stack may not grow into .bss: that is a fault instead of a wrong result.
    __asm__ volatile("msr msplim, %0" ::"r"(board_bss_end));
#endif
    // Volatile keeps the compiler from calling memcpy and memset before they are wanted.
    const volatile uint32_t *from = board_data_image;
    for (volatile uint32_t *to = board_data_start; to < board_data_end;)
        *to++ = *from++;
    for (volatile uint32_t *to = board_bss_start; to < board_bss_end;)
        *to++ = 0;
    semihosting_exit(main());
}

// address is 0 where the stack gave out, so that the processor could not store where it was.
__attribute__((used)) void exception_report(uint32_t address, uint32_t number);
void exception_report(uint32_t address, uint32_t number) {
    semihosting_write_text("exception ");
    semihosting_write_number(number);
    semihosting_write_text(" at ");
    semihosting_write_hex(address);
    semihosting_write_text("\n");
    semihosting_exit(EXCEPTION_STATUS);
}

// The stack may be what failed: read the stored address only from inside it, then start it anew.
__attribute__((naked)) static void exception_handler(void) {
    __asm__ volatile("mrs r0, msp\n"
                     "mrs r1, ipsr\n"
                     "ldr r2, =board_bss_end\n"
                     "cmp r0, r2\n"
                     "blo 1f\n"
                     "ldr r2, =board_stack_top - 32\n"
                     "cmp r0, r2\n"
                     "bhi 1f\n"
                     "ldr r0, [r0, #24]\n"
                     "b 2f\n"
                     "1: movs r0, #0\n"
                     "2: ldr r2, =board_stack_top\n"
                     "mov sp, r2\n"
                     "ldr r2, =exception_report\n"
                     "bx r2\n"
                     ".ltorg\n");
}

typedef union {
    uint32_t *stack;
    void (*handler)(void);
} vector;

// Exceptions 1 to 15; no interrupt is ever enabled.
static const vector vectors[16] __attribute__((section(".vectors"), used)) = {
    {.stack = board_stack_top},     {.handler = reset_handler},     {.handler = exception_handler},
    {.handler = exception_handler}, {.handler = exception_handler}, {.handler = exception_handler},
    {.handler = exception_handler}, {.handler = exception_handler}, {.handler = exception_handler},
    {.handler = exception_handler}, {.handler = exception_handler}, {.handler = exception_handler},
    {.handler = exception_handler}, {.handler = exception_handler}, {.handler = exception_handler},
    {.handler = exception_handler},
};

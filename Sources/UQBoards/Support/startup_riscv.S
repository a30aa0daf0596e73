/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start of a program on the emulated riscv32 virt board.
 *
 * Sets up the global pointer, the stack, the trap vector and .bss, calls main and ends the
 * emulation with what it returns. A trap prints its cause and address and ends with status 120.
 * Also here: the instructions of a semihosting call.
 */

    /* The control registers exist on every board, whatever -march says. */
    .option arch, +zicsr

    .section .text.reset, "ax"
    .global reset_handler
    .type reset_handler, @function
reset_handler:
    .option push
    .option norelax
    la gp, __global_pointer$
    .option pop
    la sp, board_stack_top
    la t0, trap_handler
    csrw mtvec, t0
    la t0, board_bss_start
    la t1, board_bss_end
1:  bgeu t0, t1, 2f
    sw zero, 0(t0)
    addi t0, t0, 4
    j 1b
2:  call main
    call semihosting_exit
    .size reset_handler, . - reset_handler

    /* mtvec holds multiples of four. The stack may be what failed, so it is set up anew. */
    .text
    .balign 4
    .type trap_handler, @function
trap_handler:
    la sp, board_stack_top
    csrr s0, mcause
    csrr s1, mepc
    la a0, cause_text
    call semihosting_write_text
    mv a0, s0
    call semihosting_write_number
    la a0, address_text
    call semihosting_write_text
    mv a0, s1
    call semihosting_write_hex
    la a0, line_end
    call semihosting_write_text
    li a0, 120
    call semihosting_exit
    .size trap_handler, . - trap_handler

    /* long semihosting_call(long operation, const void *argument). The three instructions are one
       marker: uncompressed, and never across two pages. */
    .section .text.semihosting_call, "ax"
    .balign 16
    .global semihosting_call
    .type semihosting_call, @function
    .option push
    .option norvc
semihosting_call:
    slli x0, x0, 0x1f
    ebreak
    srai x0, x0, 7
    ret
    .option pop
    .size semihosting_call, . - semihosting_call

    .section .rodata
cause_text:
    .asciz "trap "
address_text:
    .asciz " at "
line_end:
    .asciz "\n"

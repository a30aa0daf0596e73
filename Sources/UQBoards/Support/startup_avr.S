/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start of a program on the emulated AVR128DA48.
 *
 * Sets up the zero register, the stack, .data and .bss, calls main and ends the emulation with what
 * it returns. Also here: the instruction of a semihosting call.
 */

#define SPL 0x3d
#define SPH 0x3e
#define SREG 0x3f

    .section .text.reset, "ax"
    .global reset_handler
    .type reset_handler, @function
reset_handler:
    clr r1
    out SREG, r1
    ldi r28, lo8(board_stack_top - 1)
    ldi r29, hi8(board_stack_top - 1)
    out SPH, r29
    out SPL, r28

    /* The compiler refers to libgcc's own loops by these names. */
    .global __do_copy_data, __do_clear_bss
__do_copy_data:
    ldi r30, lo8(board_data_image)
    ldi r31, hi8(board_data_image)
    ldi r26, lo8(board_data_start)
    ldi r27, hi8(board_data_start)
    ldi r24, lo8(board_data_end)
    ldi r25, hi8(board_data_end)
    rjmp 2f
1:  ld r0, Z+
    st X+, r0
2:  cp r26, r24
    cpc r27, r25
    brlo 1b

__do_clear_bss:
    ldi r26, lo8(board_bss_start)
    ldi r27, hi8(board_bss_start)
    ldi r24, lo8(board_bss_end)
    ldi r25, hi8(board_bss_end)
    rjmp 4f
3:  st X+, r1
4:  cp r26, r24
    cpc r27, r25
    brlo 3b

    call main
    call semihosting_exit
    .size reset_handler, . - reset_handler

    /* int semihosting_call(int operation, const void *argument): avr_board.c does the work where it
       finds the instruction. */
    .section .text.semihosting_call, "ax"
    .global semihosting_call
    .type semihosting_call, @function
semihosting_call:
    break
    ret
    .size semihosting_call, . - semihosting_call

/* SPDX-License-Identifier: GPL-2.0-only */
/* nop is the one instruction that every target has. */
#define SYM_END(name) .type name, %function; .size name, . - name

	.section .head.text, "ax", %progbits
	.globl	startup_64
startup_64:
	nop
	nop
	SYM_END(startup_64)

	.text
	.balign	16
early_make_pgtable:
	nop
	nop
	nop
	nop
	SYM_END(early_make_pgtable)

	.balign	16
early_idt_handler:
	nop
	nop
	SYM_END(early_idt_handler)

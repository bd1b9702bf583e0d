/* SPDX-License-Identifier: GPL-2.0-only */
/* Data gets no line row: the entry of restore_regs has none, its inside does. */
	.section .entry.text, "ax", %progbits
	.balign	16
	.type	restore_regs, %function
restore_regs:
	.long	0
	.long	0
	nop
	nop
	nop
	nop
	.size	restore_regs, . - restore_regs

	.globl	ret_from_fork
	.type	ret_from_fork, %function
ret_from_fork:
	nop
	nop
	.size	ret_from_fork, . - ret_from_fork

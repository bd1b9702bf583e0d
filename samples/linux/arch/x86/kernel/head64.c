// SPDX-License-Identifier: GPL-2.0-only
#include <linux/kernel.h>

unsigned long early_make_pgtable(unsigned long address);
unsigned long early_fixup(unsigned long address);

/* Global here, local in head_64.S. */
unsigned long early_make_pgtable(unsigned long address)
{
	return address >> 12 << 12;
}

/* Also in entry.S. */
static noinline unsigned long restore_regs(unsigned long address)
{
	return early_make_pgtable(address) + 8;
}

unsigned long early_fixup(unsigned long address)
{
	return restore_regs(address) | 1;
}

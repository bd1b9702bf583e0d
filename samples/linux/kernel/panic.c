// SPDX-License-Identifier: GPL-2.0-only
#include <linux/kernel.h>

extern volatile unsigned long panic_state;
volatile unsigned long panic_state;

/* A function here, a variable in kernel/irq/irqdesc.c. */
static noinline void panic_blink(unsigned long value)
{
	panic_state += value;
}

void panic(const char *why)
{
	for (;;)
		panic_blink((unsigned long)why[0]);
}

void report(const char *what, unsigned long value)
{
	panic_blink(value + (u8)what[0]);
}

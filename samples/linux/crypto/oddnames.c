// SPDX-License-Identifier: GPL-2.0-only
#include <linux/kernel.h>
#include <linux/longname.h>

unsigned long crypto_oddnames(unsigned long value);

static unsigned long dollar(unsigned long value) __asm__("weird$name");
static unsigned long dotted(unsigned long value) __asm__("weird.name.v2");

static unsigned long __UNIQUE_ID_x123 __used = 5;

static noinline unsigned long __UNIQUE_ID_f124(unsigned long value)
{
	return value * 5;
}

static noinline unsigned long LONG_NAME(unsigned long value)
{
	return __UNIQUE_ID_f124(value) + 5;
}

static noinline unsigned long dollar(unsigned long value)
{
	return LONG_NAME(value) ^ 5;
}

static noinline unsigned long dotted(unsigned long value)
{
	return dollar(value) - 5;
}

unsigned long crypto_oddnames(unsigned long value)
{
	return dotted(value) | 1;
}

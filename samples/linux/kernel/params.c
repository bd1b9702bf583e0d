// SPDX-License-Identifier: GPL-2.0-only
#include <linux/kernel.h>

unsigned long parse_mount_options(const char *options);

static noinline unsigned long parse_options(const char *options)
{
	unsigned long commas = 0;

	for (; *options; options++)
		commas += *options == ',';
	return commas;
}

unsigned long parse_mount_options(const char *options)
{
	return parse_options(options) + 1;
}

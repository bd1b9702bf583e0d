// SPDX-License-Identifier: GPL-2.0-only
#include <linux/init.h>
#include <linux/kernel.h>

extern const char linux_banner[];
const char linux_banner[] =
	"Linux version 6.12.0-sample (builder@sample) (gcc) #1 SMP\n";

extern unsigned long boot_flags;
unsigned long boot_flags;

extern const char *boot_command_line;
const char *boot_command_line = "quiet,ro";

void start_kernel(void);
unsigned long parse_mount_options(const char *options);

/* Namesake of the one in kernel/params.c, but in .init.text. */
static noinline __init unsigned long parse_options(const char *options)
{
	unsigned long flags = 0;

	while (*options)
		flags = flags * 31 + (u8)*options++;
	return flags;
}

static noinline __init void setup_arch(const char *options)
{
	boot_flags = parse_options(options) + 1;
}

__init void start_kernel(void)
{
	setup_arch(boot_command_line);
	boot_flags ^= parse_options(linux_banner);
	boot_flags ^= parse_mount_options(boot_command_line);
	if (!boot_flags)
		panic(linux_banner);
}

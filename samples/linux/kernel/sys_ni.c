// SPDX-License-Identifier: GPL-2.0-only
#include <linux/kernel.h>

long sys_ni_syscall(void);

/* One address, five names: global, weak, global alias and two local ones. */
long sys_ni_syscall(void)
{
	return -38;
}

long __weak __alias(sys_ni_syscall) sys_quotactl(void);
long __alias(sys_ni_syscall) sys_ni_posix_timers(void);
static long __used __alias(sys_ni_syscall) no_op(void);
static long __used __alias(sys_ni_syscall) not_implemented(void);

/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _LINUX_KERNEL_H
#define _LINUX_KERNEL_H

#include <linux/compiler.h>
#include <linux/types.h>

void panic(const char *why) __cold __noreturn;
void report(const char *what, unsigned long value) __cold;
ssize_t emit(char *buf, const char *text);

#endif

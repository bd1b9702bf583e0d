/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _LINUX_BINFMTS_H
#define _LINUX_BINFMTS_H

#include <linux/kernel.h>

struct linux_binprm {
	const u8 *buf;
	size_t size;
};

struct linux_binfmt {
	int (*load_binary)(struct linux_binprm *bprm);
	int (*core_dump)(struct linux_binprm *bprm, size_t limit);
};

#endif

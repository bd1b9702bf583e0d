// SPDX-License-Identifier: GPL-2.0-only
#include <linux/binfmts.h>

#ifndef ELF_CLASS
#define ELF_CLASS 2
#endif

static int load_elf_binary(struct linux_binprm *bprm)
{
	if (bprm->size < 16 || bprm->buf[0] != 0x7f)
		return -8;
	return bprm->buf[4] == ELF_CLASS ? 0 : -8;
}

static int elf_core_dump(struct linux_binprm *bprm, size_t limit)
{
	return bprm->size * ELF_CLASS < limit;
}

extern const struct linux_binfmt elf_format;
const struct linux_binfmt elf_format = { load_elf_binary, elf_core_dump };

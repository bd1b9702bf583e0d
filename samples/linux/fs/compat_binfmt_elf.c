// SPDX-License-Identifier: GPL-2.0-only
/* Everything of binfmt_elf.c a second time, for the other word size. */
#define ELF_CLASS 1
#define elf_format compat_elf_format

#include "binfmt_elf.c"

/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _LINUX_LONGNAME_H
#define _LINUX_LONGNAME_H

#include <linux/compiler.h>

/* 20 times 25 characters: KSYM_NAME_LEN is 512. */
#define __LONG1 a_really_long_identifier_
#define __LONG2 __PASTE(__LONG1, __LONG1)
#define __LONG4 __PASTE(__LONG2, __LONG2)
#define __LONG8 __PASTE(__LONG4, __LONG4)
#define __LONG16 __PASTE(__LONG8, __LONG8)
#define LONG_NAME __PASTE(__LONG16, __LONG4)

#endif

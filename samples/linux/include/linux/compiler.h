/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _LINUX_COMPILER_H
#define _LINUX_COMPILER_H

#define noinline __attribute__((__noinline__))
#define __cold __attribute__((__cold__))
#define __noreturn __attribute__((__noreturn__))
#define __used __attribute__((__used__))
#define __weak __attribute__((__weak__))
#define __alias(name) __attribute__((__alias__(#name)))
#define unlikely(x) __builtin_expect(!!(x), 0)

#define ___PASTE(a, b) a##b
#define __PASTE(a, b) ___PASTE(a, b)

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _LINUX_SLAB_H
#define _LINUX_SLAB_H

#include <linux/kernel.h>

struct kmem_cache {
	unsigned long size;
	unsigned long objects;
	unsigned long flags;
	unsigned long *slots;
};

#endif

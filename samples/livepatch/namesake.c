// SPDX-License-Identifier: GPL-2.0-only
/*
 * A live patch of one of several functions of one name: a `name_show` of sysfs, which then answers "patched". Which of them,
 * the build says: NAMESAKE is a macro of namesakes.h, OBJECT the module that has the function, left out for vmlinux.
 */
#include <linux/kernel.h>
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/sysfs.h>

#include "namesakes.h"

/* Of a device or of another kobject: the third argument is the buffer in either case. */
static ssize_t patched_show(void *owner, void *attribute, char *buffer)
{
	return sysfs_emit(buffer, "patched\n");
}

static struct klp_func functions[] = {
	{ NAMESAKE, .new_func = patched_show },
	{}
};

static struct klp_object objects[] = {
	{
#ifdef OBJECT
		.name = __stringify(OBJECT),
#endif
		.funcs = functions,
	},
	{}
};

static struct klp_patch patch = {
	.mod = THIS_MODULE,
	.objs = objects,
};

static int __init namesake_init(void)
{
	return klp_enable_patch(&patch);
}

static void __exit namesake_exit(void)
{
}

module_init(namesake_init);
module_exit(namesake_exit);
MODULE_DESCRIPTION("Replaces one of several namesakes");
MODULE_LICENSE("GPL");
MODULE_INFO(livepatch, "Y");

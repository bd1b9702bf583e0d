// SPDX-License-Identifier: GPL-2.0-only
/* A module with three functions of one name: /sys/kernel/target/{first,second,third}/name tell which of them answered. */
#include <linux/init.h>
#include <linux/kobject.h>
#include <linux/module.h>

#include "target.h"

static struct kobject *target;

static int __init target_init(void)
{
	int error;

	target = kobject_create_and_add("target", kernel_kobj);
	if (!target)
		return -ENOMEM;
	error = first_add(target);
	if (!error)
		error = second_add(target);
	if (!error)
		error = third_add(target);
	if (error)
		kobject_put(target);
	return error;
}

static void __exit target_exit(void)
{
	kobject_put(target);
}

module_init(target_init);
module_exit(target_exit);
MODULE_DESCRIPTION("Three functions of one name");
MODULE_LICENSE("GPL");

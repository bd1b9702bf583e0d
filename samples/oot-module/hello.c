// SPDX-License-Identifier: GPL-2.0-only
/* A module whose name_show is one more in any kernel: cat /sys/kernel/hello/name */
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/sysfs.h>

static struct kobject *hello;

static ssize_t name_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "hello\n");
}

static struct kobj_attribute name_attribute = __ATTR_RO(name);

static int __init hello_init(void)
{
	int error;

	hello = kobject_create_and_add("hello", kernel_kobj);
	if (!hello)
		return -ENOMEM;
	error = sysfs_create_file(hello, &name_attribute.attr);
	if (error)
		kobject_put(hello);
	return error;
}
module_init(hello_init);

static void __exit hello_exit(void)
{
	kobject_put(hello);
}
module_exit(hello_exit);

MODULE_DESCRIPTION("A function that shares its name with others");
MODULE_LICENSE("GPL");

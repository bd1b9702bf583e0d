// SPDX-License-Identifier: GPL-2.0-only
#include "target.h"

static ssize_t name_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "second\n");
}

static struct kobj_attribute name_attribute = __ATTR_RO(name);
static struct attribute *attributes[] = { &name_attribute.attr, NULL };
static const struct attribute_group group = { .name = "second", .attrs = attributes };

int second_add(struct kobject *parent)
{
	return sysfs_create_group(parent, &group);
}

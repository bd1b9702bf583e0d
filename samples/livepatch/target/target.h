/* SPDX-License-Identifier: GPL-2.0-only */
#include <linux/kobject.h>
#include <linux/sysfs.h>

int first_add(struct kobject *parent);
int second_add(struct kobject *parent);
int third_add(struct kobject *parent);

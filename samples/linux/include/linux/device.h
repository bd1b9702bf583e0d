/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _LINUX_DEVICE_H
#define _LINUX_DEVICE_H

#include <linux/kernel.h>

struct device {
	const char *name;
	unsigned long id;
	int (*match)(struct device *dev);
	int (*probe)(struct device *dev);
	int (*start)(struct device *dev);
};

struct device_attribute {
	const char *name;
	ssize_t (*show)(struct device *dev, char *buf);
};

#define DEVICE_ATTR_RO(_name) \
	struct device_attribute __used dev_attr_##_name = { #_name, _name##_show }

#endif

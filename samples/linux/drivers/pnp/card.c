// SPDX-License-Identifier: GPL-2.0-only
#include <linux/device.h>

static ssize_t name_show(struct device *dev, char *buf)
{
	return dev->name ? emit(buf, dev->name) : 0;
}

static DEVICE_ATTR_RO(name);

static int __pfx_probe_one(struct device *dev)
{
	return dev->id & 2;
}

static int probe_one(struct device *dev)
{
	return (int)dev->id + 2;
}

static int __probe_start(struct device *dev)
{
	return (int)dev->id * 5;
}

extern struct device pnp_card;
struct device pnp_card = {
	"pnp", 2, __pfx_probe_one, probe_one, __probe_start
};

// SPDX-License-Identifier: GPL-2.0-only
#include <linux/device.h>

/* Named as objtool names the padding in front of a function. */
static int __pfx_probe_one(struct device *dev)
{
	return dev->id > 2;
}

static int probe_one(struct device *dev)
{
	return (int)dev->id + 1;
}

/* Named as a section marker, which scripts/kallsyms sorts last. */
static int __probe_start(struct device *dev)
{
	return (int)dev->id * 3;
}

extern struct device rtc_class;
struct device rtc_class = {
	"rtc", 1, __pfx_probe_one, probe_one, __probe_start
};

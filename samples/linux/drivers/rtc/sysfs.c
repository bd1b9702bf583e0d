// SPDX-License-Identifier: GPL-2.0-only
#include <linux/device.h>

struct rtc_device {
	struct device dev;
	u64 seconds;
	u32 ticks;
};

/* A device is the first member of its rtc_device. */
#define to_rtc_device(d) ((struct rtc_device *)(d))

static ssize_t since_epoch_show(struct device *dev, char *buf)
{
	const struct rtc_device *rtc = to_rtc_device(dev);

	buf[0] = (char)('0' + (rtc->seconds & 7) + rtc->ticks);
	buf[1] = 0;
	return 1;
}

static DEVICE_ATTR_RO(since_epoch);

/* The brace is in line 26: name_show@drivers_rtc_sysfs_c_26. */
static ssize_t name_show(struct device *dev, char *buf)
{
	return emit(buf, dev->name) + 1;
}

static DEVICE_ATTR_RO(name);

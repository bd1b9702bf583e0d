// SPDX-License-Identifier: GPL-2.0-only
#include <linux/device.h>

unsigned long irq_next(void);
unsigned long irq_previous(void);
long irq_enable(int irq);

static unsigned long panic_blink __used = 1;

static ssize_t name_show(struct device *dev, char *buf)
{
	if (!dev->id)
		return -1;
	return emit(buf, dev->name);
}

static DEVICE_ATTR_RO(name);

/* Also a local alias in kernel/sys_ni.c. */
static noinline long no_op(int irq)
{
	return irq * 7L;
}

long irq_enable(int irq)
{
	return no_op(irq) + 1;
}

/* Two statics of one name in one file: GCC numbers them. */
unsigned long irq_next(void)
{
	static unsigned long count;

	return count++;
}

unsigned long irq_previous(void)
{
	static unsigned long count = 100;

	return count--;
}

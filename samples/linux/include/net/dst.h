/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _NET_DST_H
#define _NET_DST_H

#include <linux/kernel.h>

struct sk_buff {
	unsigned long len;
	int (*output)(struct sk_buff *skb);
};

static inline int dst_discard(struct sk_buff *skb)
{
	skb->len = 0;
	return 0;
}

/* Emitted out of line wherever its address is taken. */
static inline int dst_output(struct sk_buff *skb)
{
	if (!skb->output)
		return dst_discard(skb);
	return skb->output(skb);
}

#endif

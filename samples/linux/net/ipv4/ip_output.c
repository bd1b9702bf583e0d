// SPDX-License-Identifier: GPL-2.0-only
#include <net/dst.h>

int ip_local_out(struct sk_buff *skb);
int ip_finish(struct sk_buff *skb, int (*okfn)(struct sk_buff *skb));

noinline int ip_finish(struct sk_buff *skb, int (*okfn)(struct sk_buff *skb))
{
	return skb->len ? okfn(skb) : -1;
}

int ip_local_out(struct sk_buff *skb)
{
	skb->len += 20;
	return ip_finish(skb, dst_output);
}

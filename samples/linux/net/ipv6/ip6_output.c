// SPDX-License-Identifier: GPL-2.0-only
#include <net/dst.h>

int ip6_local_out(struct sk_buff *skb);
int ip_finish(struct sk_buff *skb, int (*okfn)(struct sk_buff *skb));

int ip6_local_out(struct sk_buff *skb)
{
	skb->len += 40;
	return ip_finish(skb, dst_output);
}

// Programs that count how often they ran: two that the loader attaches, and one for each spelling in a section's name.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, long);
} hits SEC(".maps");

static int count(void)
{
	int key = 0;
	long *hit = bpf_map_lookup_elem(&hits, &key);
	if (hit)
		__sync_fetch_and_add(hit, 1);
	return 0;
}

#define PROGRAM(name, section) \
	SEC(section) int name(void *context) { return count(); }

PROGRAM(any_kprobe, "kprobe")
PROGRAM(any_multi, "kprobe.multi")
PROGRAM(kprobe_name, "kprobe/name_show")
PROGRAM(kprobe_alias, "kprobe/" ALIAS)
PROGRAM(multi_name, "kprobe.multi/name_show")
PROGRAM(multi_alias, "kprobe.multi/" ALIAS)
PROGRAM(fentry_name, "fentry/name_show")
PROGRAM(fentry_alias, "fentry/" ALIAS)

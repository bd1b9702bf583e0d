// Attaches a program of count.bpf.o in one way, reads the names, and prints how often the program ran.
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct bpf_link *attach(struct bpf_program *program, const char *how, const char *name, unsigned long number)
{
	LIBBPF_OPTS(bpf_kprobe_opts, kprobe, .offset = number);
	LIBBPF_OPTS(bpf_kprobe_multi_opts, multi);

	if (strcmp(how, "section") == 0)
		return bpf_program__attach(program);
	if (strcmp(how, "attach_kprobe") == 0)
		return bpf_program__attach_kprobe(program, false, name);
	if (strcmp(how, "attach_kprobe_opts") == 0)
		return bpf_program__attach_kprobe_opts(program, name, &kprobe);
	if (strcmp(how, "addrs") == 0) {
		multi.addrs = &number;
		multi.cnt = 1;
		name = NULL;
	}
	multi.unique_match = strcmp(how, "unique_match") == 0;
	return bpf_program__attach_kprobe_multi_opts(program, name, &multi);
}

/* PROGRAM section|attach_kprobe|attach_kprobe_opts|addrs|pattern|unique_match [NAME [OFFSET or address]] */
int main(int count, char **arguments)
{
	const char *name = count > 3 ? arguments[3] : NULL;
	unsigned long number = count > 4 ? strtoul(arguments[4], NULL, 0) : 0;
	struct bpf_object *object = bpf_object__open("/count.bpf.o");
	struct bpf_program *program, *wanted = NULL;
	long hits = 0;
	int key = 0;

	if (count < 3 || object == NULL)
		return 2;
	bpf_object__for_each_program(program, object) {
		bool is_wanted = strcmp(bpf_program__name(program), arguments[1]) == 0;

		bpf_program__set_autoload(program, is_wanted);
		if (is_wanted)
			wanted = program;
	}
	if (wanted == NULL)
		return 2;
	if (bpf_object__load(object) != 0) {
		printf("not loaded: %s\n", strerror(errno));
		return 1;
	}
	if (attach(wanted, arguments[2], name, number) == NULL) {
		printf("not attached: %s\n", strerror(errno));
		return 1;
	}
	if (system("sh /read > /dev/null") != 0)
		return 2;
	if (bpf_map__lookup_elem(bpf_object__find_map_by_name(object, "hits"), &key, sizeof(key), &hits, sizeof(hits), 0) != 0)
		return 2;
	printf("%ld hits\n", hits);
	return 0;
}

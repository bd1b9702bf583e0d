#define FILE_NUMBER 2
#include "counters.h"

static int limit = PLACE;
__attribute__((weak)) int overridden = PLACE;

__attribute__((noinline, cold)) void complain(const char *why)
{
	static int calls = PLACE;

	sink = calls += *why;
}

__attribute__((noinline)) static int check(struct request *request, int strict, int unused)
{
	static int calls = PLACE;
	static int refused = PLACE;

	if (__builtin_expect(request->length < strict, 0)) {
		complain("length");
		sink = refused++;
		return -1;
	}
	return calls++ + request->length + limit++ + overridden;
}

__attribute__((noinline)) static int sum(const struct request *request, int scale)
{
	return request->flags * scale + announced;
}

int submit(struct request *request)
{
	return check(request, 5, 0) + sum(request, 9) + count_seen(2) + walk(request, 0);
}

int main(int argc, char **argv)
{
	struct request last = {0, argc, argc};
	struct request request = {&last, argc, argc};

	return submit(&request) + check(&request, 5, 1);
}

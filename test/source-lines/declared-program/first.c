#define FILE_NUMBER 1
#include "counters.h"

int announced = PLACE;
volatile int sink = PLACE;
static int limit = PLACE;
static volatile const int constant = PLACE;

static int counted_once(int by)
{
	static int once = PLACE;

	sink = once;
	return once += by + limit++;
}

__attribute__((noinline)) static int check(struct request *request, int strict, int unused)
{
	static int calls = PLACE;

	if (__builtin_expect(request->flags < strict, 0)) {
		static int calls = PLACE;

		complain("flags");
		return calls++;
	}
	for (int i = 0; i < request->length; i++) {
		static int calls = PLACE;

		sink = calls += request->flags;
	}
	return calls++ + request->length;
}

__attribute__((noinline)) static int sum(const struct request *request, int scale)
{
	return request->length * scale + constant;
}

int walk(struct request *request, int depth)
{
	if (!request || depth > limit)
		return counted_once(depth);
	return check(request, 3, depth) + sum(request, 7) + count_seen(1) + walk(request->next, depth + 1);
}

#ifdef EDITED
int edited(int by)
{
	static int calls = PLACE;
	static int once = PLACE;

	return calls++ + once++ + by;
}
#endif

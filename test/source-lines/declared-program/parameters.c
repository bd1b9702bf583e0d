/* Functions whose parameters compilers drop, replace or keep. */
struct pair {
	int first;
	int second;
};

extern volatile int sink;
volatile int sink = 1;

__attribute__((noinline)) static int drop_first(int unused, int used)
{
	sink = used;
	return used + sink;
}

__attribute__((noinline)) static int drop_constant(int by, int always)
{
	for (int i = 0; i < always; i++)
		sink += by;
	return sink * always;
}

__attribute__((noinline)) static int keep_all(int by, int scale)
{
	sink = by;
	return by * scale + sink;
}

__attribute__((noinline)) static int replace_pointer(const struct pair *pair, int by)
{
	return pair->second * by;
}

__attribute__((noinline)) static int called_back(int unused, int used)
{
	sink = used;
	return used - sink;
}

int (*volatile callback)(int unused, int used) = called_back;

__attribute__((noinline)) int exported(int unused, int used)
{
	sink = used;
	return used;
}

int main(int argc, char **argv)
{
	struct pair pair = {sink, argc};
	int sum = drop_first(1, argc) + drop_first(sink, 3) + drop_constant(argc, 7) + drop_constant(sink, 7);

	sum += keep_all(argc, sink) + keep_all(sink, 3) + replace_pointer(&pair, argc) + replace_pointer(&pair, sink);
	return sum + callback(argc, sink) + exported(argc, sink);
}

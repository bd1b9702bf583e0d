/* Each variable's value is the place of its declaration: the file's number in thousands, and the line. */
#define PLACE (FILE_NUMBER * 1000 + __LINE__)
#define HEADER_PLACE (3000 + __LINE__)

struct request {
	struct request *next;
	int length;
	int flags;
};

extern int announced;
extern volatile int sink;

int walk(struct request *request, int depth);
int submit(struct request *request);
void complain(const char *why);

static inline int count_seen(int by)
{
	static int seen = HEADER_PLACE;

	sink = seen;
	return seen += by;
}

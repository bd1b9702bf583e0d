// Preloaded into the program. A change of a file is a write to a regular file, or to make, rename or delete a file. KAS_FAULT is
// "<signal number>", "full", "short" or "again". A signal is sent in the middle of change number KAS_AT, or before it if it is no write;
// the disk is full from the middle of write number KAS_AT on. Each write is short, or every second one to standard output is
// to be tried again.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int changes;

static int is(const char *kind)
{
	const char *fault = getenv("KAS_FAULT");
	return fault && strcmp(fault, kind) == 0;
}

static int is_due(void)
{
	const char *at = getenv("KAS_AT");
	return at && ++changes == atoi(at);
}

static int signal_number(void)
{
	const char *fault = getenv("KAS_FAULT");
	return fault ? atoi(fault) : 0;
}

static void change(void)
{
	if (signal_number() && is_due())
		kill(getpid(), signal_number());
}

ssize_t write(int fd, const void *bytes, size_t size)
{
	struct stat status;
	int is_file = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
	static int full, tried;

	if (is("short") && (is_file || fd == 1) && size > 1)
		size = (size + 1) / 2;
	if (is("again") && fd == 1 && tried++ % 2 == 0)
		return errno = EAGAIN, -1;
	if (is_file && is("full")) {
		if (full)
			return errno = ENOSPC, -1;
		full = is_due();
		if (full && size > 1)
			size /= 2;
	}
	if (is_file && signal_number() && is_due()) {
		size = (size + 1) / 2;
		if (REAL(write)(fd, bytes, size) < 0)
			return -1;
		kill(getpid(), signal_number());
		return size;
	}
	return REAL(write)(fd, bytes, size);
}

int open(const char *path, int flags, ...)
{
	va_list rest;
	va_start(rest, flags);
	mode_t mode = va_arg(rest, mode_t);
	va_end(rest);
	if (flags & O_CREAT)
		change();
	return REAL(open)(path, flags, mode);
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));

int rename(const char *from, const char *to)
{
	change();
	return REAL(rename)(from, to);
}

int unlink(const char *path)
{
	change();
	return REAL(unlink)(path);
}

int unlinkat(int folder, const char *path, int flags)
{
	change();
	return REAL(unlinkat)(folder, path, flags);
}

int remove(const char *path)
{
	change();
	return REAL(remove)(path);
}

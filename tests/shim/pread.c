/*
 * Reading fails at one place: of calls of pread that begin at PREAD_FAILS, after a while in which others may come to wait for it.
 * For tests/fault/pack.sh.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static ssize_t call(const char *name, int fd, void *data, size_t len, off_t at)
{
	ssize_t (*next)(int, void *, size_t, off_t);
	const char *place = getenv("PREAD_FAILS");

	if (place != NULL && (long long)at == atoll(place)) {
		usleep(300000);
		errno = EIO;
		return -1;
	}
	*(void **)&next = dlsym(RTLD_NEXT, name);
	return next(fd, data, len, at);
}

ssize_t pread(int fd, void *data, size_t len, off_t at);
ssize_t pread64(int fd, void *data, size_t len, off_t at);

ssize_t pread(int fd, void *data, size_t len, off_t at)
{
	return call("pread", fd, data, len, at);
}

ssize_t pread64(int fd, void *data, size_t len, off_t at)
{
	return call("pread64", fd, data, len, at);
}

/*
 * Preloaded before the libraries of a program under test, by tests/fault/once.py: one call of a run fails, out of memory or
 * an I/O error, and in every run another one: a call is known by how the program came to it (the return addresses above
 * it, as many as FRAMES), and those that failed once are kept in a file. So a few hundred runs meet every way on which an
 * error can arrive, where one run for every call would need millions. Only the program's own calls fail, not those of its
 * libraries.
 *
 *     ONCE_STATE=FILE    what has failed (struct state), mapped, so that a caged process needs no system call for it
 *     ONCE_SHARE=K/N     only ways whose number is K modulo N: a sample
 *     ONCE_CALL=NAME     only calls of this function
 */
#include <dlfcn.h>
#include <dirent.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <jansson.h>
#include <openssl/evp.h>
#include <yaml.h>
#include <zstd.h>

#define WAYS 65536
#define FRAMES 9	/* three of them here */

struct state {
	atomic_uint fired;	/* something failed in this run */
	char what[60];		/* the function */
	atomic_ulong ways[WAYS];
};
static struct state *state;
static uintptr_t first, last;	/* the program's code */
static unsigned long share, shares = 1;
static const char *only;
static __thread bool inside __attribute__((tls_model("initial-exec")));

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);

static int find_program(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	(void)arg;
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_LOAD && info->dlpi_phdr[i].p_flags & PF_X) {
			first = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
			last = first + info->dlpi_phdr[i].p_memsz;
		}
	return 1;	/* the first one is the program */
}

static __attribute__((constructor)) void start(void)
{
	const char *path = getenv("ONCE_STATE"), *part = getenv("ONCE_SHARE");
	void *unused[2];
	struct state *map;
	int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);

	if (fd == -1)
		return;
	map = mmap(NULL, sizeof *map, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (part != NULL && sscanf(part, "%lu/%lu", &share, &shares) != 2)
		_exit(99);
	only = getenv("ONCE_CALL");
	dl_iterate_phdr(find_program, NULL);
	backtrace(unused, 2);	/* loads what it needs */
	if (map != MAP_FAILED)
		state = map;
}

/* A number for the way that led here; 0 where it isn't the program's own call. */
static unsigned long way(const char *what)
{
	unsigned long hash = 1469598103934665603ul;
	void *frames[FRAMES];
	int n = backtrace(frames, FRAMES);

	for (const char *p = what; *p != '\0'; p++)
		hash = (hash ^ (unsigned char)*p) * 1099511628211ul;
	for (int i = 0; i < n; i++) {
		uintptr_t at = (uintptr_t)frames[i];

		if (at >= first && at < last)
			hash = (hash ^ (at - first)) * 1099511628211ul;
	}
	hash ^= hash >> 29;
	return hash == 0 ? 1 : hash;
}

/* Where a way stands in the table, or where it will. */
static atomic_ulong *place(unsigned long number)
{
	unsigned long i = number % WAYS;

	while (atomic_load(&state->ways[i]) != 0 && atomic_load(&state->ways[i]) != number)
		i = (i + 1) % WAYS;
	return &state->ways[i];
}

/* Not once main is left: then libraries, and gcov, clean up. */
static void end(void)
{
	state = NULL;
}

static pthread_once_t begun = PTHREAD_ONCE_INIT;
static void begin(void)
{
	atexit(end);
}

static __attribute__((noinline)) bool fails(const char *what, const void *caller)
{
	unsigned long number;
	unsigned none = 0;
	bool now = false;

	if (state == NULL || inside || (uintptr_t)caller < first || (uintptr_t)caller >= last || atomic_load(&state->fired))
		return false;
	if (only != NULL && strcmp(only, what) != 0)
		return false;
	inside = true;
	pthread_once(&begun, begin);
	number = way(what);
	if (number / WAYS % shares == share && atomic_load(place(number)) == 0 &&
	    atomic_compare_exchange_strong(&state->fired, &none, 1)) {
		atomic_store(place(number), number);
		snprintf(state->what, sizeof state->what, "%s at %lx", what, (unsigned long)((uintptr_t)caller - first));
		now = true;
	}
	inside = false;
	return now;
}

#define CALLER __builtin_return_address(0)
#define NEXT(name) \
	static __typeof__(&name) next; \
	if (next == NULL) \
		next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)
#define FAIL(type, name, params, args, value, error) \
	type name params \
	{ \
		NEXT(name); \
		if (fails(#name, CALLER)) { \
			errno = error; \
			return value; \
		} \
		return next args; \
	}

/* ---- memory ---- */

void *malloc(size_t n)
{
	return fails("malloc", CALLER) ? (errno = ENOMEM, NULL) : __libc_malloc(n);
}
void *calloc(size_t n, size_t size)
{
	return fails("calloc", CALLER) ? (errno = ENOMEM, NULL) : __libc_calloc(n, size);
}
void *realloc(void *p, size_t n)
{
	return fails("realloc", CALLER) ? (errno = ENOMEM, NULL) : __libc_realloc(p, n);
}
char *strdup(const char *s)
{
	char *copy = fails("strdup", CALLER) ? NULL : __libc_malloc(strlen(s) + 1);

	return copy == NULL ? NULL : memcpy(copy, s, strlen(s) + 1);
}
char *strndup(const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *copy = fails("strndup", CALLER) ? NULL : __libc_malloc(len + 1);

	if (copy != NULL) {
		memcpy(copy, s, len);
		copy[len] = '\0';
	}
	return copy;
}
static int print(char **out, const char *fmt, va_list list, bool failing)
{
	if (failing)
		return -1;
	return vasprintf(out, fmt, list);
}
int asprintf(char **out, const char *fmt, ...)
{
	bool failing = fails("asprintf", CALLER);
	va_list list;
	int n;

	va_start(list, fmt);
	n = print(out, fmt, list, failing);
	va_end(list);
	return n;
}
int __asprintf_chk(char **out, int flag, const char *fmt, ...);
int __asprintf_chk(char **out, int flag, const char *fmt, ...)
{
	bool failing = fails("asprintf", CALLER);
	va_list list;
	int n;

	(void)flag;
	va_start(list, fmt);
	n = print(out, fmt, list, failing);
	va_end(list);
	return n;
}
FAIL(void *, tsearch, (const void *key, void **root, int (*compare)(const void *, const void *)), (key, root, compare), NULL, ENOMEM)

/* ---- libraries ---- */

FAIL(json_t *, json_object, (void), (), NULL, ENOMEM)
FAIL(json_t *, json_array, (void), (), NULL, ENOMEM)
FAIL(json_t *, json_stringn, (const char *s, size_t n), (s, n), NULL, ENOMEM)
FAIL(json_t *, json_integer, (json_int_t n), (n), NULL, ENOMEM)
FAIL(json_t *, json_loadb, (const char *s, size_t n, size_t how, json_error_t *e), (s, n, how, e), NULL, ENOMEM)
FAIL(int, json_object_set_new, (json_t * o, const char *key, json_t *value), (o, key, value), (json_decref(value), -1), ENOMEM)
FAIL(int, json_dump_callback, (const json_t *o, json_dump_callback_t f, void *arg, size_t how), (o, f, arg, how), -1, ENOMEM)
FAIL(EVP_MD_CTX *, EVP_MD_CTX_new, (void), (), NULL, ENOMEM)
FAIL(int, EVP_DigestInit_ex2, (EVP_MD_CTX * c, const EVP_MD *md, const OSSL_PARAM *p), (c, md, p), 0, ENOMEM)
FAIL(int, EVP_DigestUpdate, (EVP_MD_CTX * c, const void *p, size_t n), (c, p, n), 0, ENOMEM)
FAIL(int, EVP_DigestFinal_ex, (EVP_MD_CTX * c, unsigned char *p, unsigned *n), (c, p, n), 0, ENOMEM)
FAIL(EVP_PKEY *, d2i_PUBKEY, (EVP_PKEY * *k, const unsigned char **p, long n), (k, p, n), NULL, ENOMEM)
FAIL(int, yaml_parser_initialize, (yaml_parser_t * p), (p), 0, ENOMEM)
FAIL(ZSTD_DCtx *, ZSTD_createDCtx, (void), (), NULL, ENOMEM)
FAIL(int, pthread_create, (pthread_t * t, const pthread_attr_t *a, void *(*f)(void *), void *arg), (t, a, f, arg), EAGAIN, EAGAIN)
FAIL(int, pthread_mutex_init, (pthread_mutex_t * m, const pthread_mutexattr_t *a), (m, a), ENOMEM, ENOMEM)
FAIL(int, pthread_cond_init, (pthread_cond_t * c, const pthread_condattr_t *a), (c, a), ENOMEM, ENOMEM)

/* ---- files: as 64-bit builds call them ---- */

FAIL(ssize_t, read, (int fd, void *p, size_t n), (fd, p, n), -1, EIO)
FAIL(ssize_t, preadv64, (int fd, const struct iovec *p, int n, off64_t at), (fd, p, n, at), -1, EIO)
FAIL(ssize_t, pread64, (int fd, void *p, size_t n, off64_t at), (fd, p, n, at), -1, EIO)
FAIL(ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n), -1, EIO)
FAIL(ssize_t, pwrite64, (int fd, const void *p, size_t n, off64_t at), (fd, p, n, at), -1, EIO)
FAIL(ssize_t, writev, (int fd, const struct iovec *v, int n), (fd, v, n), -1, EIO)
FAIL(ssize_t, readlinkat, (int fd, const char *path, char *out, size_t n), (fd, path, out, n), -1, EIO)
FAIL(int, fstat64, (int fd, struct stat64 *st), (fd, st), -1, EIO)
FAIL(int, fstatat64, (int fd, const char *path, struct stat64 *st, int how), (fd, path, st, how), -1, EIO)
FAIL(off64_t, lseek64, (int fd, off64_t at, int how), (fd, at, how), -1, EIO)
FAIL(DIR *, fdopendir, (int fd), (fd), NULL, ENOMEM)
FAIL(struct dirent64 *, readdir64, (DIR * d), (d), NULL, EIO)
FAIL(int, mkdirat, (int fd, const char *path, mode_t mode), (fd, path, mode), -1, EIO)
FAIL(int, linkat, (int a, const char *from, int b, const char *to, int how), (a, from, b, to, how), -1, EIO)
FAIL(int, unlinkat, (int fd, const char *path, int how), (fd, path, how), -1, EIO)
FAIL(int, symlinkat, (const char *target, int fd, const char *path), (target, fd, path), -1, EIO)
FAIL(int, renameat, (int a, const char *from, int b, const char *to), (a, from, b, to), -1, EIO)
FAIL(int, renameat2, (int a, const char *from, int b, const char *to, unsigned how), (a, from, b, to, how), -1, EIO)
FAIL(int, fsync, (int fd), (fd), -1, EIO)
FAIL(int, fdatasync, (int fd), (fd), -1, EIO)
FAIL(int, syncfs, (int fd), (fd), -1, EIO)
FAIL(int, fchmod, (int fd, mode_t mode), (fd, mode), -1, EIO)
FAIL(int, futimens, (int fd, const struct timespec t[2]), (fd, t), -1, EIO)
FAIL(int, utimensat, (int fd, const char *path, const struct timespec t[2], int how), (fd, path, t, how), -1, EIO)
FAIL(int, ftruncate64, (int fd, off64_t size), (fd, size), -1, EIO)
FAIL(int, flock, (int fd, int how), (fd, how), -1, EIO)
FAIL(int, pipe2, (int fd[2], int how), (fd, how), -1, EMFILE)
FAIL(int, memfd_create, (const char *name, unsigned how), (name, how), -1, EMFILE)
FAIL(pid_t, fork, (void), (), -1, EAGAIN)
FAIL(int, poll, (struct pollfd * p, nfds_t n, int wait), (p, n, wait), -1, ENOMEM)

int open64(const char *path, int flags, ...)
{
	va_list list;
	mode_t mode;

	NEXT(open64);
	va_start(list, flags);
	mode = va_arg(list, mode_t);
	va_end(list);
	return fails("open", CALLER) ? (errno = EIO, -1) : next(path, flags, mode);
}
int openat64(int fd, const char *path, int flags, ...)
{
	va_list list;
	mode_t mode;

	NEXT(openat64);
	va_start(list, flags);
	mode = va_arg(list, mode_t);
	va_end(list);
	return fails("openat", CALLER) ? (errno = EIO, -1) : next(fd, path, flags, mode);
}
long syscall(long number, ...)
{
	long a[6];
	va_list list;

	NEXT(syscall);
	va_start(list, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	return fails("syscall", CALLER) ? (errno = EIO, -1) : next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

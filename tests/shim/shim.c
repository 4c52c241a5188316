/*
 * Preloaded before the libraries of a program under test, by tests/attack and tests/fault:
 *
 *     SHIM_CLOCK=SECONDS        the wall clock is that much ahead (behind, when negative)
 *     SHIM_JUMP=N               ... from the Nth look at it on
 *     SHIM_CLOCK_AT=SECONDS     the wall clock stands still
 *     SHIM_COUNT=FILE           "YAML ZSTD": how often a parser of libyaml was made, and a frame given to zstd, in all processes
 *     SHIM_MALLOC=N             the Nth allocation of the main process fails
 *     SHIM_MALLOC_FROM=N        ... and all after it
 *     SHIM_MALLOC_COUNT=FILE    how many allocations there were
 *
 *     SHIM_SYNC_LOG=FILE        a line for each sync before it is made: its call and what it is of
 *     SHIM_SYNC=N               the Nth is not made: the process is killed there
 *     SHIM_SYNC_FAILS=N         the Nth fails, and as the kernel does it, says so that once
 *     SHIM_SYNC_LATE=MS         a file system's sync that has a thread of its own begins that many milliseconds later
 *
 *     SHIM_FOLD=1               directories are made, and names looked for, as on a file system that folds case (of ASCII)
 *
 * Counters stand in mapped files, so that a caged process counts without a system call.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static long clock_ahead, clock_at, clock_from, clock_looks, fail_at, fail_from, sync_at, sync_fails, sync_late, folds;
static const char *sync_log;
static atomic_long allocations;
static pid_t main_process;
static char *counters, *allocation_counter;

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);

static long number(const char *name)
{
	const char *text = getenv(name);

	return text == NULL ? 0 : strtol(text, NULL, 10);
}

static char *map(const char *name, const char *first)
{
	const char *path = getenv(name);
	int fd = path == NULL ? -1 : open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	char *at;

	if (fd == -1)
		return NULL;
	if (write(fd, first, strlen(first)) == -1)
		_exit(99);
	at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return at == MAP_FAILED ? NULL : at;
}

__attribute__((constructor)) static void start(void)
{
	clock_ahead = number("SHIM_CLOCK");
	clock_from = number("SHIM_JUMP");
	clock_at = number("SHIM_CLOCK_AT");
	counters = map("SHIM_COUNT", "00000000 00000000\n");
	allocation_counter = map("SHIM_MALLOC_COUNT", "00000000\n");
	atomic_store(&allocations, 0);
	sync_at = number("SHIM_SYNC");
	sync_fails = number("SHIM_SYNC_FAILS");
	sync_log = getenv("SHIM_SYNC_LOG");
	sync_late = number("SHIM_SYNC_LATE");
	folds = number("SHIM_FOLD");
	fail_at = number("SHIM_MALLOC");
	fail_from = number("SHIM_MALLOC_FROM");
	main_process = getpid();
}

/* Adds one to eight decimal digits. Races lose counts; nobody compares exact numbers of threads. */
static void count(char *digits)
{
	for (int i = 7; i >= 0; i--) {
		if (digits[i] != '9') {
			digits[i]++;
			return;
		}
		digits[i] = '0';
	}
}

/* ---- the clock ---- */

static long ahead(void)
{
	return ++clock_looks >= clock_from ? clock_ahead : 0;
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
	static int (*real)(clockid_t, struct timespec *);
	int rc;

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	rc = real(clock, out);
	if (rc == 0 && clock == CLOCK_REALTIME)
		out->tv_sec = clock_at > 0 ? clock_at : out->tv_sec + ahead();
	return rc;
}

time_t time(time_t *out)
{
	static time_t (*real)(time_t *);
	time_t now;

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "time");
	now = clock_at > 0 ? clock_at : real(NULL) + ahead();
	if (out != NULL)
		*out = now;
	return now;
}

/* ---- parsers ---- */

int yaml_parser_initialize(void *parser)
{
	static int (*real)(void *);

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "yaml_parser_initialize");
	if (counters != NULL)
		count(counters);
	return real(parser);
}

unsigned long long ZSTD_getFrameContentSize(const void *data, size_t len)
{
	static unsigned long long (*real)(const void *, size_t);

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "ZSTD_getFrameContentSize");
	if (counters != NULL)
		count(counters + 9);
	return real(data, len);
}

/* ---- syncs ---- */

static int sync_as(const char *call, int fd)
{
	static int (*real)(int);
	static atomic_long syncs;
	char line[4200], path[4096] = "", link[64];
	long nth;
	int out = sync_log == NULL ? -1 : open(sync_log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (out != -1) {
		snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
		if (readlink(link, path, sizeof path - 1) == -1)
			path[0] = '\0';
		snprintf(line, sizeof line, "%s %s\n", call, path);
		if (write(out, line, strlen(line)) == -1)
			_exit(99);
		close(out);
	}
	nth = atomic_fetch_add(&syncs, 1) + 1;
	if (nth == sync_at)
		kill(getpid(), SIGKILL);
	if (nth == sync_fails) {
		errno = EIO;
		return -1;
	}
	*(void **)&real = dlsym(RTLD_NEXT, call);
	return real(fd);
}

int fsync(int fd)
{
	return sync_as("fsync", fd);
}

int fdatasync(int fd)
{
	return sync_as("fdatasync", fd);
}

int syncfs(int fd)
{
	struct timespec late = {sync_late / 1000, sync_late % 1000 * 1000000};

	if (sync_late > 0 && gettid() != getpid())
		nanosleep(&late, NULL);
	return sync_as("syncfs", fd);
}

/* ---- names ---- */

static const char *fold(const char *path, char out[4096])
{
	size_t n = strlen(path);

	if (!folds || n >= 4096)
		return path;
	for (size_t i = 0; i <= n; i++)
		out[i] = path[i] >= 'A' && path[i] <= 'Z' ? (char)(path[i] + 32) : path[i];
	return out;
}

int mkdirat(int dir, const char *path, mode_t mode)
{
	static int (*real)(int, const char *, mode_t);
	char lower[4096];

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "mkdirat");
	return real(dir, fold(path, lower), mode);
}

int fstatat64(int dir, const char *restrict path, struct stat64 *restrict st, int flags)
{
	static int (*real)(int, const char *, struct stat64 *, int);
	char lower[4096];

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "fstatat64");
	return real(dir, fold(path, lower), st, flags);
}

/* ---- memory ---- */

#ifndef SHIM_NO_MALLOC
static int fails(void)
{
	long n;

	if (main_process == 0 || getpid() != main_process)
		return 0;
	n = atomic_fetch_add(&allocations, 1) + 1;
	if (allocation_counter != NULL)
		count(allocation_counter);
	if (n == fail_at || (fail_from > 0 && n >= fail_from)) {
		errno = ENOMEM;
		return 1;
	}
	return 0;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	return fails() ? NULL : __libc_realloc(p, size);
}
#endif

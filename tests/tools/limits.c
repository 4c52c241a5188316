/*
 * What this machine does at best with a data set, for tests/bench/limits.py: no format, no promise, nothing but the system
 * calls and the hash that any tool needs which does such a job.
 *
 *     limits SRC DIR BYTES <names      names of SRC's files, each ended by a NUL; DIR: an empty folder
 *
 * prints, each with the wall and processor seconds it took (user and system, of all threads):
 * The first three are the best of three rounds, since memory that is touched for the first time costs more.
 *
 *     read     each file opened, read and closed, by one thread
 *     hash     the same, and its SHA-256
 *     write    BYTES into one file of DIR, and fsync
 *     create   files of the same sizes in DIR, all processors, each in directories of its own, one syncfs
 *     link     two more names for each, likewise
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/bulk.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/pool.h"

#define STEP (256u << 10)	/* read at once */
#define FOLDER 500	/* files of one */
#define ROUNDS 3

struct source {
	const char *name;
	off_t size;
};
static struct source *files;
static size_t files_n;
static int src, dir;
static char *bytes;	/* BULK_BLOCK */

static void fail(const char *what)
{
	perror(what);
	exit(2);
}

/* ---- the clock ---- */

struct clock {
	double wall, cpu;
};

static struct clock now(void)
{
	struct rusage u;
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	getrusage(RUSAGE_SELF, &u);
	return (struct clock){(double)t.tv_sec + (double)t.tv_nsec / 1e9,
			      (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
			      (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6};
}

static void time_it(const char *what, int rounds, void (*act)(void *arg), void *arg)
{
	struct clock best = {0};

	for (int i = 0; i < rounds; i++) {
		struct clock since = now(), is;

		act(arg);
		is = now();
		if (i == 0 || is.wall - since.wall < best.wall)
			best = (struct clock){is.wall - since.wall, is.cpu - since.cpu};
	}
	printf("%s %.4f %.4f\n", what, best.wall, best.cpu);
}

/* ---- reading ---- */

static void gather(void)
{
	size_t room = 0, len = 0;
	char *name = NULL;

	while (getdelim(&name, &len, '\0', stdin) > 0) {
		struct stat st;

		if (files_n == room && (files = reallocarray(files, room = room ? 2 * room : 4096, sizeof *files)) == NULL)
			fail("memory");
		if (fstatat(src, name, &st, AT_SYMLINK_NOFOLLOW) == -1 || !S_ISREG(st.st_mode))
			fail(name);
		files[files_n++] = (struct source){strdup(name), st.st_size};
	}
	free(name);
}

static void read_all(void *arg)
{
	struct digest_ctx *hash = arg;

	for (size_t i = 0; i < files_n; i++) {
		int fd = openat(src, files[i].name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		struct digest d;
		ssize_t n;

		if (fd == -1)
			fail(files[i].name);
		while ((n = read(fd, bytes, STEP)) > 0)
			if (hash)
				digest_update(hash, bytes, (size_t)n);
		if (n == -1)
			fail(files[i].name);
		close(fd);
		if (hash)
			digest_final(hash, &d, NULL);
	}
}

/* ---- writing ---- */

/* Past the page cache where that is quicker. */
static void put(int fd, off_t size)
{
	struct file f = {fd, "a file"};
	struct bulk b = BULK(&f);
	struct err e = {0};

	for (off_t at = 0, n; at < size; at += n) {
		n = size - at < (off_t)BULK_BLOCK ? size - at : (off_t)BULK_BLOCK;
		if (bulk_write(&b, bytes, (size_t)n, (uint64_t)at, &e) == -1)
			fail(e.text);
	}
}

static void write_one(void *arg)
{
	off_t size = *(off_t *)arg;
	int fd = openat(dir, "one", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd == -1)
		fail("one");
	put(fd, size);
	if (fsync(fd) == -1)
		fail("fsync");
	close(fd);
	unlinkat(dir, "one", 0);
}

struct folder {
	size_t from, to;
	int copies;	/* 0: make the files; else this many names for each */
};

static int enter(char kind, size_t i)
{
	char name[32];
	int fd;

	snprintf(name, sizeof name, "%c%zu", kind, i);
	mkdirat(dir, name, 0700);
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		fail(name);
	return fd;
}

static int fill(void *arg, void *task, void *state, struct err *e)
{
	const struct folder *f = task;
	int made = enter('m', f->from), fd;
	char name[32];

	(void)arg;
	(void)state;
	(void)e;
	for (size_t i = f->from; i < f->to && f->copies == 0; i++) {
		snprintf(name, sizeof name, "%zu", i);
		fd = openat(made, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd == -1)
			fail("create");
		put(fd, files[i].size);
		close(fd);
	}
	for (int c = 0; c < f->copies; c++) {
		int to = enter((char)('a' + c), f->from);

		for (size_t i = f->from; i < f->to; i++) {
			snprintf(name, sizeof name, "%zu", i);
			if (linkat(made, name, to, name, 0) == -1)
				fail("link");
		}
		close(to);
	}
	close(made);
	return 0;
}

static void drop(void *arg, void *task)
{
	(void)arg;
	free(task);
}

static void fill_all(void *arg)
{
	int copies = *(int *)arg;
	static const struct pool_ops ops = {.work = fill, .drop = drop};
	struct pool *p = pool_open(&ops, NULL, pool_default_jobs(), 2 * pool_default_jobs(), NULL);

	for (size_t i = 0; i < files_n; i += FOLDER) {
		struct folder *f = malloc(sizeof *f);

		if (p == NULL || f == NULL)
			fail("memory");
		*f = (struct folder){i, i + FOLDER < files_n ? i + FOLDER : files_n, copies};
		pool_put(p, f, NULL);
	}
	pool_close(p, NULL);
	if (syncfs(dir) == -1)
		fail("syncfs");
}

int main(int argc, char **argv)
{
	struct digest_ctx *hash;

	if (argc != 4 || digest_start(NULL) == -1 || (hash = digest_open(NULL)) == NULL)
		return 2;
	src = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (src == -1 || dir == -1)
		fail("open");
	bytes = bulk_alloc(BULK_BLOCK);
	if (bytes == NULL)
		fail("memory");
	memset(bytes, 'x', BULK_BLOCK);
	gather();
	time_it("read", ROUNDS, read_all, NULL);
	time_it("hash", ROUNDS, read_all, hash);
	time_it("write", ROUNDS, write_one, &(off_t){strtoll(argv[3], NULL, 10)});
	time_it("create", 1, fill_all, &(int){0});
	time_it("link", 1, fill_all, &(int){2});
	digest_close(hash);
	free(bytes);
	return 0;
}

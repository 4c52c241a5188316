/*
 * What this machine does at best with a data set, for tests/bench/limits.py: no format, no lists, no processes, nothing but the
 * system calls, hashes and compression that any tool needs which does such a job.
 *
 *     limits SRC DIR LEVEL BYTES carried|cached <names
 *
 * names of SRC's files, each ended by a NUL; DIR: an empty folder; LEVEL: of zstd, 0: none; carried: what was packed is read from the
 * disk, and let go of at once; cached: from the page cache
 *
 * prints, each with the wall and processor seconds it took (user and system, of all threads):
 *
 *     read     each file opened, read and closed, by one thread
 *     hash     the same, and its SHA-256
 *     write    BYTES into one file of DIR, and fsync
 *     pack     files read and hashed, in chunks of 4 MiB, these compressed, hashed twice and written to one file, fsync
 *     verify   that file's chunks read, hashed, decompressed, and the files in them hashed
 *     import   the same, and the files created, each with two more names, one syncfs
 *     create   files of the same sizes, one syncfs (LEVEL 0 alone, as the next)
 *     link     two more names for each, one syncfs
 *
 * A file is created as a store has it: HH/HEX, 64 hexadecimal digits in 256 directories, with a time that is set. Its two names are those of the
 * data set, in directories as that has them. Which digits stand there is all the same: they are of the file's number.
 *
 * From pack on by all processors, with nothing to wait for in one another. What makes few files is the best of three rounds, since
 * memory that is touched for the first time costs more.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <zstd.h>

#include "lib/bulk.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/path.h"
#include "lib/pool.h"

#define STEP (256u << 10)	/* read and hashed at once */
#define CHUNK ((size_t)4 << 20)
#define ALIGN ((size_t)4096)
#define SHORT_MATCHES 14	/* as export/frame.c has it */
#define FANS 256
#define TREES 2
#define ROUNDS 3

struct source {
	const char *name, *last;	/* its path, and where the last component of that begins */
	off_t size;
	unsigned fan;
	char object[DIGEST_HEX + 1];
};
struct place {		/* where files are created, and get their names */
	const char *objects, *trees[TREES];
	int fans[FANS];
};
struct chunk {		/* whole files, or a part of one */
	size_t from, to;
	off_t at;
	size_t len;
	off_t place;	/* in the file that they are packed into */
	size_t stored;
};
static struct source *files;
static size_t files_n;
static struct chunk *chunks;
static size_t chunks_n;
static int src, dir, level;
static bool carried;
static char *bytes;	/* BULK_BLOCK */
static struct file packed = {-1, "packed"}, packing = {-1, "packed"};	/* to read; to write past the page cache */
static _Atomic off_t packed_end;

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

/* ---- what there is ---- */

static void add_source(const char *name, off_t size)
{
	struct source *s = &files[files_n];
	struct digest d;

	if (digest_of(&files_n, sizeof files_n, &d, NULL) == -1 || (name = strdup(name)) == NULL)
		fail("memory");
	*s = (struct source){.name = name, .last = strrchr(name, '/'), .size = size, .fan = d.bytes[0]};
	s->last = s->last == NULL ? name : s->last + 1;
	digest_hex(&d, s->object);
	files_n++;
}

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
		add_source(name, st.st_size);
	}
	free(name);
}

static void add_chunk(size_t from, size_t to, off_t at, size_t len)
{
	if (chunks_n % 256 == 0 && (chunks = reallocarray(chunks, chunks_n + 256, sizeof *chunks)) == NULL)
		fail("memory");
	chunks[chunks_n++] = (struct chunk){.from = from, .to = to, .at = at, .len = len};
}

static void cut(void)
{
	size_t from = 0, len = 0;

	for (size_t i = 0; i <= files_n; i++) {
		if (i > from && (i == files_n || len + (size_t)files[i].size > CHUNK)) {
			add_chunk(from, i, 0, len);
			from = i;
			len = 0;
		}
		if (i == files_n)
			break;
		if ((size_t)files[i].size <= CHUNK) {
			len += (size_t)files[i].size;
			continue;
		}
		for (off_t at = 0; at < files[i].size; at += (off_t)CHUNK)
			add_chunk(i, i + 1, at, files[i].size - at < (off_t)CHUNK ? (size_t)(files[i].size - at) : CHUNK);
		from = i + 1;
	}
}

/* Reads a part of a file, and hashes it. */
static void take(size_t file, off_t at, size_t len, char *to, struct digest_ctx *hash)
{
	int fd = openat(src, files[file].name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct digest d;

	if (fd == -1)
		fail(files[file].name);
	for (size_t done = 0; done < len;) {
		ssize_t n = pread(fd, to + done, len - done < STEP ? len - done : STEP, at + (off_t)done);

		if (n <= 0)
			fail(files[file].name);
		if (hash)
			digest_update(hash, to + done, (size_t)n);
		done += (size_t)n;
	}
	close(fd);
	if (hash)
		digest_final(hash, &d, NULL);
}

static void read_all(void *arg)
{
	for (size_t i = 0; i < chunks_n; i++)
		for (size_t f = chunks[i].from; f < chunks[i].to; f++)
			take(f, chunks[i].at, chunks[i].to - chunks[i].from == 1 ? chunks[i].len : (size_t)files[f].size, bytes, arg);
}

/* ---- writing ---- */

/* Past the page cache where that is quicker. */
static void put(int fd, const char *data, size_t len, off_t at)
{
	struct file f = {fd, "a file"};
	struct bulk b = BULK(&f);
	struct err e = {0};

	if (bulk_write(&b, data, len, (uint64_t)at, &e) == -1)
		fail(e.text);
}

static void write_one(void *arg)
{
	off_t size = *(off_t *)arg;
	int fd = openat(dir, "one", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd == -1)
		fail("one");
	for (off_t at = 0; at < size; at += (off_t)BULK_BLOCK)
		put(fd, bytes, size - at < (off_t)BULK_BLOCK ? (size_t)(size - at) : BULK_BLOCK, at);
	if (fsync(fd) == -1)
		fail("fsync");
	close(fd);
	unlinkat(dir, "one", 0);
}

/* ---- all processors ---- */

struct state {
	char *tar, *stored;	/* CHUNK, and a little more */
	struct digest_ctx *hash;
	ZSTD_CCtx *zip;
	ZSTD_DCtx *unzip;
};

static void *state_new(void *arg, struct err *e)
{
	struct state *s = calloc(1, sizeof *s);

	(void)arg;
	if (s == NULL || (s->tar = bulk_alloc(CHUNK + ALIGN)) == NULL || (s->stored = bulk_alloc(2 * CHUNK)) == NULL ||
	    (s->hash = digest_open(e)) == NULL || (s->zip = ZSTD_createCCtx()) == NULL || (s->unzip = ZSTD_createDCtx()) == NULL)
		fail("memory");
	return s;
}

static void state_free(void *arg, void *state)
{
	struct state *s = state;

	(void)arg;
	ZSTD_freeDCtx(s->unzip);
	ZSTD_freeCCtx(s->zip);
	digest_close(s->hash);
	free(s->stored);
	free(s->tar);
	free(s);
}

static void hash(struct state *s, const char *data, size_t len)
{
	struct digest d;

	for (size_t at = 0; at < len; at += STEP)
		digest_update(s->hash, data + at, len - at < STEP ? len - at : STEP);
	digest_final(s->hash, &d, NULL);
}

static int pack_chunk(void *arg, void *task, void *state, struct err *e)
{
	struct state *s = state;
	struct chunk *c = task;
	size_t at = 0;
	char *out = s->tar;

	(void)arg;
	(void)e;
	for (size_t f = c->from; f < c->to; f++) {
		size_t len = c->to - c->from == 1 ? c->len : (size_t)files[f].size;

		take(f, c->at, len, s->tar + at, s->hash);
		at += len;
	}
	c->stored = at;
	if (level > 0) {
		ZSTD_CCtx_setParameter(s->zip, ZSTD_c_compressionLevel, level);
		ZSTD_CCtx_setParameter(s->zip, ZSTD_c_chainLog, SHORT_MATCHES);
		c->stored = ZSTD_compress2(s->zip, s->stored, 2 * CHUNK, s->tar, at);
		out = s->stored;
	}
	if (level > 0 && ZSTD_isError(c->stored))
		fail("zstd");
	hash(s, out, c->stored);
	hash(s, out, c->stored);
	at = (c->stored + ALIGN - 1) / ALIGN * ALIGN;
	c->place = atomic_fetch_add(&packed_end, (off_t)at);
	if (file_pwrite(&packing, out, at, (uint64_t)c->place, NULL) == -1)
		fail("packed");
	return 0;
}

/* The tar bytes of a chunk, proven. */
static const char *prove(struct chunk *c, struct state *s)
{
	const char *tar = s->stored;
	size_t at = 0;

	if (file_pread(&packed, s->stored, c->stored, (uint64_t)c->place, NULL) == -1)
		fail("packed");
	if (carried)	/* new pages cost more than the reading */
		(void)posix_fadvise(packed.fd, c->place, (off_t)((c->stored + ALIGN - 1) / ALIGN * ALIGN), POSIX_FADV_DONTNEED);
	hash(s, s->stored, c->stored);
	if (level > 0) {
		if (ZSTD_decompressDCtx(s->unzip, s->tar, CHUNK, s->stored, c->stored) != c->len)
			fail("zstd");
		tar = s->tar;
	}
	for (size_t f = c->from; f < c->to; f++) {
		size_t len = c->to - c->from == 1 ? c->len : (size_t)files[f].size;

		hash(s, tar + at, len);
		at += len;
	}
	return tar;
}

static int verify_chunk(void *arg, void *task, void *state, struct err *e)
{
	(void)arg;
	(void)e;
	prove(task, state);
	return 0;
}

/* Makes a directory, and those above it, unless they are there. */
static void make_dirs(char *path)
{
	char *slash;

	if (mkdirat(dir, path, 0755) == 0 || errno == EEXIST)
		return;
	slash = strrchr(path, '/');
	if (errno != ENOENT || slash == NULL)
		fail(path);
	*slash = '\0';
	make_dirs(path);
	*slash = '/';
	if (mkdirat(dir, path, 0755) == -1 && errno != EEXIST)
		fail(path);
}

static int enter(const char *above, const char *name, size_t len)
{
	char path[PATH_MAX_LEN + 32];
	int fd;

	snprintf(path, sizeof path, "%s/%.*s", above, (int)len, name);
	if (len == 0)
		path[strlen(above)] = '\0';
	make_dirs(path);
	fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		fail(path);
	return fd;
}

static void create(const struct place *p, const struct source *f, off_t at, const char *data, size_t len)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1}};
	int fd = openat(p->fans[f->fan], f->object, O_WRONLY | O_CREAT | O_CLOEXEC, 0444);

	if (fd == -1)
		fail("create");
	if (len > 0)
		put(fd, data, len, at);
	if (at == 0 && futimens(fd, times) == -1)
		fail("time");
	close(fd);
}

enum { CREATE = 1, LINK = 2 };

static bool same_folder(const struct source *a, const struct source *b)
{
	return a->last - a->name == b->last - b->name && memcmp(a->name, b->name, (size_t)(a->last - a->name)) == 0;
}

/* The files of a chunk, and names for them in both trees. */
static void make(const struct place *p, const struct chunk *c, const char *data, int what)
{
	int folders[TREES] = {-1, -1};

	for (size_t i = c->from; i < c->to; i++) {
		const struct source *f = &files[i];
		size_t len = c->to - c->from == 1 ? c->len : (size_t)f->size;

		if ((what & CREATE) != 0)
			create(p, f, c->at, data, len);
		for (int t = 0; t < TREES && (what & LINK) != 0 && c->at == 0; t++) {
			if (i == c->from || !same_folder(f, f - 1)) {
				if (folders[t] != -1)
					close(folders[t]);
				folders[t] = enter(p->trees[t], f->name, (size_t)(f->last - f->name));
			}
			if (linkat(p->fans[f->fan], f->object, folders[t], f->last, 0) == -1)
				fail("link");
		}
		data += len;
	}
	for (int t = 0; t < TREES; t++)
		if (folders[t] != -1)
			close(folders[t]);
}

static int import_chunk(void *arg, void *task, void *state, struct err *e)
{
	(void)e;
	make(arg, task, prove(task, state), CREATE | LINK);
	return 0;
}

static int create_chunk(void *arg, void *task, void *state, struct err *e)
{
	(void)e;
	make(arg, task, ((struct state *)state)->tar, CREATE);
	return 0;
}

static int link_chunk(void *arg, void *task, void *state, struct err *e)
{
	(void)e;
	make(arg, task, ((struct state *)state)->tar, LINK);
	return 0;
}

static void drop(void *arg, void *task)
{
	(void)arg;
	(void)task;
}

typedef int job(void *arg, void *task, void *state, struct err *e);

static void each_chunk(job *work, void *arg)
{
	const struct pool_ops ops = {.work = work, .drop = drop, .state_new = state_new, .state_free = state_free};
	unsigned jobs = 2 * pool_default_jobs();	/* while some wait for the disk, others work */
	struct pool *p = pool_open(&ops, arg, jobs, 2 * jobs, NULL);

	for (size_t i = 0; p != NULL && i < chunks_n; i++)
		pool_put(p, &chunks[i], NULL);
	if (p == NULL || pool_close(p, NULL) == -1)
		fail("threads");
}

static void pack(void *arg)
{
	(void)arg;
	packed_end = 0;
	packing.fd = openat(dir, "packed", O_WRONLY | O_CREAT | O_TRUNC | O_DIRECT | O_CLOEXEC, 0600);
	if (packing.fd == -1)
		fail("packed");
	each_chunk(pack_chunk, NULL);
	if (fsync(packing.fd) == -1)
		fail("fsync");
	close(packing.fd);
}

static void open_packed(void)
{
	if (packed.fd == -1)
		packed.fd = openat(dir, "packed", O_RDONLY | O_CLOEXEC);
	if (packed.fd == -1 || (carried && posix_fadvise(packed.fd, 0, 0, POSIX_FADV_DONTNEED) != 0))
		fail("packed");
}

static void verify(void *arg)
{
	(void)arg;
	open_packed();
	each_chunk(verify_chunk, NULL);
}

struct filling {
	job *work;
	struct place place;
};

static void fill(void *arg)
{
	struct filling *f = arg;
	char name[3];

	open_packed();
	for (unsigned i = 0; i < FANS; i++) {
		snprintf(name, sizeof name, "%02x", i);
		f->place.fans[i] = enter(f->place.objects, name, 2);
	}
	each_chunk(f->work, &f->place);
	for (unsigned i = 0; i < FANS; i++)
		close(f->place.fans[i]);
	if (syncfs(dir) == -1)
		fail("syncfs");
}

int main(int argc, char **argv)
{
	struct digest_ctx *hash;

	if (argc != 6 || digest_start(NULL) == -1 || (hash = digest_open(NULL)) == NULL)
		return 2;
	src = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (src == -1 || dir == -1)
		fail("open");
	level = atoi(argv[3]);
	carried = strcmp(argv[5], "carried") == 0;
	bytes = bulk_alloc(BULK_BLOCK);
	if (bytes == NULL)
		fail("memory");
	memset(bytes, 'x', BULK_BLOCK);
	gather();
	cut();
	time_it("read", ROUNDS, read_all, NULL);
	time_it("hash", ROUNDS, read_all, hash);
	time_it("write", ROUNDS, write_one, &(off_t){strtoll(argv[4], NULL, 10)});
	time_it("pack", ROUNDS, pack, NULL);
	time_it("verify", ROUNDS, verify, NULL);	/* where cached, the first fills the page cache */
	time_it("import", 1, fill, &(struct filling){import_chunk, {.objects = "objects", .trees = {"a", "b"}}});
	unlinkat(dir, "packed", 0);
	if (level == 0) {
		time_it("create", 1, fill, &(struct filling){create_chunk, {.objects = "bare", .trees = {"c", "d"}}});
		time_it("link", 1, fill, &(struct filling){link_chunk, {.objects = "bare", .trees = {"c", "d"}}});
	}
	digest_close(hash);
	free(chunks);
	free(files);
	free(bytes);
	return 0;
}

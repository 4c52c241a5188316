/*
 * A medium with faults (rows M1 to M6 and M13 of the attacks): a FUSE file system that shows a directory, read-only, and
 * misbehaves as it is told. Nothing is cached by the kernel: what is read is read here.
 *
 *     badfs SOURCE MOUNT LOG [FAULT...]       in the foreground; LOG gets "operations N", "reads N", "most N" at the end
 *
 *     in=PATTERN     the faults below hit only paths (from the mount, "/satchel/...") that match; before them
 *     second         every byte that is read again is another one
 *     first          every byte is another one the first time it is read
 *     eio=K          the K-th read fails, and so does every later one of what it was to read
 *     gone=K         the K-th operation and all later ones fail
 *     short          a read gives one byte
 *     eintr          every other read is interrupted
 *     hang=OP:K      the K-th getattr, open, read or readdir never returns
 *     grow=N         files become N bytes longer once they are read
 *     shrink=K       from the K-th read on files end at their half
 *     replace=K:DIR  from the K-th operation on everything comes from DIR
 *     many=PATH:N    the directory PATH has N more names
 *
 * `most` is how often the byte that was read most often was read.
 */
#define FUSE_USE_VERSION 35
#include <fuse.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OP_GETATTR, OP_OPEN, OP_READ, OP_READDIR, OPS };
static const char *const op_names[OPS] = {"getattr", "open", "read", "readdir"};

static struct {
	const char *source, *log;
	const char *in;
	bool second, first, one_byte, eintr;
	unsigned long eio, gone, hang, grow, shrink, replace, many;
	int hang_op;
	const char *other, *many_path;
} o;

struct seen {	/* a file that was read */
	struct seen *next;
	char *path;
	unsigned char *counts;	/* of each byte */
	bool *bad;		/* it was to be read when a read failed */
	size_t len;
};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned long operations, done[OPS];
static struct seen *files;
static unsigned most;

static struct seen *find(const char *path, size_t size)
{
	struct seen *s = files;

	while (s != NULL && strcmp(s->path, path) != 0)
		s = s->next;
	if (s == NULL) {
		s = calloc(1, sizeof *s);
		if (s == NULL)
			abort();
		s->path = strdup(path);
		s->next = files;
		files = s;
	}
	if (size > s->len) {
		s->counts = realloc(s->counts, size);
		s->bad = realloc(s->bad, size * sizeof *s->bad);
		if (s->path == NULL || s->counts == NULL || s->bad == NULL)
			abort();
		memset(s->counts + s->len, 0, size - s->len);
		memset(s->bad + s->len, 0, (size - s->len) * sizeof *s->bad);
		s->len = size;
	}
	return s;
}

static bool hit(const char *path)
{
	return o.in == NULL || fnmatch(o.in, path, 0) == 0;
}

/* Counts an operation: 0, or what it fails with. A hanging one stays here. */
static int begin(int op, const char *path, char real[4096])
{
	bool fails, hangs, replaced;

	pthread_mutex_lock(&lock);
	operations++;
	if (hit(path))
		done[op]++;
	fails = o.gone > 0 && operations >= o.gone;
	replaced = o.replace > 0 && operations >= o.replace;
	hangs = o.hang > 0 && o.hang_op == op && hit(path) && done[op] == o.hang;
	pthread_mutex_unlock(&lock);
	while (hangs)
		pause();
	snprintf(real, 4096, "%s%s", replaced ? o.other : o.source, path);
	return fails ? -EIO : 0;
}

static bool was_read(const char *path)
{
	struct seen *s;
	bool read;

	pthread_mutex_lock(&lock);
	for (s = files; s != NULL && strcmp(s->path, path) != 0; s = s->next)
		;
	read = s != NULL;
	pthread_mutex_unlock(&lock);
	return read;
}

static off_t size_now(const char *path, off_t size)
{
	if (!hit(path))
		return size;
	if (o.grow > 0 && was_read(path))
		return size + (off_t)o.grow;
	return o.shrink > 0 && done[OP_READ] >= o.shrink ? size / 2 : size;
}

static bool is_extra(const char *path)
{
	size_t len = o.many_path == NULL ? 0 : strlen(o.many_path);

	return len > 0 && strncmp(path, o.many_path, len) == 0 && strncmp(path + len, "/entry-", 7) == 0;
}

static int do_getattr(const char *path, struct stat *st, struct fuse_file_info *fi)
{
	char real[4096];
	int rc = begin(OP_GETATTR, path, real);

	(void)fi;
	if (rc != 0)
		return rc;
	if (is_extra(path)) {
		*st = (struct stat){.st_mode = S_IFREG | 0644, .st_nlink = 1};
		return 0;
	}
	if (lstat(real, st) == -1)
		return -errno;
	if (S_ISREG(st->st_mode))
		st->st_size = size_now(path, st->st_size);
	return 0;
}

static int do_readlink(const char *path, char *out, size_t size)
{
	char real[4096];
	int rc = begin(OP_GETATTR, path, real);
	ssize_t n = rc != 0 ? -1 : readlink(real, out, size - 1);

	if (rc != 0)
		return rc;
	if (n == -1)
		return -errno;
	out[n] = '\0';
	return 0;
}

static int do_open(const char *path, struct fuse_file_info *fi)
{
	char real[4096];
	int rc = begin(OP_OPEN, path, real);

	if (rc != 0)
		return rc;
	if ((fi->flags & O_ACCMODE) != O_RDONLY)
		return -EROFS;
	if (access(real, R_OK) == -1)
		return -errno;
	fi->direct_io = 1;
	return 0;
}

/* Bends the bytes that were read as told, and counts them. */
static int bend(const char *path, char *data, size_t len, size_t at)
{
	struct seen *s;
	int rc = (int)len;

	pthread_mutex_lock(&lock);
	s = find(path, at + len);
	if (hit(path) && o.eio > 0 && done[OP_READ] == o.eio)
		memset(s->bad + at, true, len * sizeof *s->bad);
	for (size_t i = 0; i < len; i++) {
		bool again = s->counts[at + i] > 0;

		if (s->bad[at + i])
			rc = -EIO;
		if (hit(path) && ((o.second && again) || (o.first && !again)))
			data[i] ^= 1;
		if (s->counts[at + i] < 255)
			s->counts[at + i]++;
		if (s->counts[at + i] > most)
			most = s->counts[at + i];
	}
	if (len == 0 && hit(path) && o.eio > 0 && done[OP_READ] == o.eio)
		rc = -EIO;	/* where the file ends */
	pthread_mutex_unlock(&lock);
	return rc;
}

static int do_read(const char *path, char *data, size_t len, off_t at, struct fuse_file_info *fi)
{
	char real[4096];
	struct stat st;
	ssize_t n;
	off_t end;
	int fd, rc = begin(OP_READ, path, real);

	(void)fi;
	if (rc != 0)
		return rc;
	if (o.eintr && hit(path) && done[OP_READ] % 2 == 1)
		return -EINTR;
	fd = open(real, O_RDONLY | O_NONBLOCK);
	if (fd == -1 || fstat(fd, &st) == -1)
		return -errno;
	end = size_now(path, st.st_size);
	if (o.one_byte && hit(path) && len > 1)
		len = 1;
	if (at >= end)
		len = 0;
	else if ((off_t)len > end - at)
		len = (size_t)(end - at);
	memset(data, 0, len);
	n = pread(fd, data, len, at);
	rc = n == -1 ? -errno : bend(path, data, len, (size_t)at);
	close(fd);
	return rc;
}

/* Names are given by number, so that ten million of them need no memory: first those of the source. */
static int do_readdir(const char *path, void *buf, fuse_fill_dir_t fill, off_t at, struct fuse_file_info *fi,
		      enum fuse_readdir_flags flags)
{
	char real[4096], name[32];
	struct dirent *d;
	off_t n = 0;
	DIR *dir;
	int rc = begin(OP_READDIR, path, real);

	(void)fi;
	(void)flags;
	if (rc != 0)
		return rc;
	dir = opendir(real);
	if (dir == NULL)
		return -errno;
	while (rc == 0 && (d = readdir(dir)) != NULL)
		if (n++ >= at)
			rc = fill(buf, d->d_name, NULL, n, 0);
	closedir(dir);
	if (rc != 0 || o.many_path == NULL || strcmp(path, o.many_path) != 0)
		return 0;
	for (off_t i = at > n ? at - n : 0; rc == 0 && i < (off_t)o.many; i++) {
		snprintf(name, sizeof name, "entry-%010lld", (long long)i);
		rc = fill(buf, name, NULL, n + i + 1, 0);
	}
	return 0;
}

static void do_destroy(void *data)
{
	FILE *f = fopen(o.log, "w");

	(void)data;
	if (f == NULL)
		return;
	fprintf(f, "operations %lu\nreads %lu\nmost %u\n", operations, done[OP_READ], most);
	fclose(f);
}

static void *do_init(struct fuse_conn_info *conn, struct fuse_config *config)
{
	(void)conn;
	config->attr_timeout = config->entry_timeout = config->negative_timeout = 0;
	return NULL;
}

static const struct fuse_operations operations_table = {
	.init = do_init, .getattr = do_getattr, .readlink = do_readlink, .open = do_open, .read = do_read,
	.readdir = do_readdir, .destroy = do_destroy,
};

/* "OP:K", "K:DIR", "PATH:N": what stands before the last colon, and behind it. */
static const char *behind(char *value)
{
	char *colon = strrchr(value, ':');

	if (colon == NULL)
		exit(2);
	*colon = '\0';
	return colon + 1;
}

static unsigned long number(const char *s)
{
	return strtoul(s, NULL, 10);
}

static void take(char *fault)
{
	static char none[1];
	char *value = strchr(fault, '=');

	if (value != NULL)
		*value++ = '\0';
	else
		value = none;
	if (strcmp(fault, "in") == 0) {
		o.in = value;
	} else if (strcmp(fault, "second") == 0) {
		o.second = true;
	} else if (strcmp(fault, "first") == 0) {
		o.first = true;
	} else if (strcmp(fault, "short") == 0) {
		o.one_byte = true;
	} else if (strcmp(fault, "eintr") == 0) {
		o.eintr = true;
	} else if (strcmp(fault, "eio") == 0) {
		o.eio = number(value);
	} else if (strcmp(fault, "gone") == 0) {
		o.gone = number(value);
	} else if (strcmp(fault, "grow") == 0) {
		o.grow = number(value);
	} else if (strcmp(fault, "shrink") == 0) {
		o.shrink = number(value);
	} else if (strcmp(fault, "replace") == 0) {
		o.other = behind(value);
		o.replace = number(value);
	} else if (strcmp(fault, "many") == 0) {
		o.many = number(behind(value));
		o.many_path = value;
	} else if (strcmp(fault, "hang") == 0) {
		o.hang = number(behind(value));
		for (o.hang_op = 0; o.hang_op < OPS && strcmp(value, op_names[o.hang_op]) != 0; o.hang_op++)
			;
	} else {
		fprintf(stderr, "badfs: unknown fault %s\n", fault);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	char *fuse[] = {argv[0], (char[]){"-f"}, (char[]){"-oro,fsname=badfs,max_threads=10"}, argc > 2 ? argv[2] : NULL, NULL};

	if (argc < 4) {
		fprintf(stderr, "badfs SOURCE MOUNT LOG [FAULT...]\n");
		return 2;
	}
	o.source = argv[1];
	o.log = argv[3];
	for (int i = 4; i < argc; i++)
		take(argv[i]);
	return fuse_main(4, fuse, &operations_table, NULL);
}

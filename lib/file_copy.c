/*
 * Copying a file's bytes (lib/file.h): a reflink where the file system can, else read, hash and write once.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/fs.h>

#include "lib/digest.h"
#include "lib/err.h"
#include "lib/file.h"

#include "lib/banned.h"

#define STEP ((size_t)1 << 20)

struct file_copier {
	uint8_t *data;
	struct digest_ctx *hash;
};

/* Up to want bytes; fewer at the end alone. */
static int64_t read_at(const struct file *f, uint8_t *data, size_t want, uint64_t at, struct err *e)
{
	size_t len = 0;

	while (len < want) {
		ssize_t n = pread(f->fd, data + len, want - len, (off_t)(at + len));

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_sys(e, "%s: reading at %llu", f->name, (unsigned long long)at);
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (int64_t)len;
}

static bool zeros(const uint8_t *data, size_t len)
{
	return data[0] == 0 && memcmp(data, data + 1, len - 1) == 0;
}

/* Reads the first `size` bytes of from, hashes them where c is given and writes them where to is given. */
static int pass_through(uint8_t *data, const struct file *from, uint64_t size, const struct file *to, struct digest_ctx *c,
			struct err *e)
{
	uint64_t at = 0;
	bool hole = false;

	while (at < size) {
		int64_t n = read_at(from, data, size - at < STEP ? (size_t)(size - at) : STEP, at, e);

		if (n == -1)
			return -1;
		if (n == 0)
			break;
		if (c != NULL)
			digest_update(c, data, (size_t)n);
		hole = zeros(data, (size_t)n);
		if (to != NULL && !hole && file_pwrite(to, data, (size_t)n, at, e) == -1)
			return -1;
		at += (uint64_t)n;
	}
	/* where the file ends in zeros that were left out */
	if (to != NULL && hole && ftruncate(to->fd, (off_t)at) == -1)
		return err_sys(e, "%s: setting its size", to->name);
	return 0;
}

struct file_copier *file_copier_open(struct err *e)
{
	struct file_copier *c = calloc(1, sizeof *c);

	if (c != NULL && (c->data = malloc(STEP)) != NULL) {
		c->hash = digest_open(e);
		if (c->hash != NULL)
			return c;
	} else {
		err_mem(e);
	}
	file_copier_close(c);
	return NULL;
}

void file_copier_close(struct file_copier *c)
{
	if (c == NULL)
		return;
	digest_close(c->hash);
	free(c->data);
	free(c);
}

int file_copier_run(struct file_copier *c, const struct file *from, uint64_t size, const struct file *to, struct digest *d,
		    struct err *e)
{
	struct digest_ctx *hash = d == NULL ? NULL : c->hash;
	int rc;

	if (ioctl(to->fd, FICLONE, from->fd) == 0)	/* all of it, whatever its size is by now */
		rc = d == NULL ? 0 : pass_through(c->data, to, UINT64_MAX, NULL, hash, e);
	else
		rc = pass_through(c->data, from, size, to, hash, e);
	return rc == 0 && d != NULL ? digest_final(hash, d, e) : rc;
}

bool file_may_clone(const struct file *dir)
{
	int from = openat(dir->fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	int to = openat(dir->fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	bool may = from == -1 || to == -1 || ioctl(to, FICLONE, from) == 0;

	if (from != -1)
		close(from);
	if (to != -1)
		close(to);
	return may;
}

int file_copy(const struct file *from, const struct file *to, struct digest *d, struct err *e)
{
	struct file_copier *c = file_copier_open(e);
	int rc = c == NULL ? -1 : file_copier_run(c, from, UINT64_MAX, to, d, e);

	file_copier_close(c);
	return rc;
}

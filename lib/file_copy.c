/*
 * Copying a file's bytes (lib/file.h): a reflink where the file system can, else read, hash and write once.
 */
#include <errno.h>
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

static int64_t read_at(const struct file *f, uint8_t *data, uint64_t at, struct err *e)
{
	size_t len = 0;

	while (len < STEP) {
		ssize_t n = pread(f->fd, data + len, STEP - len, (off_t)(at + len));

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

static int write_at(const struct file *f, const uint8_t *data, size_t len, uint64_t at, struct err *e)
{
	while (len > 0) {
		ssize_t n = pwrite(f->fd, data, len, (off_t)at);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_sys(e, "%s: writing", f->name);
		data += n;
		len -= (size_t)n;
		at += (uint64_t)n;
	}
	return 0;
}

static bool zeros(const uint8_t *data, size_t len)
{
	return data[0] == 0 && memcmp(data, data + 1, len - 1) == 0;
}

/* Reads all of from, hashes it where c is given and writes it where to is given. */
static int pass_through(const struct file *from, const struct file *to, struct digest_ctx *c, struct err *e)
{
	uint8_t *data = malloc(STEP);
	uint64_t at = 0;
	int rc = -1;

	if (data == NULL)
		return err_mem(e);
	for (;;) {
		int64_t n = read_at(from, data, at, e);

		if (n == -1)
			goto out;
		if (n == 0)
			break;
		if (c != NULL)
			digest_update(c, data, (size_t)n);
		if (to != NULL && !zeros(data, (size_t)n) && write_at(to, data, (size_t)n, at, e) == -1)
			goto out;
		at += (uint64_t)n;
	}
	/* where the file ends in zeros that were left out */
	if (to != NULL && ftruncate(to->fd, (off_t)at) == -1) {
		err_sys(e, "%s: setting its size", to->name);
		goto out;
	}
	rc = 0;
out:
	free(data);
	return rc;
}

int file_copy(const struct file *from, const struct file *to, struct digest *d, struct err *e)
{
	struct digest_ctx *c = NULL;
	int rc = -1;

	if (d != NULL && (c = digest_open(e)) == NULL)
		return -1;
	if (ioctl(to->fd, FICLONE, from->fd) == 0)
		rc = d == NULL ? 0 : pass_through(to, NULL, c, e);
	else
		rc = pass_through(from, to, c, e);
	if (rc == 0 && d != NULL)
		rc = digest_final(c, d, e);
	digest_close(c);
	return rc;
}

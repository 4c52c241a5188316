/*
 * Bytes kept in memory, and in nameless files (verify/spool.h): on disk where that is possible, in memory otherwise.
 */
#include "verify/spool.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/file.h"

#include "lib/banned.h"

#define OWN 64u	/* bytes that an allocation takes besides, so that many small ones count as what they are */

void spool_open(struct spool *s, const struct file *dir)
{
	*s = (struct spool){.dir = dir, .fd = -1, .room = SPOOL_MEMORY};
}

void spool_close(struct spool *s)
{
	if (s->fd != -1)
		close(s->fd);
	s->fd = -1;
}

static int make_file(struct spool *s, struct err *e)
{
	static const char *const places[] = {"/var/tmp", "/tmp"};

	if (s->dir != NULL && s->fd == -1)
		s->fd = openat(s->dir->fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	for (size_t i = 0; s->dir == NULL && s->fd == -1 && i < sizeof places / sizeof *places; i++)
		s->fd = open(places[i], O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (s->fd != -1)
		return 0;
	s->fd = memfd_create("spool", MFD_CLOEXEC);
	s->in_memory = true;
	return s->fd == -1 ? err_sys(e, "can't make a temporary file") : 0;
}

static int write_out(struct spool *s, const struct buf *bytes, struct spooled *out, struct err *e)
{
	struct file f = {.name = (char[]){"temporary file"}};

	if (s->fd == -1 && make_file(s, e) == -1)
		return -1;
	f.fd = s->fd;
	if (file_pwrite(&f, bytes->data, bytes->len, s->end, e) == -1)
		return -1;
	*out = (struct spooled){NULL, s->end, bytes->len};
	s->end += bytes->len;
	return 0;
}

int spool_keep(struct spool *s, struct buf *bytes, struct spooled *out, struct err *e)
{
	if (bytes->len == 0) {
		*out = (struct spooled){0};
		return 0;
	}
	if (bytes->cap + OWN > s->room)
		return write_out(s, bytes, out, e);
	s->room -= bytes->cap + OWN;
	*out = (struct spooled){bytes->data, 0, bytes->len};
	*bytes = (struct buf){0};
	return 0;
}

int spool_read(const struct spool *s, const struct spooled *p, struct buf *out, struct err *e)
{
	struct file f = {s->fd, (char[]){"temporary file"}};

	if (p->kept != NULL) {
		buf_append(out, p->kept, p->len);
		return buf_ok(out, e);
	}
	if (buf_reserve(out, p->len) == -1)
		return err_mem(e);
	if (file_pread(&f, out->data + out->len, p->len, p->at, e) == -1)
		return -1;
	out->len += p->len;
	out->data[out->len] = '\0';
	return 0;
}

const uint8_t *spool_see(const struct spool *s, const struct spooled *p, struct buf *room, struct err *e)
{
	if (p->kept != NULL)
		return p->kept;
	return spool_read(s, p, room, e) == -1 ? NULL : room->data;
}

void spooled_free(struct spooled *p)
{
	free(p->kept);
	*p = (struct spooled){0};
}

/* ---- places in the file ---- */

int spool_place(struct spool *s, uint64_t len, uint64_t *at, struct err *e)
{
	struct file f = {.name = (char[]){"temporary file"}};
	uint64_t free_bytes;
	bool known;

	if (s->fd == -1 && make_file(s, e) == -1)
		return -1;
	f.fd = s->fd;
	if (file_free_space(&f, &free_bytes, &known, e) == -1)
		return -1;
	if (s->in_memory) {
		free_bytes = SPOOL_MEMORY > s->end ? SPOOL_MEMORY - s->end : 0;
		known = true;
	}
	if (len > INT64_MAX - s->end || (known && (free_bytes < s->promised || len > free_bytes - s->promised)))
		return 1;
	*at = s->end;
	s->end += len;
	s->promised += s->in_memory ? 0 : len;
	return 0;
}

int spool_put(struct spool *s, uint64_t at, const void *data, size_t len, struct err *e)
{
	struct file f = {s->fd, (char[]){"temporary file"}};

	if (file_pwrite(&f, data, len, at, e) == -1)
		return -1;
	s->promised -= len < s->promised ? len : s->promised;
	return 0;
}

int spool_get(const struct spool *s, uint64_t at, void *data, size_t len, struct err *e)
{
	struct file f = {s->fd, (char[]){"temporary file"}};

	return file_pread(&f, data, len, at, e);
}

/*
 * Storing large objects, and those that come in pieces (import/objects.h): stage > OBJECTS. Extents are written in place
 * into stage/pieces/HEX; HEX.map says which of them are there durably, so that what a damaged medium did give stays
 * through any number of bundles and runs. Refuses a whole that has another digest, and then all of its extents: any of
 * them may be the lie.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "import/objects_impl.h"
#include "lib/buf.h"
#include "lib/bulk.h"
#include "lib/err.h"
#include "lib/extents.h"
#include "lib/num.h"
#include "lib/outfile.h"
#include "manifests/limits.h"
#include "manifests/reason.h"

#include "lib/banned.h"

#define MAX_MAP ((size_t)16 << 20)	/* a map is our own; 400,000 extents are far more than frames of any object */
#define MAP_TYPE "satchel-pieces "
#define STEP ((size_t)1 << 20)

struct objects_piece {
	struct objects *o;
	struct digest digest;
	uint64_t size;
	char name[OBJECTS_NAME], map[OBJECTS_NAME];
	struct file dir, file;
	struct extents have;
	struct digest_ctx *hash;	/* of bytes 0..hashed, while they came in order; NULL: they did not */
	uint64_t hashed;
	struct bulk_buffer out;
	bool clean;	/* outside of `have` the file holds zeros: what is zero needs no writing */
};

/* Two numbers in a line "A B\n" at *s; moves on. */
static int parse_line(const char **s, const char *end, uint64_t *a, uint64_t *b)
{
	const char *lf = memchr(*s, '\n', (size_t)(end - *s));
	const char *blank = lf == NULL ? NULL : memchr(*s, ' ', (size_t)(lf - *s));

	if (blank == NULL || num_parse(*s, (size_t)(blank - *s), 0, MAX_OBJECT_SIZE, a) == -1 ||
	    num_parse(blank + 1, (size_t)(lf - blank - 1), 0, MAX_OBJECT_SIZE, b) == -1)
		return -1;
	*s = lf + 1;
	return 0;
}

/* "satchel-pieces SIZE COUNT\n", then "FROM TO\n" each. 0; 1 where it is not such a map; -1. */
static int parse_map(const struct buf *b, struct extents *x, uint64_t *size, struct err *e)
{
	const char *s = (const char *)b->data, *end = s + b->len;
	uint64_t count;

	if (b->len < strlen(MAP_TYPE) || memcmp(s, MAP_TYPE, strlen(MAP_TYPE)) != 0)
		return 1;
	s += strlen(MAP_TYPE);
	if (parse_line(&s, end, size, &count) == -1)
		return 1;
	for (; count > 0; count--) {
		uint64_t from, to;

		if (parse_line(&s, end, &from, &to) == -1 || from >= to || to > *size)
			return 1;
		if (extents_add(x, from, to, e) == -1)
			return -1;
	}
	return s == end ? 0 : 1;
}

/* 0; 1 where there is none that counts: no map, no file beside it, or not what write_map makes; -1. */
static int load_map(const struct file *dir, const char *map, const char *file, struct extents *x, uint64_t *size,
		    struct err *e)
{
	struct buf b = {0};
	struct err cause = {0};
	struct stat st;
	int rc = 1;

	x->n = 0;
	if (fstatat(dir->fd, file, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return errno == ENOENT ? 1 : err_sys(e, "%s/%s", dir->name, file);
	if (file_read_all_at(dir, map, MAX_MAP, &b, &cause) == 0)
		rc = parse_map(&b, x, size, e);
	else if (cause.sys != ENOENT) {
		if (e != NULL && e->reason == ERR_NONE)
			*e = cause;
		rc = -1;
	}
	if (rc != 0)
		x->n = 0;
	buf_free(&b);
	return rc;
}

static int write_map(const struct objects_piece *p, struct err *e)
{
	struct buf b = {0};
	int rc;

	buf_printf(&b, MAP_TYPE "%" PRIu64 " %zu\n", p->size, p->have.n);
	for (size_t i = 0; i < p->have.n; i++)
		buf_printf(&b, "%" PRIu64 " %" PRIu64 "\n", p->have.list[i].from, p->have.list[i].to);
	rc = buf_ok(&b, e);
	if (rc == 0)
		rc = outfile_put(&p->dir, p->map, 0600, b.data, b.len, e);
	buf_free(&b);
	return rc;
}

static void free_piece(struct objects_piece *p)
{
	if (p == NULL)
		return;
	digest_close(p->hash);
	file_close(&p->file);
	file_close(&p->dir);
	bulk_buffer_free(&p->out);
	extents_free(&p->have);
	free(p);
}

/* Takes over the running hash that an earlier piece of this run left. Only then nothing else wrote in between. */
static void resume(struct objects_piece *p)
{
	struct objects *o = p->o;

	pthread_mutex_lock(&o->lock);
	for (unsigned i = 0; i < OBJECTS_RUNNING; i++) {
		struct objects_running *r = &o->running[i];

		if (r->hash == NULL || !digest_equal(&r->digest, &p->digest))
			continue;
		p->hash = r->hash;
		p->hashed = r->hashed;
		p->clean = true;
		r->hash = NULL;
		break;
	}
	pthread_mutex_unlock(&o->lock);
}

static void suspend(struct objects_piece *p)
{
	struct objects *o = p->o;
	struct objects_running *r;

	if (p->hash == NULL)
		return;
	pthread_mutex_lock(&o->lock);
	r = &o->running[o->running_next++ % OBJECTS_RUNNING];
	digest_close(r->hash);
	*r = (struct objects_running){.digest = p->digest, .hash = p->hash, .hashed = p->hashed};
	p->hash = NULL;
	pthread_mutex_unlock(&o->lock);
}

/* Opens or makes the file, and finds out what of it counts. */
static int open_file(struct objects_piece *p, struct err *e)
{
	uint64_t size = 0;
	struct stat st;
	int rc = load_map(&p->dir, p->map, p->name, &p->have, &size, e);

	if (rc == -1)
		return -1;
	p->file.fd = openat(p->dir.fd, p->name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
	p->file.name = strdup(p->name);
	if (p->file.fd == -1)
		return err_sys(e, "%s/%s", p->dir.name, p->name);
	if (p->file.name == NULL)
		return err_mem(e);
	if (file_stat(&p->file, &st, e) == -1)
		return -1;
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_FILE_TYPE, "%s/%s: not a regular file", p->dir.name, p->name);
	if (rc == 0 && size == p->size) {
		resume(p);
		return 0;
	}
	p->have.n = 0;
	if (unlinkat(p->dir.fd, p->map, 0) == -1 && errno != ENOENT)
		return err_sys(e, "%s/%s", p->dir.name, p->map);
	if (st.st_size != 0 && ftruncate(p->file.fd, 0) == -1)
		return err_sys(e, "%s/%s", p->dir.name, p->name);
	p->clean = true;
	p->hash = digest_open(e);
	return p->hash == NULL ? -1 : 0;
}

struct objects_piece *objects_piece_open(struct objects *o, const struct digest *d, uint64_t size, struct err *e)
{
	struct objects_piece *p = calloc(1, sizeof *p);

	if (p == NULL) {
		err_mem(e);
		return NULL;
	}
	p->o = o;
	p->digest = *d;
	p->size = size;
	p->dir = p->file = (struct file)FILE_CLOSED;
	p->out = (struct bulk_buffer)BULK_BUFFER(&p->file);
	memcpy(objects_name(d, false, 0, p->map) + DIGEST_HEX, ".map", 5);
	objects_name(d, false, 0, p->name);
	if (file_make_dir_at(&o->store, OBJECTS_PIECES, 0700, e) == 0 &&
	    file_open_dir_at(&o->store, OBJECTS_PIECES, &p->dir, e) == 0 && open_file(p, e) == 0)
		return p;
	free_piece(p);
	return NULL;
}

static bool zeros(const uint8_t *data, size_t len)
{
	return data[0] == 0 && memcmp(data, data + 1, len - 1) == 0;
}

/* What can't be written does not count; some of it may be there. */
static int failed(struct objects_piece *p, struct err *e)
{
	p->clean = false;
	if (p->out.len > 0 && extents_remove(&p->have, p->out.at, p->out.at + p->out.len, e) == -1)
		p->have.n = 0;
	p->out.len = 0;
	return err_prefix(e, OBJECTS_PIECES);
}

int objects_piece_write(struct objects_piece *p, uint64_t at, const void *data, size_t len, struct err *e)
{
	if (at > p->size || len > p->size - at)
		return err_set(e, R_OBJECT_DIGEST, "object %s: more than its %" PRIu64 " bytes", p->name, p->size);
	if (len == 0)
		return 0;
	if (p->hash != NULL && at < p->hashed) {	/* bytes that were hashed are about to change */
		digest_close(p->hash);
		p->hash = NULL;
	}
	if (!(p->clean && zeros(data, len) && !extents_meet(&p->have, at, at + len)) &&
	    bulk_buffer_write(&p->out, data, len, at, e) == -1)
		return failed(p, e);
	if (p->hash != NULL && at == p->hashed) {
		digest_update(p->hash, data, len);
		p->hashed += len;
	}
	return extents_add(&p->have, at, at + len, e);
}

/* The digest of the whole: the running one, else the file is read. */
static int whole_digest(struct objects_piece *p, struct digest *out, struct err *e)
{
	uint8_t *data = NULL;
	int rc = -1;

	if (p->hash != NULL && p->hashed == p->size)
		return digest_final(p->hash, out, e);
	digest_close(p->hash);
	p->hash = digest_open(e);
	data = malloc(STEP);
	if (p->hash == NULL || data == NULL) {
		err_mem(e);
		goto out;
	}
	for (uint64_t at = 0; at < p->size;) {
		size_t len = p->size - at < STEP ? (size_t)(p->size - at) : STEP;

		if (file_pread(&p->file, data, len, at, e) == -1)
			goto out;
		digest_update(p->hash, data, len);
		at += len;
	}
	rc = digest_final(p->hash, out, e);
out:
	free(data);
	return rc;
}

static int drop(const struct objects_piece *p, struct err *e)
{
	if ((unlinkat(p->dir.fd, p->map, 0) == -1 && errno != ENOENT) ||
	    (unlinkat(p->dir.fd, p->name, 0) == -1 && errno != ENOENT))
		return err_sys(e, "%s/%s", p->dir.name, p->name);
	return 0;
}

/* Moves the whole to objects/: 1; 0 where it is there already; -1. The map goes last: without its file it counts for nothing. */
static int commit(struct objects_piece *p, struct err *e)
{
	const struct file *fan;
	int needed = objects_needed(p->o, &p->digest, e);

	if (needed == -1)
		return -1;
	if (needed == 0)	/* it came whole in the meantime */
		return drop(p, e);
	if (objects_fan(p->o, p->digest.bytes[0], true, &fan, e) == -1)
		return -1;
	if (fchmod(p->file.fd, 0444) == -1)
		return err_sys(e, "%s/%s", p->dir.name, p->name);
	if (renameat(p->dir.fd, p->name, fan->fd, p->name) == -1)
		return err_sys(e, "%s/%s", fan->name, p->name);
	if (unlinkat(p->dir.fd, p->map, 0) == -1 && errno != ENOENT)
		return err_sys(e, "%s/%s", p->dir.name, p->map);
	return objects_note_healed(p->o, fan, &p->digest, e) == -1 ? -1 : 1;
}

static int finish(struct objects_piece *p, struct err *e)
{
	struct digest is;

	if (whole_digest(p, &is, e) == -1)
		return -1;
	if (digest_equal(&is, &p->digest))
		return commit(p, e);
	err_set(e, R_OBJECT_DIGEST, "object %s: its bytes have another digest", p->name);
	drop(p, e);
	return -1;
}

int objects_piece_end(struct objects_piece *p, struct err *e)
{
	uint64_t end;
	int written, rc = -1;

	if (p == NULL)
		return 0;
	written = bulk_buffer_flush(&p->out, e) == 0 ? 0 : failed(p, e);
	/* zeros at the end may have been left out */
	end = p->have.n == 0 ? 0 : p->have.list[p->have.n - 1].to;
	if (p->clean && ftruncate(p->file.fd, (off_t)end) == -1) {
		err_sys(e, "%s/%s: setting its size", p->dir.name, p->name);
		goto out;
	}
	if (extents_cover(&p->have, 0, p->size)) {	/* not where something could not be written */
		rc = finish(p, e);
		goto out;
	}
	/* the map must not promise what a power loss takes away */
	if (file_sync(&p->file, e) == -1 || write_map(p, e) == -1)
		goto out;
	if (p->clean)
		suspend(p);
	rc = written;
out:
	free_piece(p);
	return rc;
}

int objects_piece_has(const struct objects *o, const struct digest *d, uint64_t size, uint64_t from, uint64_t length, struct err *e)
{
	struct file dir = FILE_CLOSED;
	struct err cause = {0};
	struct extents x = {0};
	char name[OBJECTS_NAME], map[OBJECTS_NAME];
	uint64_t its = 0, to;
	int rc;

	if (file_open_dir_at(&o->store, OBJECTS_PIECES, &dir, &cause) == -1) {
		if (cause.sys == ENOENT)
			return 0;
		if (e != NULL && e->reason == ERR_NONE)
			*e = cause;
		return -1;
	}
	memcpy(objects_name(d, false, 0, map) + DIGEST_HEX, ".map", 5);
	rc = load_map(&dir, map, objects_name(d, false, 0, name), &x, &its, e);
	if (rc == 0)	/* of another size: some signer lied, and writing drops it all */
		rc = its == size && !num_add(from, length, &to) && extents_cover(&x, from, to);
	else if (rc == 1)
		rc = 0;
	extents_free(&x);
	file_close(&dir);
	return rc;
}

/* What lies between the extents, and behind the last. */
static int find_gaps(const struct extents *x, uint64_t size, struct objects_gap **list, size_t *n, struct err *e)
{
	uint64_t at = 0;

	*n = 0;
	*list = calloc(x->n + 1, sizeof **list);
	if (*list == NULL)
		return err_mem(e);
	for (size_t i = 0; i < x->n; i++) {
		if (x->list[i].from > at)
			(*list)[(*n)++] = (struct objects_gap){at, x->list[i].from};
		at = x->list[i].to;
	}
	if (at < size)
		(*list)[(*n)++] = (struct objects_gap){at, size};
	return 0;
}

int objects_piece_gaps(const struct objects *o, const struct digest *d, uint64_t *size, struct objects_gap **list, size_t *n,
		       struct err *e)
{
	struct file dir = FILE_CLOSED;
	struct err cause = {0};
	struct extents x = {0};
	char name[OBJECTS_NAME], map[OBJECTS_NAME];
	int rc;

	if (file_open_dir_at(&o->store, OBJECTS_PIECES, &dir, &cause) == -1) {
		if (cause.sys == ENOENT)
			return 1;
		*e = cause;
		return -1;
	}
	memcpy(objects_name(d, false, 0, map) + DIGEST_HEX, ".map", 5);
	rc = load_map(&dir, map, objects_name(d, false, 0, name), &x, size, e);
	if (rc == 0)
		rc = find_gaps(&x, *size, list, n, e);
	extents_free(&x);
	file_close(&dir);
	return rc;
}

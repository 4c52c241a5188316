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
#include "import/objects_map.h"
#include "lib/bulk.h"
#include "lib/err.h"
#include "lib/extents.h"
#include "lib/num.h"
#include "lib/say.h"
#include "manifests/reason.h"

#include "lib/banned.h"

#define STEP ((size_t)1 << 20)	/* of a file that is read */
#define NEAR ((size_t)256 << 10)	/* copied and worked on in the second-level cache */

struct objects_piece {
	struct objects *o;
	struct digest digest;
	uint64_t size;
	char name[OBJECTS_NAME], map[OBJECTS_NAME];
	struct file dir, file;
	bool mapped;	/* a map promises some of it */
	struct digest_ctx *hash;	/* of bytes 0..hashed, while they came in order; NULL: they did not */
	uint64_t hashed;
	/* gathered, to be written next: */
	uint8_t *block;	/* of the store's blocks; NULL: none is needed yet */
	uint64_t at;
	size_t len;
	pthread_mutex_t writing;	/* over out */
	struct bulk out;
	pthread_mutex_t lock;	/* over what follows */
	pthread_cond_t rested;
	unsigned resting;	/* blocks that others write */
	struct extents have;	/* gathered ones, and those that others write, included */
	bool clean;	/* outside of `have` the file holds zeros: what is zero needs no writing */
};
struct objects_rest {		/* a block that is full */
	struct objects_piece *p;
	uint8_t *block;
	uint64_t at;
	size_t len;
};

static void free_piece(struct objects_piece *p)
{
	if (p == NULL)
		return;
	digest_close(p->hash);
	file_close(&p->file);
	file_close(&p->dir);
	objects_block_done(p->o, p->block);
	extents_free(&p->have);
	pthread_cond_destroy(&p->rested);
	pthread_mutex_destroy(&p->lock);
	pthread_mutex_destroy(&p->writing);
	free(p);
}

/* Takes the running hash that an earlier piece of this run left, or NULL, out of the list: whoever opens the object may change what it
 * hashed, so that it is this opener's or nobody's any more. */
static struct digest_ctx *take_running(struct objects *o, const struct digest *d, uint64_t *hashed)
{
	struct digest_ctx *hash = NULL;

	pthread_mutex_lock(&o->lock);
	for (unsigned i = 0; i < OBJECTS_RUNNING; i++) {
		struct objects_running *r = &o->running[i];

		if (r->hash == NULL || !digest_equal(&r->digest, d))
			continue;
		hash = r->hash;
		*hashed = r->hashed;
		r->hash = NULL;
		break;
	}
	pthread_mutex_unlock(&o->lock);
	return hash;
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

/* The file, made when missing. A run that could not give it its final name left it read-only: it is the owner's to write again. */
static int open_staged(const struct objects_piece *p)
{
	const int how = O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
	int fd = openat(p->dir.fd, p->name, O_RDWR | O_CREAT | how, 0600), read_only;

	if (fd != -1 || errno != EACCES)
		return fd;
	read_only = openat(p->dir.fd, p->name, O_RDONLY | how);
	if (read_only == -1)
		return -1;
	if (fchmod(read_only, 0600) == 0)
		fd = openat(p->dir.fd, p->name, O_RDWR | how);
	close(read_only);
	return fd;
}

/* Opens or makes the file, and finds out what of it counts. */
static int open_file(struct objects_piece *p, struct err *e)
{
	uint64_t size = 0;
	struct stat st;
	int rc;

	p->hash = take_running(p->o, &p->digest, &p->hashed);
	rc = objects_map_load(&p->dir, p->map, p->name, &p->have, &size, e);

	if (rc == -1)
		return -1;
	p->file.fd = open_staged(p);
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
		p->mapped = true;
		p->clean = p->hash != NULL;
		return 0;
	}
	p->have.n = 0;
	digest_close(p->hash);	/* of what goes now */
	p->hash = NULL;
	p->hashed = 0;
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
	p->out = (struct bulk)BULK(&p->file);
	pthread_mutex_init(&p->writing, NULL);
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->rested, NULL);
	memcpy(objects_name(d, false, 0, p->map) + DIGEST_HEX, ".map", 5);
	objects_name(d, false, 0, p->name);
	if (file_make_dir_at(&o->store, OBJECTS_PIECES, 0700, e) == 0 &&
	    file_open_dir_at(&o->store, OBJECTS_PIECES, &p->dir, e) == 0 && open_file(p, e) == 0)
		return p;
	free_piece(p);
	return NULL;
}

/* What can't be written does not count; some of it may be there. */
static int write_block(struct objects_piece *p, const uint8_t *block, size_t len, uint64_t at, struct err *e)
{
	int rc;

	pthread_mutex_lock(&p->writing);
	rc = bulk_write(&p->out, block, len, at, e);
	pthread_mutex_unlock(&p->writing);
	if (rc == 0)
		return 0;
	pthread_mutex_lock(&p->lock);
	p->clean = false;
	if (extents_remove(&p->have, at, at + len, NULL) == -1)
		p->have.n = 0;
	pthread_mutex_unlock(&p->lock);
	return err_prefix(e, OBJECTS_PIECES);
}

/* What is gathered becomes a rest for who asked for one and has none yet, else it is written. */
static int put_out(struct objects_piece *p, struct objects_rest **rest, struct err *e)
{
	struct objects_rest *r = rest == NULL || *rest != NULL ? NULL : malloc(sizeof *r);
	size_t len = p->len;

	p->len = 0;
	if (r == NULL)
		return write_block(p, p->block, len, p->at, e);
	*r = (struct objects_rest){.p = p, .block = p->block, .at = p->at, .len = len};
	p->block = NULL;
	pthread_mutex_lock(&p->lock);
	p->resting++;
	pthread_mutex_unlock(&p->lock);
	*rest = r;
	return 0;
}

int objects_rest(struct objects_rest *r, struct err *e)
{
	struct objects_piece *p = r->p;
	int rc = write_block(p, r->block, r->len, r->at, e);

	objects_block_done(p->o, r->block);
	free(r);
	pthread_mutex_lock(&p->lock);
	p->resting--;
	pthread_cond_signal(&p->rested);
	pthread_mutex_unlock(&p->lock);
	return rc;
}

/* Where up to *n bytes for the offset `at` are gathered: up to a multiple of the block, so that after any start the next one is
 * aligned. NULL: what is gathered for elsewhere can't be written, or no memory. */
static uint8_t *room(struct objects_piece *p, uint64_t at, size_t *n, struct objects_rest **rest, struct err *e)
{
	size_t left = BULK_BLOCK - (size_t)(at % BULK_BLOCK);

	if (p->len > 0 && at != p->at + p->len && put_out(p, rest, e) == -1)
		return NULL;
	if (p->block == NULL)
		p->block = objects_block(p->o, e);
	if (p->len == 0)
		p->at = at;
	*n = *n < left ? *n : left;
	return p->block == NULL ? NULL : p->block + p->len;
}

static bool zeros(const uint8_t *data, size_t len)
{
	return data[0] == 0 && memcmp(data, data + 1, len - 1) == 0;
}

/* Takes n bytes in that stand where room() said. */
static int keep(struct objects_piece *p, const uint8_t *data, size_t n, uint64_t at, struct objects_rest **rest, struct err *e)
{
	bool none = zeros(data, n);
	int rc;

	if (p->hash != NULL && at == p->hashed) {
		digest_update(p->hash, data, n);
		p->hashed += n;
	}
	pthread_mutex_lock(&p->lock);
	none = none && p->clean && !extents_meet(&p->have, at, at + n);
	rc = extents_add(&p->have, at, at + n, e);
	pthread_mutex_unlock(&p->lock);
	if (rc == -1 || none)
		return rc;
	p->len += n;
	return (p->at + p->len) % BULK_BLOCK == 0 ? put_out(p, rest, e) : 0;
}

int objects_piece_write(struct objects_piece *p, uint64_t at, const void *data, size_t len, struct objects_rest **rest,
			struct err *e)
{
	const uint8_t *from = data;

	if (at > p->size || len > p->size - at)
		return err_set(e, R_OBJECT_DIGEST, "object %s: more than its %" PRIu64 " bytes", p->name, p->size);
	if (len > 0 && p->hash != NULL && at < p->hashed) {	/* bytes that were hashed are about to change */
		digest_close(p->hash);
		p->hash = NULL;
	}
	while (len > 0) {
		size_t n = len < NEAR ? len : NEAR;
		uint8_t *to = room(p, at, &n, rest, e);

		if (to == NULL)
			return -1;
		memcpy(to, from, n);
		if (keep(p, to, n, at, rest, e) == -1)
			return -1;
		from += n;
		at += n;
		len -= n;
	}
	return 0;
}

/* What can't be read again is missing; any other error stays one. */
static int lose(struct objects_piece *p, uint64_t from, uint64_t to, const struct err *why, struct err *e)
{
	if (why->reason == ERR_IO)
		return extents_remove(&p->have, from, to, e);
	*e = *why;
	return -1;
}

/* The digest of the whole: the running one, else the file is read. 1 where some of it can't be: that is missing again. */
static int whole_digest(struct objects_piece *p, struct digest *out, struct err *e)
{
	uint8_t *data = NULL;
	uint64_t lost = 0;
	char text[24];
	int rc = -1;

	if (p->hash != NULL && p->hashed == p->size)
		return digest_final(p->hash, out, e);
	digest_close(p->hash);
	p->clean = false;	/* what is hashed next is no running hash */
	p->hash = digest_open(e);
	data = malloc(STEP);
	if (p->hash == NULL || data == NULL) {
		err_mem(e);
		goto out;
	}
	for (uint64_t at = 0; at < p->size;) {
		size_t len = p->size - at < STEP ? (size_t)(p->size - at) : STEP;
		struct err why = {0};

		if (file_pread(&p->file, data, len, at, &why) == 0)
			digest_update(p->hash, data, len);
		else if (lose(p, at, at + len, &why, e) == 0)
			lost += len;
		else
			goto out;
		at += len;
	}
	rc = lost == 0 ? digest_final(p->hash, out, e) : 1;
	if (lost > 0)
		say_warn("%s/%s: %s of it can't be read again and is missing; the next receipt asks for it", p->dir.name, p->name,
			 num_format_size(lost, text));
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

/* What is there counts from now on. The map must not promise what a power loss takes away. */
static int keep_map(struct objects_piece *p, struct err *e)
{
	size_t extents = p->have.n;

	if (file_sync(&p->file, e) == -1 || objects_map_write(&p->dir, p->map, &p->have, p->size, e) == -1)
		return -1;
	if (p->clean && p->have.n == extents)	/* else bytes are there that the map does not tell of */
		suspend(p);
	return 0;
}

/* All of it is there: 1; 0 where it is not after all, or as a whole already; -1. */
static int finish(struct objects_piece *p, struct err *e)
{
	struct digest is;
	int rc = whole_digest(p, &is, e);

	if (rc != 0)
		return rc == 1 ? keep_map(p, e) : -1;
	if (!digest_equal(&is, &p->digest)) {
		err_set(e, R_OBJECT_DIGEST, "object %s: its bytes have another digest", p->name);
		drop(p, e);
		return -1;
	}
	/* what recovery finds torn under its final name it drops as a whole: what was durable before must not go with it */
	if (p->mapped && file_sync(&p->file, e) == -1)
		return -1;
	return commit(p, e);
}

/* Waits for those who write blocks, and writes what is gathered. */
static int write_all(struct objects_piece *p, struct err *e)
{
	int rc;

	pthread_mutex_lock(&p->lock);
	while (p->resting > 0)
		pthread_cond_wait(&p->rested, &p->lock);
	pthread_mutex_unlock(&p->lock);
	rc = p->len == 0 ? 0 : put_out(p, NULL, e);
	bulk_end(&p->out);
	return rc;
}

/* Zeros at the end may have been left out. After a failed write they count no longer: they may stand behind what is missing. */
static int set_size(struct objects_piece *p, struct err *e)
{
	uint64_t end = p->have.n == 0 ? 0 : p->have.list[p->have.n - 1].to;
	struct stat st;

	if (p->clean && ftruncate(p->file.fd, (off_t)end) == -1)
		return err_sys(e, "%s/%s: setting its size", p->dir.name, p->name);
	if (file_stat(&p->file, &st, e) == -1)
		return -1;
	return (uint64_t)st.st_size < end ? extents_remove(&p->have, (uint64_t)st.st_size, end, e) : 0;
}

int objects_piece_end(struct objects_piece *p, struct err *e)
{
	int written, rc = -1;

	if (p == NULL)
		return 0;
	written = write_all(p, e);
	if (set_size(p, e) == -1)
		goto out;
	if (extents_cover(&p->have, 0, p->size))	/* not where something could not be written */
		rc = finish(p, e);
	else
		rc = keep_map(p, e) == -1 ? -1 : written;
out:
	free_piece(p);
	return rc;
}

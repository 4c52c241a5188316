/*
 * Large objects into frames. plan | volumes, load, CROSSING | frame.
 * Refuses objects whose bytes are no longer the approved ones.
 */
#include "export/crossing.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "export/select.h"
#include "export/source.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "lib/timings.h"
#include "manifests/reason.h"

#include "lib/banned.h"

#define ANNOUNCED (1u << 20)	/* at once, and at least: the kernel cuts what is more than a disk takes in one piece */

struct crossing {		/* small: thousands may be under way, where many are carried in part */
	atomic_uint holders;
	uint32_t dealt;		/* parts; the dealing thread's */
	uint32_t done;		/* parts; under the lock */
	struct crossings *all;
	size_t object;
	struct file file;	/* under the lock until it is open */
	/* theirs who have the turn; `done` hands it on: */
	struct digest_ctx *hash;	/* from the first part to the last */
	uint64_t hashed;	/* bytes */
};

static const struct cargo_object *object_of(const struct crossing *c)
{
	return cargo_at(&c->all->selection->cargo, c->object);
}

struct crossing *crossing_new(struct crossings *all, size_t i, struct err *e)
{
	struct crossing *c = calloc(1, sizeof *c);

	if (!c) {
		err_mem(e);
		return NULL;
	}
	c->holders = 1;
	c->all = all;
	c->object = i;
	c->file = (struct file)FILE_CLOSED;
	return c;
}

struct crossing *crossing_hold(struct crossing *c)
{
	atomic_fetch_add(&c->holders, 1);
	return c;
}

void crossing_free(struct crossing *c)
{
	if (!c || atomic_fetch_sub(&c->holders, 1) > 1)
		return;
	file_close(&c->file);
	digest_close(c->hash);
	free(c);
}

struct crossing_part crossing_next(struct crossing *c, uint64_t from, uint32_t len, bool last)
{
	return (struct crossing_part){from, len, c->dealt++, last};
}

/* ---- reading ---- */

static int open_once(struct crossing *c, struct err *e)
{
	int rc = 0;

	pthread_mutex_lock(&c->all->lock);
	if (c->file.fd == -1) {
		rc = source_open(c->all->station, c->all->selection, c->object, &c->file, e);
		if (rc == 0 && object_of(c)->size >= ANNOUNCED)
			(void)posix_fadvise(c->file.fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	}
	pthread_mutex_unlock(&c->all->lock);
	return rc;
}

static int blame(const struct crossing *c, const char *text, struct err *e)
{
	return source_blame(c->all->station, c->all->selection, c->object, R_CONTENT_CHANGED, text, e);
}

static int read_at(const struct crossing *c, void *to, size_t len, uint64_t at, struct err *e)
{
	struct err why = {0};

	if (file_pread(&c->file, to, len, at, &why) == 0)
		return 0;
	if (why.reason == ERR_FORM)
		return blame(c, "is shorter than when it was approved", e);
	if (e->reason == ERR_NONE)
		*e = why;
	return -1;
}

int crossing_announce(struct crossing *c, const struct crossing_part *p, struct err *e)
{
	if (p->len < ANNOUNCED)
		return 0;
	if (open_once(c, e) == -1)
		return -1;
	for (uint32_t at = 0; at < p->len; at += ANNOUNCED)
		(void)posix_fadvise(c->file.fd, (off_t)(p->from + at), p->len - at < ANNOUNCED ? p->len - at : ANNOUNCED,
				    POSIX_FADV_WILLNEED);
	return 0;
}

int crossing_read(struct crossing *c, const struct crossing_part *p, void *to, struct err *e)
{
	return open_once(c, e) == -1 ? -1 : read_at(c, to, p->len, p->from, e);
}

/* ---- the digest ---- */

/* With the lock held: the error of whoever gave up. */
static int fail(const struct crossings *all, struct err *e)
{
	if (e->reason == ERR_NONE)
		*e = all->why;
	return -1;
}

static int go_on(struct crossings *all, struct err *e)
{
	int rc;

	pthread_mutex_lock(&all->lock);
	rc = all->given_up ? fail(all, e) : 0;
	pthread_mutex_unlock(&all->lock);
	return rc;
}

/* Up to `end`, which isn't carried; gigabytes, maybe. */
static int pass_over(struct crossing *c, uint64_t end, uint8_t *passing, struct err *e)
{
	while (c->hashed < end) {
		size_t n = end - c->hashed < CROSSING_STEP ? (size_t)(end - c->hashed) : CROSSING_STEP;

		if (go_on(c->all, e) == -1 || read_at(c, passing, n, c->hashed, e) == -1)
			return -1;
		digest_update(c->hash, passing, n);
		c->hashed += n;
	}
	return 0;
}

/* All of it came: the file is closed at once, not with the last holder, whose frame may be on its way for long. */
static int compare(struct crossing *c, struct err *e)
{
	struct digest d;
	int rc = digest_final(c->hash, &d, e);

	file_close(&c->file);
	digest_close(c->hash);
	c->hash = NULL;
	if (rc == -1 || digest_equal(&d, &object_of(c)->sha256))
		return rc;
	return blame(c, "its bytes are no longer the approved ones", e);
}

static int await_turn(struct crossing *c, uint32_t nth, const char *stage, struct err *e)
{
	struct crossings *all = c->all;
	uint64_t since = timings_now();
	int rc = 0;

	pthread_mutex_lock(&all->lock);
	while (c->done < nth && !all->given_up)
		pthread_cond_wait(&all->turn, &all->lock);
	if (c->done < nth)
		rc = fail(all, e);
	pthread_mutex_unlock(&all->lock);
	timings_paused(stage, since);
	return rc;
}

int crossing_hash(struct crossing *c, const struct crossing_part *p, const void *data, uint8_t *passing, const char *stage,
		  struct err *e)
{
	if (await_turn(c, p->nth, stage, e) == -1)
		return -1;
	if (!c->hash && !(c->hash = digest_open(e)))
		return -1;
	if (pass_over(c, p->from, passing, e) == -1)
		return -1;
	digest_update(c->hash, data, p->len);
	c->hashed = p->from + p->len;
	if (p->last && (pass_over(c, object_of(c)->size, passing, e) == -1 || compare(c, e) == -1))
		return -1;
	pthread_mutex_lock(&c->all->lock);
	c->done++;
	pthread_cond_broadcast(&c->all->turn);
	pthread_mutex_unlock(&c->all->lock);
	return 0;
}

void crossings_give_up(struct crossings *all, const struct err *why)
{
	pthread_mutex_lock(&all->lock);
	if (!all->given_up) {
		all->why = *why;
		if (why->reason == ERR_NONE)
			err_set(&all->why, ERR_INTERNAL, "a part of an object failed without saying why");
	}
	all->given_up = true;
	pthread_cond_broadcast(&all->turn);
	pthread_mutex_unlock(&all->lock);
}

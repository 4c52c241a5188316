/*
 * Large objects into frames. plan | volumes, load, CROSSING | frame.
 * Refuses objects whose bytes are no longer the approved ones.
 */
#include "export/crossing.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "export/select.h"
#include "export/source.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/timings.h"
#include "manifests/reason.h"

#include "lib/banned.h"

#define STEP (256u << 10)	/* of what is hashed and not carried: stays in the processor's cache */

struct crossing {
	atomic_uint holders;
	const struct station *station;
	const struct selection *selection;
	size_t object;
	uint64_t size;
	uint32_t dealt;		/* parts; the dealing thread's */
	pthread_mutex_t lock;
	pthread_cond_t turn;
	struct file file;	/* under the lock until it is open */
	uint32_t done;		/* parts; under the lock, as why */
	struct err why;		/* it was given up */
	/* of who has the turn: */
	struct digest_ctx *hash;
	uint64_t hashed;	/* bytes */
	uint8_t *passing;	/* STEP bytes of what is not carried */
};

struct crossing *crossing_new(const struct station *s, const struct selection *sel, size_t i, struct err *e)
{
	struct crossing *c = calloc(1, sizeof *c);

	if (!c) {
		err_mem(e);
		return NULL;
	}
	c->holders = 1;
	c->station = s;
	c->selection = sel;
	c->object = i;
	c->size = cargo_at(&sel->cargo, i)->size;
	c->file = (struct file)FILE_CLOSED;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->turn, NULL);
	c->hash = digest_open(e);
	if (c->hash)
		return c;
	crossing_free(c);
	return NULL;
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
	pthread_cond_destroy(&c->turn);
	pthread_mutex_destroy(&c->lock);
	free(c->passing);
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

	pthread_mutex_lock(&c->lock);
	if (c->file.fd == -1)
		rc = source_open(c->station, c->selection, c->object, &c->file, e);
	pthread_mutex_unlock(&c->lock);
	return rc;
}

static int blame(const struct crossing *c, const char *text, struct err *e)
{
	return source_blame(c->station, c->selection, c->object, R_CONTENT_CHANGED, text, e);
}

static int read_at(const struct crossing *c, void *to, size_t len, uint64_t at, struct err *e)
{
	struct err why = {0};

	if (file_pread(&c->file, to, len, at, &why) == 0)
		return 0;
	if (why.reason == ERR_FORM)
		return blame(c, "is shorter than when it was approved", e);
	*e = why;
	return -1;
}

int crossing_announce(struct crossing *c, const struct crossing_part *p, struct err *e)
{
	if (open_once(c, e) == -1)
		return -1;
	(void)posix_fadvise(c->file.fd, (off_t)p->from, p->len, POSIX_FADV_WILLNEED);
	return 0;
}

int crossing_read(struct crossing *c, const struct crossing_part *p, void *to, struct err *e)
{
	return open_once(c, e) == -1 ? -1 : read_at(c, to, p->len, p->from, e);
}

/* ---- the digest ---- */

/* Up to `end`, which isn't carried. */
static int pass_over(struct crossing *c, uint64_t end, struct err *e)
{
	if (c->hashed < end && !c->passing && !(c->passing = malloc(STEP)))
		return err_mem(e);
	while (c->hashed < end) {
		size_t n = end - c->hashed < STEP ? (size_t)(end - c->hashed) : STEP;

		if (read_at(c, c->passing, n, c->hashed, e) == -1)
			return -1;
		digest_update(c->hash, c->passing, n);
		c->hashed += n;
	}
	return 0;
}

static int compare(struct crossing *c, struct err *e)
{
	struct digest d;

	if (pass_over(c, c->size, e) == -1 || digest_final(c->hash, &d, e) == -1)
		return -1;
	file_close(&c->file);
	if (digest_equal(&d, &cargo_at(&c->selection->cargo, c->object)->sha256))
		return 0;
	return blame(c, "its bytes are no longer the approved ones", e);
}

static int await_turn(struct crossing *c, uint32_t nth, const char *stage, struct err *e)
{
	uint64_t since = timings_now();
	int rc = 0;

	pthread_mutex_lock(&c->lock);
	while (c->done < nth && c->why.reason == ERR_NONE)
		pthread_cond_wait(&c->turn, &c->lock);
	if (c->done < nth) {
		*e = c->why;
		rc = -1;
	}
	pthread_mutex_unlock(&c->lock);
	timings_paused(stage, since);
	return rc;
}

int crossing_hash(struct crossing *c, const struct crossing_part *p, const void *data, const char *stage, struct err *e)
{
	if (await_turn(c, p->nth, stage, e) == -1 || pass_over(c, p->from, e) == -1)
		return -1;
	digest_update(c->hash, data, p->len);
	c->hashed = p->from + p->len;
	if (p->last && compare(c, e) == -1)
		return -1;
	pthread_mutex_lock(&c->lock);
	c->done++;
	pthread_cond_broadcast(&c->turn);
	pthread_mutex_unlock(&c->lock);
	return 0;
}

void crossing_give_up(struct crossing *c, const struct err *why)
{
	pthread_mutex_lock(&c->lock);
	if (c->why.reason == ERR_NONE)
		c->why = *why;
	pthread_cond_broadcast(&c->turn);
	pthread_mutex_unlock(&c->lock);
}

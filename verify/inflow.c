/*
 * Frames on main's side: reader > INFLOW > audit, import's stage. Believes nothing of a frame but that it came: where
 * objects lie in it says the authenticated index, whether they are right is for the sink to find out.
 *
 * Each frame is one worker's. An object that reaches over several frames goes from worker to worker: who has its beginning
 * leaves it in a link, and who has the next frame takes it from there, after everything else in its own frame. Frames
 * are begun in order, so whoever is waited for is at work, and has waited only for earlier ones.
 */
#include "verify/inflow.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/pool.h"
#include "lib/timings.h"
#include "manifests/volume.h"
#include "verify/reader.h"
#include "verify/unpack.h"
#include "verify/window.h"

#include "lib/banned.h"

#define TEXT 1100

struct link {			/* between a frame and the next one, which an object crosses into; under inflow's lock */
	unsigned holders;
	size_t object, to;	/* the next frame */
	bool left;		/* by the earlier frame's worker */
	void *arriving;		/* the sink's; NULL: nothing of it came */
};
struct task {
	size_t frame;
	const uint8_t *tar;	/* NULL: released, or damaged */
	size_t len;
	unsigned slot;
	bool pieces;		/* there are some in this frame */
	struct link *in, *out;	/* NULL: no object crosses there */
	struct reader_damage damage;	/* text NULL: none */
	char text[TEXT];
};
struct inflow {
	const struct inflow_ask *ask;
	const struct inflow_sink *sink;
	struct pool *pool;
	pthread_mutex_t lock;
	pthread_cond_t left;
	struct link *last;	/* the caller's thread: out of the last frame */
	/* in order: */
	size_t piece;		/* that is arriving */
	void *arriving;		/* NULL: none is */
	struct reader_damage lost;	/* frames in a row, not told yet; frames 0: none */
	char why[TEXT];
};
struct span {			/* bytes of an object in the frame at hand */
	size_t object;
	uint64_t from;
	const uint8_t *data;
	size_t len;
};
struct worker {			/* a worker on its frame */
	struct inflow *in;
	struct task *task;
	struct span head;	/* of what comes from the frame before; len 0: nothing does */
};

/* ---- links ---- */

/* With the last holder; an object that stands in it still, since the next frame never came to a worker, is ended: 0 or -1. */
static int drop_link(struct inflow *in, struct link *l, struct err *e)
{
	int rc = 0;
	bool last;

	if (l == NULL)
		return 0;
	pthread_mutex_lock(&in->lock);
	last = --l->holders == 0;
	pthread_mutex_unlock(&in->lock);
	if (!last)
		return 0;
	if (l->arriving != NULL)
		rc = in->sink->end(l->arriving, e);
	free(l);
	return rc;
}

static void leave(struct inflow *in, struct link *l, void *arriving)
{
	pthread_mutex_lock(&in->lock);
	l->arriving = arriving;
	l->left = true;
	pthread_cond_broadcast(&in->left);
	pthread_mutex_unlock(&in->lock);
}

static void *await(struct inflow *in, struct link *l)
{
	uint64_t since = timings_now();
	void *arriving;

	pthread_mutex_lock(&in->lock);
	while (!l->left)
		pthread_cond_wait(&in->left, &in->lock);
	arriving = l->arriving;
	l->arriving = NULL;
	pthread_mutex_unlock(&in->lock);
	timings_paused(in->sink->working, since);
	return arriving;
}

/* Gives a new task its links, in order of frames. */
static int link_task(struct inflow *in, struct task *t, struct err *e)
{
	const struct volume *index = in->ask->index;
	size_t object = unpack_crossing(index, t->frame);
	struct link *last = in->last;

	in->last = NULL;
	if (last != NULL && last->to == t->frame)
		t->in = last;
	else if (drop_link(in, last, e) == -1)
		return -1;
	if (object == index->objects_n || !in->ask->want[object] || index->objects[object].has_piece)
		return 0;
	t->out = calloc(1, sizeof *t->out);
	if (t->out == NULL)
		return err_mem(e);
	*t->out = (struct link){.holders = 2, .object = object, .to = t->frame + 1};
	in->last = t->out;
	return 0;
}

/* ---- tasks ---- */

static void release(const struct inflow *in, struct task *t)
{
	if (t->tar != NULL)
		reader_release(in->ask->reader, t->slot);
	t->tar = NULL;
}

static void drop(void *arg, void *task)
{
	struct task *t = task;
	struct err ignore = {0};	/* there is one already */

	release(arg, t);
	drop_link(arg, t->in, &ignore);
	drop_link(arg, t->out, &ignore);
	free(t);
}

/* ---- the workers ---- */

/* Hands bytes on; begins the object where it wasn't. */
static int feed(struct inflow *in, const struct span *s, void **arriving, void **rest, struct err *e)
{
	if (*arriving == NULL && in->sink->begin(in->sink->arg, s->object, arriving, e) == -1)
		return -1;
	return in->sink->part(*arriving, s->from, s->data, s->len, rest, e);
}

/* What the sink left to be done, beside whoever has the object by now: rc, or -1. */
static int do_rest(const struct inflow *in, void *rest, int rc, struct err *e)
{
	struct err late = {0};

	return rest != NULL && in->sink->rest(rest, rc == 0 ? e : &late) == -1 ? -1 : rc;
}

/* Feeds what there is of an object that crosses, and ends it or leaves it to the next frame's worker. */
static int pass_on(struct worker *w, const struct span *s, void *arriving, struct err *e)
{
	struct inflow *in = w->in;
	struct link *out = w->task->out;
	bool goes_on = out != NULL && out->object == s->object;
	void *rest = NULL;
	int rc = s->len == 0 ? 0 : feed(in, s, &arriving, &rest, e);
	struct err late = {0};

	if (goes_on)
		leave(in, out, arriving);
	rc = do_rest(in, rest, rc, e);
	if (!goes_on && arriving != NULL && in->sink->end(arriving, rc == 0 ? e : &late) == -1)
		rc = -1;
	return rc;
}

static bool is_whole(const struct volume_object *o, size_t len)
{
	return !o->has_piece && len == o->size;
}

static int each_object(void *arg, size_t object, uint64_t from, const uint8_t *data, size_t len, struct err *e)
{
	struct worker *w = arg;
	const struct volume_object *o = &w->in->ask->index->objects[object];
	const struct span s = {object, from, data, len};

	if (o->has_piece) {
		w->task->pieces = true;
		return 0;
	}
	if (from > 0) {
		w->head = s;
		return 0;
	}
	if (!is_whole(o, len))
		return pass_on(w, &s, NULL, e);
	return w->in->sink->whole(w->in->sink->arg, object, data, len, e);
}

static int work(void *arg, void *task, void *state, struct err *e)
{
	struct inflow *in = arg;
	struct task *t = task;
	struct worker w = {.in = in, .task = t};
	int rc = 0;

	(void)state;
	if (t->tar != NULL)
		rc = unpack_each(in->ask->index, in->ask->want, t->frame, t->tar, t->len, each_object, &w, e);
	if (t->in != NULL)
		w.head.object = t->in->object;	/* also where all that this frame had of it is lost */
	if (rc == 0 && (t->in != NULL || w.head.len > 0))
		rc = pass_on(&w, &w.head, t->in == NULL ? NULL : await(in, t->in), e);
	if (t->out != NULL && !t->out->left)
		leave(in, t->out, NULL);	/* lost, or after an error: nobody shall wait for it */
	if (!t->pieces)
		release(in, t);
	return rc;
}

/* ---- in order ---- */

static int end_piece(struct inflow *in, struct err *e)
{
	void *arriving = in->arriving;

	in->arriving = NULL;
	return arriving == NULL ? 0 : in->sink->end(arriving, e);
}

static int each_piece(void *arg, size_t object, uint64_t from, const uint8_t *data, size_t len, struct err *e)
{
	struct inflow *in = arg;
	const struct volume_object *o = &in->ask->index->objects[object];
	void *rest = NULL;
	int rc;

	if (!o->has_piece)
		return 0;
	if (object != in->piece && end_piece(in, e) == -1)
		return -1;
	in->piece = object;
	rc = feed(in, &(struct span){object, from, data, len}, &in->arriving, &rest, e);
	if (do_rest(in, rest, rc, e) == -1)
		return -1;
	return from + len == o->length ? end_piece(in, e) : 0;
}

static int tell_lost(struct inflow *in, struct err *e)
{
	struct reader_damage lost = in->lost;

	in->lost.frames = 0;
	return lost.frames == 0 ? 0 : in->sink->damage(in->sink->arg, &lost, e);
}

static bool follows(const struct reader_damage *lost, const struct reader_damage *d)
{
	return lost->frames > 0 && lost->at + lost->size == d->at && lost->reason == d->reason && strcmp(lost->text, d->text) == 0;
}

/* Frames that follow each other and are lost for the same reason are told as one. */
static int lose(struct inflow *in, const struct reader_damage *d, struct err *e)
{
	if (follows(&in->lost, d)) {
		in->lost.frames += d->frames;
		in->lost.size += d->size;
		return 0;
	}
	if (tell_lost(in, e) == -1)
		return -1;
	in->lost = *d;
	memcpy(in->why, d->text, strlen(d->text) + 1);
	in->lost.text = in->why;
	return 0;
}

static int finish(void *arg, void *task, struct err *e)
{
	struct inflow *in = arg;
	struct task *t = task;

	if (t->damage.text != NULL)
		return lose(in, &t->damage, e);
	if (tell_lost(in, e) == -1)
		return -1;
	return t->pieces ? unpack_each(in->ask->index, in->ask->want, t->frame, t->tar, t->len, each_piece, in, e) : 0;
}

/* ---- the caller's thread ---- */

static int put_task(struct inflow *in, struct task *t, struct err *e)
{
	if (link_task(in, t, e) == 0)
		return pool_put(in->pool, t, e);
	drop(in, t);
	return -1;
}

/* reader_sink */
static int take_frame(void *arg, const struct reader_frame *f, struct err *e)
{
	struct inflow *in = arg;
	struct task *t = NULL;

	if (in->sink->go_on == NULL || in->sink->go_on(in->sink->arg, e) == 0) {
		t = calloc(1, sizeof *t);
		if (t == NULL)
			err_mem(e);
	}
	if (t == NULL) {
		reader_release(in->ask->reader, f->slot);
		return -1;
	}
	t->frame = f->frame;
	t->slot = f->slot;
	t->tar = f->tar;
	t->len = f->len;
	return put_task(in, t, e);
}

static int take_damage(void *arg, const struct reader_damage *d, struct err *e)
{
	struct inflow *in = arg;
	struct task *t = calloc(1, sizeof *t);
	size_t len = strlen(d->text);

	if (t == NULL)
		return err_mem(e);
	t->frame = d->frame;
	t->damage = *d;
	memcpy(t->text, d->text, len < TEXT ? len : TEXT - 1);
	t->damage.text = t->text;
	return put_task(in, t, e);
}

/* All threads end: 0 or -1. What is begun still is ended, what is lost told. */
static int close_all(struct inflow *in, struct err *e)
{
	int rc = pool_close(in->pool, e);
	struct err late = {0};

	if (tell_lost(in, rc == 0 ? e : &late) == -1)
		rc = -1;
	if (drop_link(in, in->last, rc == 0 ? e : &late) == -1)
		rc = -1;
	if (end_piece(in, rc == 0 ? e : &late) == -1)
		rc = -1;
	pthread_cond_destroy(&in->left);
	pthread_mutex_destroy(&in->lock);
	return rc;
}

int inflow_volume(const struct inflow_ask *ask, const struct inflow_sink *sink, struct err *e)
{
	const struct pool_ops ops = {.work = work, .finish = finish, .drop = drop,
				     .working = sink->working, .finishing = sink->finishing};
	struct inflow *in = calloc(1, sizeof *in);
	struct reader_sink frames = {in, take_frame, take_damage};
	struct err own = {0};
	int rc = -1;

	if (in == NULL)
		return err_mem(e);
	in->ask = ask;
	in->sink = sink;
	pthread_mutex_init(&in->lock, NULL);
	pthread_cond_init(&in->left, NULL);
	/* fewer under way than the window has slots: while the reader is waited for, it is never it that waits */
	in->pool = pool_open(&ops, in, ask->jobs, reader_window(ask->reader)->slots - 2, e);
	if (in->pool != NULL)
		rc = reader_volume(ask->reader, ask->bundle, ask->index, ask->want, &frames, e);
	if (close_all(in, &own) == -1) {
		*e = own;
		rc = -1;
	}
	free(in);
	return rc;
}

char *inflow_frames(const struct reader_damage *d, char out[INFLOW_FRAMES])
{
	unsigned long long at = d->at, size = d->size;

	if (d->frames == 1)
		snprintf(out, INFLOW_FRAMES, "frame %zu at %llu, %llu bytes", d->frame, at, size);
	else
		snprintf(out, INFLOW_FRAMES, "frames %zu to %zu at %llu, %llu bytes", d->frame, d->frame + d->frames - 1, at, size);
	return out;
}

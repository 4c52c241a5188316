/*
 * Frames on main's side: reader > INFLOW > audit, import's stage. Believes nothing of a frame but that it came: where
 * objects lie in it says the authenticated index, whether they are right is for the sink to find out.
 */
#include "verify/inflow.h"

#include <stdlib.h>
#include <string.h>

#include "lib/bulk.h"
#include "lib/err.h"
#include "lib/pool.h"
#include "manifests/volume.h"
#include "verify/reader.h"
#include "verify/unpack.h"
#include "verify/window.h"

#include "lib/banned.h"

#define CHUNK ((size_t)256 << 10)	/* of a part: copied and worked on in the second-level cache */
#define TEXT 1100

struct task {
	size_t frame;
	const uint8_t *tar;	/* NULL: released, or damaged */
	unsigned slot;
	bool parts;		/* there are some in this frame */
	struct reader_damage damage;	/* text NULL: none */
	char text[TEXT];
};
struct inflow {
	const struct inflow_ask *ask;
	const struct inflow_sink *sink;
	struct pool *pool;
	uint8_t chunk[CHUNK];	/* for parts */
};
struct room {			/* a worker's copy of an object */
	uint8_t *data;
	size_t size;
};
struct worker {			/* a worker on its frame */
	struct inflow *in;
	struct task *task;
	struct room *room;
};

static void release(const struct inflow *in, struct task *t)
{
	if (t->tar != NULL)
		reader_release(in->ask->reader, t->slot);
	t->tar = NULL;
}

static void *room_new(void *arg, struct err *e)
{
	(void)arg;
	(void)e;
	return calloc(1, sizeof(struct room));
}

static void room_free(void *arg, void *state)
{
	struct room *r = state;

	(void)arg;
	free(r->data);
	free(r);
}

static int make_room(struct room *r, size_t len, struct err *e)
{
	size_t size = r->size == 0 ? 4096 : r->size;
	uint8_t *data;

	while (size < len)
		size *= 2;
	if (size == r->size)
		return 0;
	data = bulk_alloc(size);	/* whole objects are written from there */
	if (data == NULL)
		return err_mem(e);
	free(r->data);
	r->data = data;
	r->size = size;
	return 0;
}

static bool is_whole(const struct volume_object *o, size_t len)
{
	return !o->has_piece && len == o->size;
}

static int each_whole(void *arg, size_t object, uint64_t from, const uint8_t *data, size_t len, struct err *e)
{
	struct worker *w = arg;

	(void)from;
	if (!is_whole(&w->in->ask->index->objects[object], len)) {
		w->task->parts = true;
		return 0;
	}
	if (make_room(w->room, len, e) == -1)
		return -1;
	if (len > 0)
		memcpy(w->room->data, data, len);
	return w->in->sink->whole(w->in->sink->arg, object, w->room->data, len, e);
}

static int work(void *arg, void *task, void *state, struct err *e)
{
	struct inflow *in = arg;
	struct task *t = task;
	struct worker w = {in, t, state};

	if (t->tar == NULL)
		return 0;
	if (unpack_each(in->ask->index, in->ask->want, t->frame, t->tar, each_whole, &w, e) == -1)
		return -1;
	if (!t->parts)
		release(in, t);
	return 0;
}

static int each_part(void *arg, size_t object, uint64_t from, const uint8_t *data, size_t len, struct err *e)
{
	struct inflow *in = arg;

	if (is_whole(&in->ask->index->objects[object], len))
		return 0;
	for (size_t at = 0; at < len; at += CHUNK) {
		size_t n = len - at < CHUNK ? len - at : CHUNK;

		memcpy(in->chunk, data + at, n);
		if (in->sink->part(in->sink->arg, object, from + at, in->chunk, n, e) == -1)
			return -1;
	}
	return 0;
}

static int finish(void *arg, void *task, struct err *e)
{
	struct inflow *in = arg;
	struct task *t = task;

	if (t->damage.text != NULL)
		return in->sink->damage(in->sink->arg, &t->damage, e);
	return t->parts ? unpack_each(in->ask->index, in->ask->want, t->frame, t->tar, each_part, in, e) : 0;
}

static void drop(void *arg, void *task)
{
	release(arg, task);
	free(task);
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
	return pool_put(in->pool, t, e);
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
	return pool_put(in->pool, t, e);
}

int inflow_volume(const struct inflow_ask *ask, const struct inflow_sink *sink, struct err *e)
{
	const struct pool_ops ops = {.work = work, .finish = finish, .drop = drop, .state_new = room_new, .state_free = room_free,
				     .working = sink->working, .finishing = sink->finishing};
	struct inflow *in = calloc(1, sizeof *in);
	struct reader_sink frames = {in, take_frame, take_damage};
	struct err own = {0};
	int rc = -1;

	if (in == NULL)
		return err_mem(e);
	in->ask = ask;
	in->sink = sink;
	/* fewer under way than the window has slots: while the reader is waited for, it is never it that waits */
	in->pool = pool_open(&ops, in, ask->jobs, reader_window(ask->reader)->slots - 2, e);
	if (in->pool != NULL) {
		rc = reader_volume(ask->reader, ask->bundle, ask->index, ask->want, &frames, e);
		if (pool_close(in->pool, &own) == -1) {
			*e = own;
			rc = -1;
		}
	}
	free(in);
	return rc;
}

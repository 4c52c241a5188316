/*
 * Writes the volumes of a bundle. plan | VOLUMES (tar, frame) | medium.
 * Refuses objects whose bytes are no longer the approved ones.
 */
#include "export/volumes.h"

#include <stdlib.h>
#include <string.h>

#include "export/building.h"
#include "export/crossing.h"
#include "export/frame.h"
#include "export/load.h"
#include "export/plan.h"
#include "export/select.h"
#include "export/settle.h"
#include "export/station.h"
#include "export/tar.h"
#include "lib/err.h"
#include "lib/pool.h"
#include "lib/progress.h"
#include "lib/slabs.h"
#include "manifests/limits.h"
#include "manifests/raw_frame.h"
#include "manifests/volume.h"

#include "lib/banned.h"

#define AHEAD 3	/* frames under way beside those that are worked on */
#define WRITTEN 6	/* frames that are being written or wait for it: as much as is made while EARLY bytes are synced */
#define EARLY (32u << 20)	/* so much was written and not synced: a pause is used to sync it */
#define MAKING "frames: reading, compressing"

struct task {
	struct building *volume;	/* held */
	struct load load;	/* what the worker reads into it */
	uint8_t *slab;
	size_t holds;	/* bytes of tar in it, until it becomes the frame's */
	struct frame frame;
	struct digest sha256;
	bool last;	/* of its volume */
};
struct writer {
	const struct volumes_job *job;
	struct slabs slabs;
	struct crossings crossings;
	struct settle *settle;
	struct pool *medium, *pool;	/* frames are made in `pool` and written by `medium` */
	uint64_t unsynced;	/* the writing side: bytes of the volume */
	/* the dealing side: */
	struct building *volume;
	struct tar *tar;
	struct task *filling;
	struct crossing *crossing;	/* the object that is being dealt out, across volumes */
};

/* ---- the workers ---- */

struct worker {
	struct loader *loader;
	struct digest_ctx *hash;
	uint8_t *spare;	/* which the compressed frame takes the place of its tar bytes in */
};

static void free_worker(void *arg, void *state)
{
	struct writer *w = arg;
	struct worker *x = state;

	loader_close(x->loader);
	digest_close(x->hash);
	slabs_give(&w->slabs, x->spare);
	free(x);
}

static void *new_worker(void *arg, struct err *e)
{
	struct writer *w = arg;
	struct worker *x = calloc(1, sizeof *x);

	if (!x) {
		err_mem(e);
		return NULL;
	}
	x->spare = slabs_take(&w->slabs, e);
	x->hash = x->spare ? digest_open(e) : NULL;
	x->loader = x->hash ? loader_open(w->job->station, w->job->selection, e) : NULL;
	if (x->loader)
		return x;
	free_worker(w, x);
	return NULL;
}

/* The tar bytes stay where they are; the frame has them, or the bytes in x->spare: 0, 1 or -1 as frame_compress. */
static int compress(const struct writer *w, struct task *t, struct worker *x, struct err *e)
{
	size_t size = raw_frame_size(t->holds);
	int rc = frame_compress(t->slab, t->holds, w->job->level, x->spare, &size, e);

	if (rc == -1)
		return -1;
	t->frame = (struct frame){rc == 0 ? x->spare : t->slab, size, t->holds, rc == 1};
	frame_hash(&t->frame, x->hash);
	return digest_final(x->hash, &t->sha256, e) == -1 ? -1 : rc;
}

static int make_frame(void *arg, void *task, void *state, struct err *e)
{
	struct writer *w = arg;
	struct task *t = task;
	struct worker *x = state;
	uint8_t *tar = t->slab;
	int rc = loader_run(x->loader, &t->load, tar, e);

	if (rc == 0)
		rc = compress(w, t, x, e);
	if (rc == 0) {
		t->slab = x->spare;
		x->spare = tar;
	}
	/*
	 * Last, where it is likely that nobody is waited for any more. Nobody is for ever: frames are begun in order (lib/pool.h), so
	 * whoever has an earlier part is at work, and gives up where it fails.
	 */
	if (rc != -1)
		rc = loader_follow(x->loader, &t->load, tar, MAKING, e);
	if (rc == -1)
		crossings_give_up(&w->crossings, e);
	return rc;
}

static void drop_task(void *arg, void *task)
{
	struct writer *w = arg;
	struct task *t = task;

	slabs_give(&w->slabs, t->slab);
	load_free(&t->load);
	building_free(t->volume);
	free(t);
}

/* In order: the volume's digest, which takes as long as writing, and so is not left to the thread that writes. */
static int add_frame(void *arg, void *task, struct err *e)
{
	struct writer *w = arg;
	struct task *t = task, *next = malloc(sizeof *next);

	if (!next)
		return err_mem(e);
	building_add_frame(t->volume, &t->frame, &t->sha256);
	*next = *t;
	*t = (struct task){0};
	return pool_put(w->medium, next, e);
}

static const struct pool_ops making = {.work = make_frame, .finish = add_frame, .drop = drop_task, .state_new = new_worker,
				       .state_free = free_worker, .putting = "dealing out", .working = MAKING,
				       .finishing = "volumes: digest"};

/* ---- the writing side: one worker, so frames come in order ---- */

/*
 * A device with a cache of its own takes no writes while it empties that: at a volume's end everybody would wait for all of it. So
 * whoever writes syncs when there is nothing to write: then the processors are what is slow. A device that is slow has no pause.
 */
static int sync_early(struct writer *w, struct task *t, struct err *e)
{
	w->unsynced += t->frame.size;
	if (w->unsynced < EARLY || !pool_idle(w->medium))
		return 0;
	w->unsynced = 0;
	return building_sync_early(t->volume, e);
}

static int write_frame(void *arg, void *task, void *state, struct err *e)
{
	struct writer *w = arg;
	struct task *t = task;

	(void)state;
	if (building_write(t->volume, &t->frame, e) == -1)
		return -1;
	progress_add(t->load.bytes);
	if (!t->last)
		return sync_early(w, t, e);
	w->unsynced = 0;
	return settle_put(w->settle, building_hold(t->volume), e);
}

static const struct pool_ops writing = {.work = write_frame, .drop = drop_task, .working = "writing volumes"};

/* ---- the dealing side ---- */

static int new_frame(struct writer *w, struct err *e)
{
	w->filling = calloc(1, sizeof *w->filling);
	if (!w->filling)
		return err_mem(e);
	w->filling->volume = building_hold(w->volume);
	w->filling->slab = slabs_take(&w->slabs, e);
	return w->filling->slab ? 0 : -1;
}

static int send_frame(struct writer *w, struct err *e)
{
	struct task *t = w->filling;

	w->filling = NULL;
	return pool_put(w->pool, t, e);
}

/* The frame that takes the next byte of tar. A full one goes on its way when more comes, so that the last is known as such. */
static int make_room(struct writer *w, struct err *e)
{
	if (w->filling && w->filling->holds == FRAME_SIZE && send_frame(w, e) == -1)
		return -1;
	return w->filling ? 0 : new_frame(w, e);
}

/* Takes the tar stream. Data have their place already, where they will be read to. */
static int fill(void *arg, const void *data, size_t len, struct err *e)
{
	struct writer *w = arg;
	const uint8_t *p = data;

	while (len > 0) {
		uint8_t *to;
		size_t n;

		if (make_room(w, e) == -1)
			return -1;
		to = w->filling->slab + w->filling->holds;
		n = FRAME_SIZE - w->filling->holds;
		n = n < len ? n : len;
		if (p != to)
			memcpy(to, p, n);
		w->filling->holds += n;
		p += n;
		len -= n;
	}
	return 0;
}

static int close_volume(struct writer *w, struct err *e)
{
	struct tar *t = w->tar;

	w->tar = NULL;
	if (!t)
		return 0;
	if (tar_close(t, e) == -1)
		return -1;
	w->filling->last = true;
	building_free(w->volume);
	w->volume = NULL;
	return send_frame(w, e);
}

static int open_volume(struct writer *w, uint64_t volume, struct err *e)
{
	if (close_volume(w, e) == -1)
		return -1;
	w->volume = building_new(w->job->medium, w->job->station->config.stream, w->job->sequence, volume, w->job->digests, e);
	if (!w->volume)
		return -1;
	w->tar = tar_open(fill, w, e);
	return w->tar ? 0 : -1;
}

/* Makes room for bytes from..to of the crossing in as many frames as that takes. tar is told that they were there already. */
static int deal_out(struct writer *w, uint64_t from, uint64_t to, bool last, struct err *e)
{
	while (from < to) {
		struct task *t;
		struct crossing_part p;
		size_t len;

		if (make_room(w, e) == -1)
			return -1;
		t = w->filling;
		len = FRAME_SIZE - t->holds;
		if (len > to - from)
			len = (size_t)(to - from);
		p = crossing_next(w->crossing, from, (uint32_t)len, last && from + len == to);
		if (load_add_part(&t->load, w->crossing, &p, t->holds, e) == -1 ||
		    crossing_announce(w->crossing, &p, e) == -1 ||
		    tar_data(w->tar, t->slab + t->holds, len, e) == -1)
			return -1;
		from += len;
	}
	return 0;
}

static int cross(struct writer *w, const struct plan_entry *x, const struct volume_object *v, struct err *e)
{
	if (x->first) {
		w->crossing = crossing_new(&w->crossings, x->object, e);
		if (!w->crossing)
			return -1;
	}
	if (tar_begin(w->tar, v, e) == -1 || deal_out(w, x->from, x->from + x->length, x->last, e) == -1 || tar_end(w->tar, e) == -1)
		return -1;
	if (x->last) {
		crossing_free(w->crossing);
		w->crossing = NULL;
	}
	return 0;
}

/* An object that stands whole within the frame is left to the worker that gets it: 1; else 0, or -1. */
static int leave(struct writer *w, const struct plan_entry *x, const struct cargo_object *o, struct err *e)
{
	uint64_t span = volume_entry_span(o->size);

	if (x->piece || make_room(w, e) == -1)
		return x->piece ? 0 : -1;
	if (span > FRAME_SIZE - w->filling->holds)
		return 0;
	if (load_add(&w->filling->load, x->object, o->size, w->filling->holds, e) == -1)
		return -1;
	w->filling->holds += (size_t)span;
	return 1;
}

static int carry(struct writer *w, const struct plan_entry *x, struct err *e)
{
	const struct cargo_object *o = cargo_at(&w->job->selection->cargo, x->object);
	struct volume_object *v;
	int left;

	if ((!w->volume || w->volume->index.volume != x->volume) && open_volume(w, x->volume, e) == -1)
		return -1;
	v = building_add_object(w->volume, e);
	if (!v)
		return -1;
	v->sha256 = o->sha256;
	v->size = o->size;
	v->at = x->at;
	if (x->piece) {
		v->has_piece = v->has_length = true;
		v->from = x->from;
		v->length = x->length;
	}
	left = leave(w, x, o, e);
	return left == 0 ? cross(w, x, v, e) : left == 1 ? 0 : -1;
}

static int carry_all(struct writer *w, struct err *e)
{
	struct plan p;
	struct plan_entry x;

	plan_start(&p, &w->job->selection->cargo, w->job->volume_size);
	while (plan_next(&p, &x))
		if (carry(w, &x, e) == -1)
			return -1;
	return close_volume(w, e);
}

/* The first error is the one that is told. */
static int ended(int last, const struct err *why, int rc, struct err *e)
{
	if (last == -1 && e->reason == ERR_NONE)
		*e = *why;
	return last == -1 ? -1 : rc;
}

int volumes_write(const struct volumes_job *j, struct volumes *out, struct err *e)
{
	struct writer w = {.job = j, .slabs = SLABS(MAX_FRAME_STORED), .crossings = CROSSINGS(j->station, j->selection)};
	struct err why = {0};
	int rc = -1;

	w.settle = settle_open(j, out, e);
	w.medium = w.settle ? pool_open(&writing, &w, 1, WRITTEN, e) : NULL;
	w.pool = w.medium ? pool_open(&making, &w, j->jobs, j->jobs + AHEAD, e) : NULL;
	if (!w.pool)
		goto out;
	progress_phase("packing", j->selection->cargo.bytes, 1);
	rc = carry_all(&w, e);
out:
	/* each hands on to the next */
	rc = ended(pool_close(w.pool, &why), &why, rc, e);
	rc = ended(pool_close(w.medium, &why), &why, rc, e);
	progress_end();
	rc = ended(settle_close(w.settle, rc == -1, &why), &why, rc, e);
	tar_abort(w.tar);
	if (w.filling)
		drop_task(&w, w.filling);
	building_free(w.volume);
	crossing_free(w.crossing);
	slabs_free(&w.slabs);
	return rc;
}

void volumes_free(struct volumes *v)
{
	free(v->list);
	*v = (struct volumes){0};
}

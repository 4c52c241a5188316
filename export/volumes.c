/*
 * Writes the volumes of a bundle. plan | VOLUMES (tar, frame) | medium.
 * Refuses objects whose bytes are no longer the approved ones.
 */
#include "export/volumes.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "export/building.h"
#include "export/frame.h"
#include "export/load.h"
#include "export/plan.h"
#include "export/select.h"
#include "export/settle.h"
#include "export/source.h"
#include "export/station.h"
#include "export/tar.h"
#include "lib/err.h"
#include "lib/pool.h"
#include "lib/progress.h"
#include "lib/slabs.h"
#include "manifests/limits.h"
#include "manifests/reason.h"
#include "manifests/volume.h"

#include "lib/banned.h"

#define READ_SIZE (256u << 10)	/* stays in the processor's cache between reading and hashing */
#define AHEAD 3	/* frames under way beside those that are worked on */
#define WRITTEN 2	/* frames that are being written or wait for it */
#define LARGE (1u << 20)	/* from here on telling the kernel what we are up to pays */

struct task {
	struct building *volume;	/* held */
	struct load load;	/* objects that the worker reads; the others stand there */
	uint8_t *slab;
	size_t holds;	/* bytes of tar in it, until it becomes the frame's */
	struct frame frame;
	struct digest sha256;
	bool last;	/* of its volume */
};
struct writer {
	const struct volumes_job *job;
	struct slabs slabs;
	struct settle *settle;
	struct pool *medium, *pool;	/* frames are made in `pool` and written by `medium` */
	/* the reading side: */
	struct building *volume;
	struct tar *tar;
	struct task *filling;
	struct file source;	/* the object being read, across volumes */
	uint64_t at;		/* bytes of it that were read */
	struct digest_ctx *hash;
	uint8_t *buffer;	/* for what is hashed and not carried */
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

static int make_frame(void *arg, void *task, void *state, struct err *e)
{
	const struct writer *w = arg;
	struct task *t = task;
	struct worker *x = state;
	uint8_t *tar = t->slab;
	size_t size;
	int rc;

	if (loader_run(x->loader, &t->load, tar, e) == -1)
		return -1;
	rc = frame_compress(tar, t->holds, w->job->level, x->spare, &size, e);
	if (rc == -1)
		return -1;
	if (rc == 0) {
		t->slab = x->spare;
		x->spare = tar;
	}
	t->frame = (struct frame){t->slab, rc == 0 ? size : frame_raw_size(t->holds), t->holds, rc == 1};
	frame_hash(&t->frame, x->hash);
	return digest_final(x->hash, &t->sha256, e);
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
				       .state_free = free_worker, .putting = "dealing out, large objects",
				       .working = "frames: digest, compressing", .finishing = "volumes: digest"};

/* ---- the writing side: one worker, so frames come in order ---- */

static int write_frame(void *arg, void *task, void *state, struct err *e)
{
	struct writer *w = arg;
	struct task *t = task;

	(void)state;
	if (building_write(t->volume, &t->frame, e) == -1)
		return -1;
	progress_add(t->load.bytes);
	return t->last ? settle_put(w->settle, building_hold(t->volume), e) : 0;
}

static const struct pool_ops writing = {.work = write_frame, .drop = drop_task, .working = "writing volumes"};

/* ---- the reading side ---- */

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

/* Takes the tar stream. Data were read to their place already. */
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

/* Reads and hashes the object from where we are up to `end`; what is carried, straight to its place in the tar. */
static int read_bytes(struct writer *w, const struct plan_entry *x, uint64_t end, bool carried, struct err *e)
{
	while (w->at < end) {
		size_t want = end - w->at < READ_SIZE ? (size_t)(end - w->at) : READ_SIZE;
		uint8_t *to = w->buffer;
		int64_t n;

		if (carried && make_room(w, e) == -1)
			return -1;
		if (carried) {
			to = w->filling->slab + w->filling->holds;
			want = want < FRAME_SIZE - w->filling->holds ? want : FRAME_SIZE - w->filling->holds;
		}
		n = file_read(&w->source, to, want, e);
		if (n == -1)
			return -1;
		if (n == 0)
			return source_blame(w->job->station, w->job->selection, x->object, R_CONTENT_CHANGED,
					    "is shorter than when it was approved", e);
		digest_update(w->hash, to, (size_t)n);
		if (carried && tar_data(w->tar, to, (size_t)n, e) == -1)
			return -1;
		if (carried)
			progress_add((uint64_t)n);
		w->at += (uint64_t)n;
	}
	return 0;
}

static int begin_object(struct writer *w, const struct plan_entry *x, const struct cargo_object *o, struct err *e)
{
	if (x->first) {	/* else it is open since its first piece */
		w->at = 0;
		if (source_open(w->job->station, w->job->selection, x->object, &w->source, e) == -1)
			return -1;
		if (o->size >= LARGE)
			(void)posix_fadvise(w->source.fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	}
	return read_bytes(w, x, x->from, false, e);
}

/* All of it is compared with the approved digest, also where only parts are carried. */
static int end_object(struct writer *w, const struct plan_entry *x, const struct cargo_object *o, struct err *e)
{
	struct digest d;

	if (!x->last)
		return 0;
	if (read_bytes(w, x, o->size, false, e) == -1)
		return -1;
	file_close(&w->source);
	if (digest_final(w->hash, &d, e) == -1)
		return -1;
	if (digest_equal(&d, &o->sha256))
		return 0;
	return source_blame(w->job->station, w->job->selection, x->object, R_CONTENT_CHANGED,
			    "its bytes are no longer the approved ones", e);
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
	if (left != 0)
		return left == 1 ? 0 : -1;
	if (begin_object(w, x, o, e) == -1 || tar_begin(w->tar, v, e) == -1 ||
	    read_bytes(w, x, x->from + x->length, true, e) == -1 || tar_end(w->tar, e) == -1)
		return -1;
	return end_object(w, x, o, e);
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
	struct writer w = {.job = j, .slabs = SLABS(MAX_FRAME_STORED), .source = FILE_CLOSED};
	struct err why = {0};
	int rc = -1;

	w.hash = digest_open(e);
	w.buffer = malloc(READ_SIZE);
	if (!w.hash || !w.buffer) {
		err_mem(e);
		goto out;
	}
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
	file_close(&w.source);
	digest_close(w.hash);
	free(w.buffer);
	slabs_free(&w.slabs);
	return rc;
}

void volumes_free(struct volumes *v)
{
	free(v->list);
	*v = (struct volumes){0};
}

/*
 * Writes the volumes of a bundle. plan | VOLUMES (tar, frame) | medium.
 * Refuses objects whose bytes are no longer the approved ones.
 */
#include "export/volumes.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "export/frame.h"
#include "export/load.h"
#include "export/medium.h"
#include "export/plan.h"
#include "export/select.h"
#include "export/slabs.h"
#include "export/source.h"
#include "export/station.h"
#include "export/tar.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/outfile.h"
#include "lib/pool.h"
#include "lib/progress.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"
#include "manifests/volume.h"

#include "lib/banned.h"

#define READ_SIZE (256u << 10)	/* stays in the processor's cache between reading and hashing */
#define AHEAD 3	/* frames under way beside those that are worked on */
#define LARGE (1u << 20)	/* from here on telling the kernel what we are up to pays */

/* A volume on its way: the reading side adds objects, the writing side frames. */
struct building {
	struct volume index;
	size_t objects_cap;
	struct medium_file file;
	bool created;
	struct digest_ctx *hash;	/* of the whole file; NULL without digests */
};
struct task {
	struct building *volume;
	struct load load;	/* objects that the worker reads; the others stand there */
	uint8_t *slab;
	size_t holds, size;	/* bytes of tar; bytes of the frame */
	struct digest sha256;
	bool last;	/* of its volume */
};
struct writer {
	const struct volumes_job *job;
	struct volumes *out;
	struct slabs slabs;
	struct pool *pool;
	/* the reading side: */
	struct building *volume;
	struct tar *tar;
	struct task *filling;
	struct file source;	/* the object being read, across volumes */
	uint64_t at;		/* bytes of it that were read */
	struct digest_ctx *hash;
	uint8_t *buffer;	/* for what is hashed and not carried */
};

static void free_building(struct building *b)
{
	if (!b)
		return;
	medium_abort(&b->file);
	digest_close(b->hash);
	free(b->index.frames);
	free(b->index.objects);
	free(b);
}

static struct building *new_building(struct writer *w, uint64_t volume, struct err *e)
{
	struct building *b = calloc(1, sizeof *b);

	if (!b) {
		err_mem(e);
		return NULL;
	}
	b->file = (struct medium_file)MEDIUM_FILE_CLOSED;
	b->index.stream = w->job->station->config.stream;
	b->index.sequence = w->job->sequence;
	b->index.volume = volume;
	b->index.frames = calloc(MAX_VOLUME_FRAMES, sizeof *b->index.frames);
	if (!b->index.frames)
		err_mem(e);
	else if (!w->job->digests || (b->hash = digest_open(e)))
		return b;
	free_building(b);
	return NULL;
}

/* ---- the workers ---- */

struct worker {
	struct loader *loader;
	uint8_t *spare;	/* which the compressed frame takes the place of its tar bytes in */
};

static void free_worker(void *arg, void *state)
{
	struct writer *w = arg;
	struct worker *x = state;

	loader_close(x->loader);
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
	x->loader = x->spare ? loader_open(w->job->station, w->job->selection, e) : NULL;
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
	int rc;

	if (loader_run(x->loader, &t->load, tar, e) == -1)
		return -1;
	rc = frame_compress(tar, t->holds, w->job->level, x->spare, &t->size, e);
	if (rc == -1)
		return -1;
	if (rc == 0) {
		t->slab = x->spare;
		x->spare = tar;
	} else {
		t->size = frame_store(tar, t->holds);
	}
	return digest_of(t->slab, t->size, &t->sha256, e);
}

/* ---- the writing side ---- */

static int put_index(struct writer *w, struct building *b, struct volumes_one *one, struct err *e)
{
	char name[32];
	struct buf bytes = {0};
	int rc = -1;

	names_volume_index(b->index.volume, name);
	if (schema_encode(&volume_schema, &b->index, &bytes, e) == -1 || buf_ok(&bytes, e) == -1) {
		err_prefix(e, "%s", name);
		goto out;
	}
	one->index_size = bytes.len;
	if (digest_of(bytes.data, bytes.len, &one->index_sha256, e) == -1 ||
	    outfile_put(w->job->copies, name, 0644, bytes.data, bytes.len, e) == -1 ||
	    medium_put(w->job->medium, name, bytes.data, bytes.len, e) == -1)
		goto out;
	rc = 0;
out:
	buf_free(&bytes);
	return rc;
}

static int end_volume(struct writer *w, struct building *b, struct err *e)
{
	struct volumes *v = w->out;
	struct volumes_one *list = realloc(v->list, (v->n + 1) * sizeof *list);
	struct volumes_one *one;

	if (!list)
		return err_mem(e);
	v->list = list;
	one = &list[v->n];
	*one = (struct volumes_one){.size = volume_file_size(&b->index), .has_sha256 = w->job->digests};
	if (b->hash && digest_final(b->hash, &one->sha256, e) == -1)
		return -1;
	if (medium_finish(&b->file, e) == -1 || put_index(w, b, one, e) == -1)
		return -1;
	v->n++;
	v->stored += one->size;
	return 0;
}

static int write_frame(void *arg, void *task, struct err *e)
{
	struct writer *w = arg;
	struct task *t = task;
	struct building *b = t->volume;
	struct volume_frame *f = &b->index.frames[b->index.frames_n];
	char name[32];

	if (!b->created && medium_create(w->job->medium, names_volume(b->index.volume, name), &b->file, e) == -1)
		return -1;
	b->created = true;
	f->at = b->file.at;
	f->size = t->size;
	f->holds = t->holds;
	f->sha256 = t->sha256;
	b->index.frames_n++;
	if (b->hash)
		digest_update(b->hash, t->slab, t->size);
	if (medium_write(&b->file, t->slab, t->size, e) == -1)
		return -1;
	progress_add(t->load.bytes);
	return t->last ? end_volume(w, b, e) : 0;
}

static void drop_task(void *arg, void *task)
{
	struct writer *w = arg;
	struct task *t = task;

	slabs_give(&w->slabs, t->slab);
	load_free(&t->load);
	if (t->last)
		free_building(t->volume);
	free(t);
}

static const struct pool_ops ops = {.work = make_frame, .finish = write_frame, .drop = drop_task, .state_new = new_worker,
				    .state_free = free_worker};

/* ---- the reading side ---- */

static int new_frame(struct writer *w, struct err *e)
{
	w->filling = calloc(1, sizeof *w->filling);
	if (!w->filling)
		return err_mem(e);
	w->filling->volume = w->volume;
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
	w->filling->last = true;	/* the task frees the volume from now on */
	w->volume = NULL;
	return send_frame(w, e);
}

static int open_volume(struct writer *w, uint64_t volume, struct err *e)
{
	if (close_volume(w, e) == -1)
		return -1;
	w->volume = new_building(w, volume, e);
	if (!w->volume)
		return -1;
	w->tar = tar_open(fill, w, e);
	return w->tar ? 0 : -1;
}

static struct volume_object *add_object(struct building *b, struct err *e)
{
	if (b->index.objects_n == b->objects_cap) {
		size_t cap = b->objects_cap ? 2 * b->objects_cap : 256;
		struct volume_object *more = realloc(b->index.objects, cap * sizeof *more);

		if (!more) {
			err_mem(e);
			return NULL;
		}
		b->index.objects = more;
		b->objects_cap = cap;
	}
	memset(&b->index.objects[b->index.objects_n], 0, sizeof(struct volume_object));
	return &b->index.objects[b->index.objects_n++];
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
	v = add_object(w->volume, e);
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

int volumes_write(const struct volumes_job *j, struct volumes *out, struct err *e)
{
	struct writer w = {.job = j, .out = out, .slabs = SLABS_EMPTY, .source = FILE_CLOSED};
	struct err ended = {0};
	int rc = -1;

	w.hash = digest_open(e);
	w.buffer = malloc(READ_SIZE);
	if (!w.hash || !w.buffer) {
		err_mem(e);
		goto out;
	}
	w.pool = pool_open(&ops, &w, j->jobs, j->jobs + AHEAD, e);
	if (!w.pool)
		goto out;
	progress_phase("packing", j->selection->cargo.bytes, 1);
	rc = carry_all(&w, e);
	if (pool_close(w.pool, &ended) == -1) {
		rc = -1;
		if (e->reason == ERR_NONE)
			*e = ended;
	}
	progress_end();
out:
	tar_abort(w.tar);
	if (w.filling)
		drop_task(&w, w.filling);
	free_building(w.volume);
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

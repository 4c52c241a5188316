/*
 * Frames in flight (verify/frames.h). One thread reads them in order of the file, workers judge and unpack them, and what
 * came of them is passed on in order. A frame that can't be read or has another digest is damage and the next one
 * follows; one that is right but not well-formed ends everything, after the good ones before it were passed on.
 */
#include "verify/frames.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/file.h"
#include "lib/pool.h"
#include "manifests/limits.h"
#include "manifests/reason.h"
#include "manifests/volume.h"
#include "verify/unframe.h"
#include "verify/unpack.h"
#include "verify/wire.h"

#include "lib/banned.h"

/* A frame under way. Its buffers are used again for later ones: fresh pages cost more than hashing them. */
struct task {
	struct task *next;
	size_t frame;
	struct err err;		/* damage, or what the signer lied about */
	uint8_t *stored, *tar;
};
struct flight {
	struct wire *wire;
	const struct file *file;
	const struct volume *index;
	const bool *want;
	bool cut_off;		/* the file is shorter than its frames */
	pthread_mutex_t lock;
	struct task *spare;
};

static void task_free(struct task *t)
{
	if (t == NULL)
		return;
	free(t->stored);
	free(t->tar);
	free(t);
}

static struct task *task_new(struct flight *f, size_t frame, struct err *e)
{
	struct task *t;

	pthread_mutex_lock(&f->lock);
	t = f->spare;
	if (t != NULL)
		f->spare = t->next;
	pthread_mutex_unlock(&f->lock);
	if (t == NULL) {
		t = calloc(1, sizeof *t);
		if (t != NULL) {
			t->stored = malloc(MAX_FRAME_STORED);
			t->tar = malloc(FRAME_SIZE);
		}
		if (t == NULL || t->stored == NULL || t->tar == NULL) {
			task_free(t);
			err_mem(e);
			return NULL;
		}
	}
	t->frame = frame;
	err_clear(&t->err);
	return t;
}

static void drop(void *arg, void *task)
{
	struct flight *f = arg;
	struct task *t = task;

	pthread_mutex_lock(&f->lock);
	t->next = f->spare;
	f->spare = t;
	pthread_mutex_unlock(&f->lock);
}

static void *state_new(void *arg, struct err *e)
{
	(void)arg;
	return unframe_open(e);
}

static void state_free(void *arg, void *state)
{
	(void)arg;
	unframe_close(state);
}

/* Reads a frame's stored bytes, once. What goes wrong is its damage. */
static void fetch(struct flight *f, struct task *t)
{
	const struct volume_frame *frame = &f->index->frames[t->frame];
	struct err cause = {0};

	if (f->file->fd == -1) {
		f->cut_off = true;
		err_set(&t->err, R_MEDIUM_READ, "the file is not there");
	} else if (file_pread(f->file, t->stored, frame->size, frame->at, &cause) == -1) {
		f->cut_off = f->cut_off || cause.reason == ERR_FORM;
		if (cause.reason == ERR_FORM)
			err_set(&t->err, R_FRAME_DIGEST, "the file is cut off there");
		else
			err_set(&t->err, R_MEDIUM_READ, "%s", cause.sys != 0 ? strerror(cause.sys) : cause.text);
	}
}

static int work(void *arg, void *task, void *state, struct err *e)
{
	struct flight *f = arg;
	struct task *t = task;

	if (t->err.reason == ERR_NONE && unframe(state, &f->index->frames[t->frame], t->stored, t->tar, &t->err) == 0)
		unpack_check(f->index, t->frame, t->tar, &t->err);
	if (t->err.reason == ERR_MEMORY || t->err.reason == ERR_INTERNAL)
		return err_set(e, t->err.reason, "%s", t->err.text);
	return 0;	/* all else is said in its turn, by finish */
}

static int send_bytes(void *arg, size_t object, uint64_t from, const uint8_t *data, size_t len, struct err *e)
{
	struct wire *w = arg;
	size_t at = 0;

	do {
		size_t n = len - at < WIRE_CHUNK ? len - at : WIRE_CHUNK;
		struct wire_head h = {.type = WIRE_BYTES, .len = (uint32_t)n, .a = object, .b = from + at};

		if (wire_put(w, &h, data == NULL ? NULL : data + at, e) == -1)
			return -1;
		at += n;
	} while (at < len);
	return 0;
}

static int send_damage(struct flight *f, const struct task *t, struct err *e)
{
	size_t len = strlen(t->err.text);
	struct wire_head h = {.type = WIRE_DAMAGE, .a = t->frame, .b = (uint64_t)t->err.reason};

	h.len = (uint32_t)(len < WIRE_TEXT ? len : WIRE_TEXT);
	return wire_put(f->wire, &h, t->err.text, e);
}

static int finish(void *arg, void *task, struct err *e)
{
	struct flight *f = arg;
	struct task *t = task;

	if (t->err.reason == R_FRAME_DIGEST || t->err.reason == R_MEDIUM_READ)
		return send_damage(f, t, e);
	if (t->err.reason != ERR_NONE)
		return err_set(e, t->err.reason, "frame %zu at %llu: %s", t->frame,
			       (unsigned long long)f->index->frames[t->frame].at, t->err.text);
	if (unpack_each(f->index, f->want, t->frame, t->tar, send_bytes, f->wire, e) == -1)
		return -1;
	return wire_flush(f->wire, e);
}

static int fly(struct flight *f, struct pool *p, const bool *frames, struct err *e)
{
	for (size_t i = 0; i < f->index->frames_n; i++) {
		struct task *t;

		if (!frames[i])
			continue;
		if (wire_ready(f->wire))
			break;
		t = task_new(f, i, e);
		if (t == NULL)
			return -1;
		fetch(f, t);
		if (pool_put(p, t, e) == -1)
			return -1;
	}
	return 0;
}

/* A longer file is not the one the index describes; nobody has looked at what it holds beyond. */
static int check_length(const struct flight *f, struct err *e)
{
	uint64_t size = volume_file_size(f->index);
	struct stat st;

	if (f->file->fd == -1)
		return 0;
	if (file_stat(f->file, &st, e) == -1)
		return -1;
	if ((uint64_t)st.st_size > size)
		return err_set(e, R_FILE_SIZE, "it has %llu bytes, the index says %llu", (unsigned long long)st.st_size,
			       (unsigned long long)size);
	return 0;
}

int frames_answer(struct wire *w, const struct file *file, const struct volume *index, const bool *want, unsigned jobs,
		  struct err *e)
{
	static const struct pool_ops ops = {.work = work, .finish = finish, .drop = drop, .state_new = state_new,
					    .state_free = state_free};
	struct flight f = {.wire = w, .file = file, .index = index, .want = want, .lock = PTHREAD_MUTEX_INITIALIZER};
	bool *frames = calloc(index->frames_n + 1, sizeof *frames);
	struct pool *p = NULL;
	int rc = -1;

	if (frames == NULL) {
		err_mem(e);
		goto out;
	}
	unpack_frames(index, want, frames);
	p = pool_open(&ops, &f, jobs, jobs + 2, e);
	if (p == NULL)
		goto out;
	rc = fly(&f, p, frames, e);
	if (pool_close(p, e) == -1 || rc == -1 || check_length(&f, e) == -1)
		rc = -1;
	else
		rc = f.cut_off ? 1 : 0;
out:
	while (f.spare != NULL) {
		struct task *t = f.spare;

		f.spare = t->next;
		task_free(t);
	}
	pthread_mutex_destroy(&f.lock);
	free(frames);
	return rc;
}

/*
 * Frames in flight (verify/frames.h). One thread reads them in order of the file, workers judge and unpack them into the
 * window, and what came of them is told in order. A frame that can't be read or has another digest is damage and the next
 * one follows; one that is right but not well-formed ends everything, after the good ones before it were passed on, and of
 * itself what comes before the lie.
 */
#include "verify/frames.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/drop_behind.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/pool.h"
#include "lib/timings.h"
#include "manifests/limits.h"
#include "manifests/reason.h"
#include "manifests/volume.h"
#include "verify/reader.h"
#include "verify/unframe.h"
#include "verify/unpack.h"
#include "verify/window.h"
#include "verify/wire.h"

#include "lib/banned.h"

/* A frame under way. Its buffer is used again for later ones: fresh pages cost more than hashing them. */
struct task {
	struct task *next;
	size_t frame;
	struct err err;		/* damage, or what the signer lied about; */
	size_t good;		/* then so much of the frame comes before the lie */
	uint8_t *stored;
	unsigned slot;		/* of the window, for the tar bytes */
};
struct flight {
	struct wire *wire;
	const struct window *window;
	const struct frames_ask *ask;
	struct drop_behind reading;	/* of ask->file */
	bool cut_off;		/* the file is shorter than its frames */
	bool busy[WINDOW_SLOTS(WINDOW_JOBS)];	/* slots that main has not given free; the reading thread's alone */
	pthread_mutex_t lock;
	struct task *spare;
};

static void task_free(struct task *t)
{
	if (t == NULL)
		return;
	free(t->stored);
	free(t);
}

static struct task *task_new(struct flight *f, size_t frame, unsigned slot, struct err *e)
{
	struct task *t;

	pthread_mutex_lock(&f->lock);
	t = f->spare;
	if (t != NULL)
		f->spare = t->next;
	pthread_mutex_unlock(&f->lock);
	if (t == NULL) {
		t = calloc(1, sizeof *t);
		if (t != NULL)
			t->stored = malloc(MAX_FRAME_STORED);
		if (t == NULL || t->stored == NULL) {
			task_free(t);
			err_mem(e);
			return NULL;
		}
	}
	t->frame = frame;
	t->slot = slot;
	t->good = 0;
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

/* Reads a frame's stored bytes, once, to where they are worked on. What goes wrong is its damage. */
static void fetch(struct flight *f, struct task *t)
{
	const struct volume_frame *frame = &f->ask->index->frames[t->frame];
	struct iovec places[UNFRAME_PLACES];
	size_t n = unframe_places(frame, t->stored, window_slot(f->window, t->slot), places);
	struct err cause = {0};

	if (f->ask->file->fd == -1) {
		f->cut_off = true;
		err_set(&t->err, R_MEDIUM_READ, "the file is not there");
	} else if (drop_behind_read(&f->reading, places, n, frame->at, &cause) == -1) {
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
	const struct volume *index = f->ask->index;
	uint8_t *tar = window_slot(f->window, t->slot);

	if (t->err.reason == ERR_NONE && unframe(state, &index->frames[t->frame], t->stored, tar, &t->err) == 0)
		unpack_check(index, t->frame, tar, &t->good, &t->err);
	if (t->err.reason == ERR_MEMORY || t->err.reason == ERR_INTERNAL)
		return err_set(e, t->err.reason, "%s", t->err.text);
	return 0;	/* all else is said in its turn, by finish */
}

static int send_damage(struct flight *f, const struct task *t, struct err *e)
{
	size_t len = strlen(t->err.text);
	struct wire_head h = {.type = WIRE_DAMAGE, .a = t->frame, .b = (uint64_t)t->err.reason, .c = t->slot};

	h.len = (uint32_t)(len < WIRE_TEXT ? len : WIRE_TEXT);
	return wire_put(f->wire, &h, t->err.text, e);
}

static int send_frame(struct flight *f, const struct task *t, size_t bad, struct err *e)
{
	struct wire_head h = {.type = WIRE_FRAME, .a = t->frame, .b = t->slot, .c = bad};

	return wire_put(f->wire, &h, NULL, e);
}

static int finish(void *arg, void *task, struct err *e)
{
	struct flight *f = arg;
	struct task *t = task;
	const struct volume_frame *frame = &f->ask->index->frames[t->frame];
	bool damage = t->err.reason == R_FRAME_DIGEST || t->err.reason == R_MEDIUM_READ;

	if (t->err.reason != ERR_NONE && !damage) {
		if (t->good > 0 && send_frame(f, t, frame->holds - t->good, e) == -1)
			return -1;
		return err_set(e, t->err.reason, "frame %zu at %llu: %s", t->frame, (unsigned long long)frame->at, t->err.text);
	}
	if (damage ? send_damage(f, t, e) == -1 : send_frame(f, t, 0, e) == -1)
		return -1;
	return wire_flush(f->wire, e);
}

/* ---- reading ---- */

/* What main says meanwhile: 0; 1 stop; -1. */
static int listen(struct flight *f, struct err *e)
{
	struct wire_head h;
	const uint8_t *data;
	int rc = wire_next(f->wire, 0, &h, &data, e);

	if (rc != 0)
		return rc;	/* main is gone: nobody needs the rest */
	if (h.type == WIRE_STOP)
		return 1;
	if (h.type != WIRE_FREE || h.a >= f->window->slots || !f->busy[h.a])
		return err_set(e, R_READER, "a request while another one is answered");
	f->busy[h.a] = false;
	return 0;
}

/* A free slot, waited for if need be: 0; 1 stop; -1. */
static int take_slot(struct flight *f, unsigned *slot, struct err *e)
{
	for (;;) {
		int rc = 0;

		while (rc == 0 && wire_ready(f->wire))
			rc = listen(f, e);
		for (*slot = 0; rc == 0 && *slot < f->window->slots; ++*slot)
			if (!f->busy[*slot]) {
				f->busy[*slot] = true;
				return 0;
			}
		if (rc == 0)
			rc = listen(f, e);
		if (rc != 0)
			return rc;
	}
}

/* Reads a frame and puts it on its way: 0; 1 stop; -1. */
static int launch(struct flight *f, struct pool *p, size_t frame, struct err *e)
{
	uint64_t since = timings_now();
	struct task *t;
	unsigned slot;
	int rc = take_slot(f, &slot, e);

	if (rc != 0)
		return rc;
	t = task_new(f, frame, slot, e);
	if (t == NULL)
		return -1;
	since = timings_waited(READER_READING, since);
	fetch(f, t);
	since = timings_busy(READER_READING, since);
	rc = pool_put(p, t, e);
	timings_waited(READER_READING, since);
	return rc;
}

static int fly(struct flight *f, struct pool *p, const bool *frames, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < f->ask->index->frames_n; i++)
		if (frames[i])
			rc = launch(f, p, i, e);
	return rc;
}

/* A longer file is not the one the index describes; nobody has looked at what it holds beyond. */
static int check_length(const struct flight *f, struct err *e)
{
	uint64_t size = volume_file_size(f->ask->index);
	struct stat st;

	if (f->ask->file->fd == -1)
		return 0;
	if (file_stat(f->ask->file, &st, e) == -1)
		return -1;
	if ((uint64_t)st.st_size > size)
		return err_set(e, R_FILE_SIZE, "it has %llu bytes, the index says %llu", (unsigned long long)st.st_size,
			       (unsigned long long)size);
	return 0;
}

int frames_answer(struct wire *w, const struct window *window, const struct frames_ask *ask, struct err *e)
{
	static const struct pool_ops ops = {.work = work, .finish = finish, .drop = drop, .state_new = state_new,
					    .state_free = state_free, .working = READER_UNPACKING};
	struct flight f = {.wire = w, .window = window, .ask = ask, .lock = PTHREAD_MUTEX_INITIALIZER};
	bool *frames = calloc(ask->index->frames_n + 1, sizeof *frames);
	struct pool *p = NULL;
	int rc = -1;

	if (frames == NULL) {
		err_mem(e);
		goto out;
	}
	unpack_frames(ask->index, ask->want, frames);
	drop_behind_open(&f.reading, ask->file, volume_file_size(ask->index), DROP_BEHIND_CARRIED);
	p = pool_open(&ops, &f, ask->jobs, ask->jobs + 1, e);
	if (p == NULL)
		goto out;
	rc = fly(&f, p, frames, e);
	if (pool_close(p, e) == -1 || rc == -1 || check_length(&f, e) == -1)
		rc = -1;
	else
		rc = f.cut_off ? 1 : 0;
out:
	drop_behind_close(&f.reading);
	while (f.spare != NULL) {
		struct task *t = f.spare;

		f.spare = t->next;
		task_free(t);
	}
	pthread_mutex_destroy(&f.lock);
	free(frames);
	return rc;
}

/*
 * The reader process: names, files and volumes as they lie on a medium, damage and lies in them; and a reader that lies
 * itself, whose messages the test writes (row S21 of the list of attacks).
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/file.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"
#include "tests/unit/fixture.h"
#include "verify/frames.h"
#include "verify/inflow.h"
#include "verify/reader.h"
#include "verify/window.h"
#include "verify/wire.h"

#define OBJECTS 5
#define BUNDLE "updates-00000017"

/* A medium with one bundle of one volume of several frames; its index as the signer has it. */
struct medium {
	struct fixture *f;
	struct volume *index;
	struct buf objects[OBJECTS];
	char dir[160];
};
static struct medium *at;	/* for the hook */

static void keep_index(struct fixture *f, struct fixture_volume *v)
{
	struct buf bytes = {0};
	struct err e = {0};

	(void)f;
	assert_int_equal(schema_encode(&volume_schema, &v->index, &bytes, &e), 0);
	at->index = volume_parse(bytes.data, bytes.len, &e);
	assert_non_null(at->index);
	buf_free(&bytes);
}

static int open_medium(void **state)
{
	static const size_t sizes[OBJECTS] = {100, 0, 9u << 20, 777, 5u << 20};
	struct medium *m = calloc(1, sizeof *m);
	uint8_t *data = malloc(9u << 20);

	if (m == NULL || data == NULL)
		return -1;
	at = m;
	m->f = fixture_new();
	for (size_t i = 0; i < OBJECTS; i++) {
		fixture_random((uint32_t)i + 1, data, sizes[i]);
		fixture_object(m->f, data, sizes[i]);
		buf_append(&m->objects[i], data, sizes[i]);
	}
	free(data);
	if (m->f->change_frames == NULL)
		m->f->change_frames = keep_index;
	fixture_bundle(m->f, 17);
	fixture_bundle_dir(m->f, 17, m->dir);
	*state = m;
	return 0;
}

static int close_medium(void **state)
{
	struct medium *m = *state;

	for (size_t i = 0; i < OBJECTS; i++)
		buf_free(&m->objects[i]);
	volume_free(m->index);
	fixture_free(m->f);
	free(m);
	return 0;
}

static struct reader *start(const struct medium *m)
{
	struct err e = {0};
	struct reader *r = reader_open(&(struct reader_ask){.medium = m->f->dir, .jobs = 2}, &e);

	if (r == NULL)
		fail_msg("%s", e.text);
	return r;
}

/* ---- what comes in ---- */

struct taken {
	struct buf data[OBJECTS];
	unsigned calls[OBJECTS], begun[OBJECTS], ended[OBJECTS];
	unsigned left, rested;	/* rests */
	const struct volume *index;
	size_t damaged[16], damaged_n, told;	/* frames, and calls that told of them */
	int reason;
	unsigned fail_at, bytes_calls;	/* the n-th call of bytes fails */
	unsigned rest_fails_at;
	pthread_mutex_t lock;	/* calls come from several threads */
};
#define NOTHING_TAKEN {.lock = PTHREAD_MUTEX_INITIALIZER}

static int take_bytes(void *arg, size_t object, uint64_t from, const void *data, size_t len, struct err *e)
{
	struct taken *t = arg;
	bool fails;

	pthread_mutex_lock(&t->lock);
	fails = ++t->bytes_calls == t->fail_at;
	t->calls[object]++;
	while (!fails && t->data[object].len < from)	/* what was lost becomes zeros */
		buf_putc(&t->data[object], '\0');
	if (!fails && len > 0)
		buf_append(&t->data[object], data, len);
	pthread_mutex_unlock(&t->lock);
	return fails ? err_set(e, ERR_NO_SPACE, "full") : 0;
}

static int take_whole(void *arg, size_t object, const void *data, size_t len, struct err *e)
{
	return take_bytes(arg, object, 0, data, len, e);
}

struct arrival {
	struct taken *t;
	size_t object;
	atomic_bool busy;
	atomic_uint resting;
};
static _Thread_local bool has_rest;

static int begin(void *arg, size_t object, void **arriving, struct err *e)
{
	struct taken *t = arg;
	struct arrival *a = calloc(1, sizeof *a);

	(void)e;
	assert_non_null(a);
	a->t = t;
	a->object = object;
	pthread_mutex_lock(&t->lock);
	assert_int_equal(t->begun[object]++, t->ended[object]);
	pthread_mutex_unlock(&t->lock);
	*arriving = a;
	return 0;
}

static int take_part(void *arriving, uint64_t from, const void *data, size_t len, void **rest, struct err *e)
{
	struct arrival *a = arriving;
	int rc;

	assert_false(atomic_exchange(&a->busy, true));	/* one call at a time */
	assert_false(has_rest);
	assert_null(*rest);
	rc = take_bytes(a->t, a->object, from, data, len, e);
	if (from < FRAME_SIZE) {	/* most leave one */
		pthread_mutex_lock(&a->t->lock);
		a->t->left++;
		pthread_mutex_unlock(&a->t->lock);
		atomic_fetch_add(&a->resting, 1);
		has_rest = true;
		*rest = a;
	}
	atomic_store(&a->busy, false);
	return rc;
}

static int do_rest(void *rest, struct err *e)
{
	struct arrival *a = rest;
	struct taken *t = a->t;
	bool fails;

	assert_true(has_rest);	/* by the thread that it was left to */
	has_rest = false;
	pthread_mutex_lock(&t->lock);
	fails = ++t->rested == t->rest_fails_at;
	pthread_mutex_unlock(&t->lock);
	atomic_fetch_sub(&a->resting, 1);
	return fails ? err_set(e, ERR_NO_SPACE, "full") : 0;
}

static int end(void *arriving, struct err *e)
{
	struct arrival *a = arriving;
	struct taken *t = a->t;

	(void)e;
	assert_false(atomic_load(&a->busy));
	assert_false(has_rest);
	while (atomic_load(&a->resting) > 0)
		sched_yield();
	pthread_mutex_lock(&t->lock);
	assert_int_equal(++t->ended[a->object], t->begun[a->object]);
	pthread_mutex_unlock(&t->lock);
	free(a);
	return 0;
}

static int take_damage(void *arg, const struct reader_damage *d, struct err *e)
{
	struct taken *t = arg;

	(void)e;
	for (size_t i = d->frame; i < d->frame + d->frames; i++) {
		assert_true(t->damaged_n < 16);
		t->damaged[t->damaged_n++] = i;
	}
	assert_int_equal(d->at, t->index->frames[d->frame].at);
	assert_int_equal(d->at + d->size, t->index->frames[d->frame + d->frames - 1].at + t->index->frames[d->frame + d->frames - 1].size);
	t->told++;
	t->reason = d->reason;
	return 0;
}

static void forget(struct taken *t)
{
	for (size_t i = 0; i < OBJECTS; i++)
		buf_free(&t->data[i]);
	*t = (struct taken)NOTHING_TAKEN;
}

static int take(struct reader *r, const struct medium *m, unsigned wants, struct taken *t, struct err *e)
{
	const struct inflow_sink sink = {.arg = t, .whole = take_whole, .begin = begin, .part = take_part, .rest = do_rest,
					 .end = end, .damage = take_damage};
	bool want[OBJECTS];
	const struct inflow_ask ask = {r, BUNDLE, m->index, want, 2};
	int rc;

	for (size_t i = 0; i < OBJECTS; i++)
		want[i] = (wants >> i & 1) != 0;
	t->index = m->index;
	err_clear(e);
	rc = inflow_volume(&ask, &sink, e);
	for (size_t i = 0; i < OBJECTS; i++)
		assert_int_equal(t->begun[i], t->ended[i]);
	assert_int_equal(t->left, t->rested);
	return rc;
}

static void same(const struct medium *m, const struct taken *t, size_t i)
{
	assert_int_equal(t->data[i].len, m->objects[i].len);
	if (m->objects[i].len > 0)
		assert_memory_equal(t->data[i].data, m->objects[i].data, m->objects[i].len);
	else
		assert_int_equal(t->calls[i], 1);
}

/* ---- a faithful reader ---- */

static void everything(void **state)
{
	const struct medium *m = *state;
	struct reader *r = start(m);
	struct taken t = NOTHING_TAKEN;
	struct err e = {0};

	for (int again = 0; again < 2; again++) {
		assert_int_equal(take(r, m, 0x1f, &t, &e), 0);
		for (size_t i = 0; i < OBJECTS; i++)
			same(m, &t, i);
		forget(&t);
	}
	assert_int_equal(take(r, m, 0x0a, &t, &e), 0);
	assert_int_equal(t.calls[0] + t.calls[2] + t.calls[4], 0);
	same(m, &t, 1);
	same(m, &t, 3);
	forget(&t);
	reader_close(r);
}

static int note_name(void *arg, const char *name, bool is_dir, struct err *e)
{
	struct buf *b = arg;

	(void)e;
	buf_printf(b, "%s%s ", name, is_dir ? "/" : "");
	return 0;
}

static int stop_at_once(void *arg, const char *name, bool is_dir, struct err *e)
{
	(void)arg;
	(void)name;
	(void)is_dir;
	return err_set(e, ERR_USAGE, "enough");
}

static void names(void **state)
{
	const struct medium *m = *state;
	struct reader *r;
	struct buf b = {0};
	struct err e = {0};
	char path[160];

	snprintf(path, sizeof path, "%s/satchel/a link", m->f->dir);
	assert_int_equal(symlink("/etc", path), 0);
	r = start(m);
	assert_int_equal(reader_names(r, NULL, note_name, &b, &e), 0);
	assert_string_equal((char *)b.data, "a link " BUNDLE "/ ");
	assert_int_equal(reader_names(r, NULL, stop_at_once, NULL, &e), -1);
	assert_int_equal(e.reason, ERR_USAGE);
	err_clear(&e);
	buf_clear(&b);
	assert_int_equal(reader_names(r, BUNDLE, note_name, &b, &e), 0);	/* it can still be asked */
	assert_non_null(strstr((char *)b.data, "manifest.yaml "));
	assert_int_equal(reader_names(r, "updates-00000018", note_name, &b, &e), 1);
	assert_int_equal(reader_names(r, "a link", note_name, &b, &e), -1);
	assert_int_equal(e.reason, R_FILE_TYPE);
	buf_free(&b);
	reader_close(r);
}

static void files(void **state)
{
	const struct medium *m = *state;
	struct reader *r = start(m);
	struct buf b = {0}, is = {0};
	struct err e = {0};
	char path[256];

	fixture_read(m->dir, NAMES_MANIFEST, &is);
	assert_int_equal(reader_file(r, BUNDLE, NAMES_MANIFEST, MAX_MANIFEST_SIZE, &b, &e), 0);
	assert_int_equal(b.len, is.len);
	assert_memory_equal(b.data, is.data, is.len);
	buf_clear(&b);
	assert_int_equal(reader_file(r, BUNDLE, NAMES_MANIFEST, is.len, &b, &e), 0);
	buf_clear(&b);
	assert_int_equal(reader_file(r, BUNDLE, NAMES_MANIFEST, is.len - 1, &b, &e), -1);
	assert_int_equal(e.reason, ERR_TOO_LARGE);
	assert_int_equal(b.len, 0);
	err_clear(&e);
	assert_int_equal(reader_file(r, BUNDLE, "nothing", 10, &b, &e), 1);
	assert_int_equal(reader_file(r, "updates-00000018", NAMES_MANIFEST, 10, &b, &e), 1);
	fixture_write(m->dir, "empty", "", 0);
	assert_int_equal(reader_file(r, BUNDLE, "empty", 0, &b, &e), 0);
	snprintf(path, sizeof path, "%s/fifo", m->dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(reader_file(r, BUNDLE, "fifo", 10, &b, &e), -1);
	assert_int_equal(e.reason, R_FILE_TYPE);
	assert_string_equal(e.text, "not a regular file");
	err_clear(&e);
	snprintf(path, sizeof path, "%s/link", m->dir);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(reader_file(r, BUNDLE, "link", 100000, &b, &e), -1);
	assert_int_equal(e.reason, R_FILE_TYPE);
	assert_int_equal(b.len, 0);
	buf_free(&b);
	buf_free(&is);
	reader_close(r);
}

static void no_medium(void **state)
{
	const struct medium *m = *state;
	struct err e = {0};
	char path[256];

	snprintf(path, sizeof path, "%s/nowhere", m->f->dir);
	assert_null(reader_open(&(struct reader_ask){.medium = path, .jobs = 1}, &e));
	assert_int_equal(e.reason, R_MEDIUM_MISSING);
	err_clear(&e);
	snprintf(path, sizeof path, "%s/%s", m->dir, NAMES_MANIFEST);
	assert_null(reader_open(&(struct reader_ask){.medium = path, .jobs = 1}, &e));
	assert_int_equal(e.reason, R_MEDIUM_MISSING);
}

/* ---- damage ---- */

static void flip_frames(const struct medium *m, unsigned which)
{
	for (size_t i = 0; i < m->index->frames_n; i++)
		if ((which >> i & 1) != 0)
			fixture_flip(m->dir, "vol-0001.tar.zst", (long)m->index->frames[i].at + 100);
}

/* A flipped bit costs the objects of its frame, and the bytes around are handed over. */
static void damage(void **state)
{
	const struct medium *m = *state;
	const struct volume_frame *hit = &m->index->frames[1];
	struct reader *r = start(m);
	struct taken t = NOTHING_TAKEN;
	struct err e = {0};

	assert_int_equal(m->index->frames_n, 4);
	fixture_flip(m->dir, "vol-0001.tar.zst", (long)(hit->at + hit->size / 2));
	assert_int_equal(take(r, m, 0x1f, &t, &e), 0);
	assert_int_equal(t.damaged_n, 1);
	assert_int_equal(t.damaged[0], 1);
	assert_int_equal(t.reason, R_FRAME_DIGEST);
	same(m, &t, 0);
	same(m, &t, 1);
	same(m, &t, 3);
	same(m, &t, 4);
	assert_int_equal(t.data[2].len, m->objects[2].len);
	assert_memory_equal(t.data[2].data, m->objects[2].data, FRAME_SIZE - m->index->objects[2].at);
	assert_memory_equal(t.data[2].data + (9u << 20) - 1000, m->objects[2].data + (9u << 20) - 1000, 1000);
	forget(&t);
	assert_int_equal(take(r, m, 0x11, &t, &e), 0);	/* who doesn't want object 2 doesn't read its frame */
	assert_int_equal(t.damaged_n, 0);
	forget(&t);
	flip_frames(m, 0x5);
	assert_int_equal(take(r, m, 0x11, &t, &e), 0);	/* not in a row, though nothing came in between */
	assert_int_equal(t.damaged_n, 2);
	assert_int_equal(t.told, 2);
	forget(&t);
	reader_close(r);
}

/* What came of an object when some of its frames were lost: its ends, as far as they lie in others. */
static void ends_of(const struct medium *m, const struct taken *t, size_t i, unsigned lost)
{
	const struct volume_object *o = &m->index->objects[i];
	size_t first = (size_t)(o->at / FRAME_SIZE), last = (size_t)((o->at + o->size) / FRAME_SIZE);
	unsigned its = ((2u << last) - 1) & ~((1u << first) - 1);

	if ((lost & its) == 0)
		same(m, t, i);
	if (first == last)
		return;
	if ((lost >> first & 1) == 0)
		assert_memory_equal(t->data[i].data, m->objects[i].data, FRAME_SIZE - o->at % FRAME_SIZE);
	if ((lost >> last & 1) == 0)
		assert_memory_equal(t->data[i].data + o->size - 1000, m->objects[i].data + o->size - 1000, 1000);
}

/* Whichever frames are lost: what others hold of an object comes, each object begun ends, those in a row are told as one. */
static void frames_lost(void **state)
{
	const struct medium *m = *state;
	struct reader *r = start(m);
	struct err e = {0};

	for (unsigned lost = 1; lost < 1u << m->index->frames_n; lost++) {
		struct taken t = NOTHING_TAKEN;

		flip_frames(m, lost);
		assert_int_equal(take(r, m, 0x1f, &t, &e), 0);
		flip_frames(m, lost);
		assert_int_equal(t.damaged_n, (size_t)__builtin_popcount(lost));
		assert_int_equal(t.told, (size_t)__builtin_popcount(lost & ~(lost << 1)));
		for (size_t i = 1; i < t.damaged_n; i++)
			assert_true(t.damaged[i - 1] < t.damaged[i]);
		for (size_t i = 0; i < OBJECTS; i++)
			ends_of(m, &t, i, lost);
		forget(&t);
	}
	reader_close(r);
}

static void cut_off(void **state)
{
	const struct medium *m = *state;
	struct taken t = NOTHING_TAKEN;
	struct reader *r = start(m);
	struct err e = {0};
	char path[256];

	snprintf(path, sizeof path, "%s/vol-0001.tar.zst", m->dir);
	assert_int_equal(truncate(path, (off_t)m->index->frames[2].at + 1), 0);
	assert_int_equal(take(r, m, 0x1f, &t, &e), 1);
	assert_int_equal(t.damaged_n, 2);
	assert_int_equal(t.damaged[0], 2);
	assert_int_equal(t.damaged[1], 3);
	assert_int_equal(t.reason, R_FRAME_DIGEST);
	same(m, &t, 0);
	forget(&t);
	assert_int_equal(take(r, m, 0x03, &t, &e), 0);	/* what it still has is all that is asked for */
	forget(&t);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(take(r, m, 0x1f, &t, &e), 1);
	assert_int_equal(t.damaged_n, 4);
	assert_int_equal(t.told, 1);
	assert_int_equal(t.reason, R_MEDIUM_READ);
	forget(&t);
	reader_close(r);
}

static void too_long(void **state)
{
	const struct medium *m = *state;
	struct taken t = NOTHING_TAKEN;
	struct reader *r = start(m);
	struct err e = {0};
	char path[256];

	snprintf(path, sizeof path, "%s/vol-0001.tar.zst", m->dir);
	assert_int_equal(truncate(path, (off_t)volume_file_size(m->index) + 1), 0);
	assert_int_equal(take(r, m, 0x1f, &t, &e), -1);
	assert_int_equal(e.reason, R_FILE_SIZE);
	for (size_t i = 0; i < OBJECTS; i++)
		same(m, &t, i);
	forget(&t);
	reader_close(r);
}

/* A directory in place of the volume. */
static void volume_of_other_type(void **state)
{
	const struct medium *m = *state;
	struct taken t = NOTHING_TAKEN;
	struct reader *r = start(m);
	struct err e = {0};
	char path[256];

	snprintf(path, sizeof path, "%s/vol-0001.tar.zst", m->dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(take(r, m, 0x1f, &t, &e), -1);
	assert_int_equal(e.reason, R_FILE_TYPE);
	reader_close(r);
}

/* Sectors that can't be read: /proc/self/mem is a regular file whose first page gives EIO. */
static void unreadable(void **state)
{
	const struct medium *m = *state;
	struct file mem = FILE_CLOSED;
	bool want[OBJECTS] = {true, true, true, true, true};
	struct frames_ask ask = {&mem, m->index, want, 2};
	struct window window;
	struct wire reader, us;
	struct wire_head h;
	const uint8_t *data;
	int there[2], back[2];
	struct err e = {0};

	assert_int_equal(file_open("/proc/self/mem", &mem, &e), 0);
	assert_int_equal(pipe(there), 0);
	assert_int_equal(pipe(back), 0);
	assert_int_equal(wire_open(&reader, there[0], back[1], &e), 0);
	assert_int_equal(wire_open(&us, back[0], there[1], &e), 0);
	assert_int_equal(window_open(&window, 2, &e), 0);
	assert_true(window.slots >= m->index->frames_n);	/* none is given free here */
	assert_int_equal(frames_answer(&reader, &window, &ask, &e), 0);
	assert_int_equal(wire_flush(&reader, &e), 0);
	for (size_t i = 0; i < m->index->frames_n; i++) {
		assert_int_equal(wire_next(&us, WIRE_CHUNK, &h, &data, &e), 0);
		assert_int_equal(h.type, WIRE_DAMAGE);
		assert_int_equal(h.a, i);
		assert_int_equal(h.b, R_MEDIUM_READ);
		assert_int_equal(h.len, strlen("Input/output error"));
		assert_memory_equal(data, "Input/output error", h.len);
	}
	wire_close(&reader);
	wire_close(&us);
	window_close(&window);
	file_close(&mem);
}

/* ---- a lying signer ---- */

static void change_header(struct fixture *f, struct fixture_volume *v)
{
	(void)f;
	v->tar.data[v->index.objects[3].at - VOLUME_BLOCK + 124] ^= 1;	/* its size field; it begins in frame 2 */
}

static int open_liar(void **state)
{
	static const size_t sizes[OBJECTS] = {100, 0, 9u << 20, 777, 5u << 20};
	struct medium *m = calloc(1, sizeof *m);
	uint8_t *data = calloc(1, 9u << 20);

	at = m;
	m->f = fixture_new();
	m->f->change_tar = change_header;
	m->f->change_frames = keep_index;
	for (size_t i = 0; i < OBJECTS; i++) {
		fixture_random((uint32_t)i + 1, data, sizes[i]);
		fixture_object(m->f, data, sizes[i]);
		buf_append(&m->objects[i], data, sizes[i]);
	}
	free(data);
	fixture_bundle(m->f, 17);
	fixture_bundle_dir(m->f, 17, m->dir);
	*state = m;
	return 0;
}

/* What came before the lie is handed over, in its frame too, nothing after it, and the reader lives on. */
static void header_lies(void **state)
{
	const struct medium *m = *state;
	struct taken t = NOTHING_TAKEN;
	struct reader *r = start(m);
	struct err e = {0};

	assert_int_equal(take(r, m, 0x1f, &t, &e), -1);
	assert_int_equal(e.reason, R_ENTRY_HEADER);
	for (size_t i = 0; i < 3; i++)
		same(m, &t, i);
	assert_int_equal(t.calls[3] + t.calls[4], 0);
	forget(&t);
	assert_int_equal(take(r, m, 0x03, &t, &e), 0);
	forget(&t);
	reader_close(r);
}

/* ---- a sink that fails ---- */

/* Each call in turn fails, of those that failing() chooses: how many there are. Each time everything comes with the next try. */
static unsigned stop_each(const struct medium *m, struct taken (*failing)(unsigned n))
{
	struct reader *r = start(m);
	struct err e = {0};
	unsigned n;
	int rc;

	for (n = 1, rc = -1; rc == -1; n++) {
		struct taken t = failing(n);

		rc = take(r, m, 0x1f, &t, &e);
		assert_int_equal(e.reason, rc == -1 ? ERR_NO_SPACE : ERR_NONE);
		forget(&t);
		assert_int_equal(take(r, m, 0x1f, &t, &e), 0);
		same(m, &t, 4);
		forget(&t);
	}
	reader_close(r);
	return n - 2;
}

static struct taken bytes_fail(unsigned n)
{
	return (struct taken){.fail_at = n, .lock = PTHREAD_MUTEX_INITIALIZER};
}

static struct taken rest_fails(unsigned n)
{
	return (struct taken){.rest_fails_at = n, .lock = PTHREAD_MUTEX_INITIALIZER};
}

static void stopped(void **state)
{
	assert_int_equal(stop_each(*state, bytes_fail), 8);
	assert_int_equal(stop_each(*state, rest_fails), 4);
}

/* ---- a lying reader ---- */

/* Main reads what the test put into a pipe; what main asks goes nowhere. */
struct liar {
	struct reader *r;
	struct wire wire;
};

static void lie(struct liar *l)
{
	int answers[2], requests[2];
	struct err e = {0};

	assert_int_equal(pipe(answers), 0);
	assert_int_equal(pipe(requests), 0);
	assert_int_equal(wire_open(&l->wire, requests[0], answers[1], &e), 0);
	l->r = reader_over(answers[0], requests[1], "MEDIUM", &e);
	assert_non_null(l->r);
}

static void put(struct liar *l, enum wire_type type, uint64_t a, uint64_t b, const void *data, size_t len)
{
	struct wire_head h = {.type = type, .len = (uint32_t)len, .a = a, .b = b};
	struct err e = {0};

	assert_int_equal(wire_put(&l->wire, &h, data, &e), 0);
}

static void caught(struct liar *l, struct medium *m, unsigned wants, const char *words)
{
	struct taken t = NOTHING_TAKEN;
	struct err e = {0};

	assert_int_equal(wire_flush(&l->wire, &e), 0);
	close(l->wire.out);
	l->wire.out = -1;
	assert_int_equal(take(l->r, m, wants, &t, &e), -1);
	if (e.reason != R_READER || strstr(e.text, words) == NULL)
		fail_msg("%s: %s", reason_word(e.reason), e.text);
	forget(&t);
	assert_int_equal(take(l->r, m, wants, &t, &e), -1);	/* it stays given up */
	assert_int_equal(e.reason, R_READER);
	reader_close(l->r);
	wire_close(&l->wire);
}

/* A small index: three objects of 10, 0 and 20 bytes, and one of 6 MiB over two frames. */
static int small_index(void **state)
{
	struct medium *m = calloc(1, sizeof *m);
	uint8_t *data = calloc(1, 6u << 20);

	at = m;
	m->f = fixture_new();
	m->f->change_frames = keep_index;
	fixture_object(m->f, "0123456789", 10);
	fixture_object(m->f, "", 0);
	fixture_object(m->f, "01234567890123456789", 20);
	fixture_object(m->f, data, 6u << 20);
	fixture_object(m->f, "last", 4);
	free(data);
	fixture_bundle(m->f, 17);
	*state = m;
	return 0;
}

static void put_damage(struct liar *l, uint64_t frame, int reason, uint64_t slot, const char *text, size_t len)
{
	struct wire_head h = {.type = WIRE_DAMAGE, .len = (uint32_t)len, .a = frame, .b = (uint64_t)reason, .c = slot};
	struct err e = {0};

	assert_int_equal(wire_put(&l->wire, &h, text, &e), 0);
}

static void lying_orders(void **state)
{
	struct medium *m = *state;
	struct liar l;

	lie(&l);	/* a frame that is not there */
	put(&l, WIRE_FRAME, 2, 0, NULL, 0);
	caught(&l, m, 0x1f, "not asked for");
	lie(&l);
	put(&l, WIRE_FRAME, UINT64_MAX, 0, NULL, 0);
	caught(&l, m, 0x1f, "not asked for");
	lie(&l);	/* not wanted */
	put(&l, WIRE_FRAME, 1, 0, NULL, 0);
	caught(&l, m, 0x01, "not asked for");
	lie(&l);	/* twice */
	put(&l, WIRE_FRAME, 0, 0, NULL, 0);
	put(&l, WIRE_FRAME, 0, 1, NULL, 0);
	caught(&l, m, 0x1f, "not now");
	lie(&l);	/* backwards */
	put(&l, WIRE_FRAME, 1, 0, NULL, 0);
	put(&l, WIRE_FRAME, 0, 1, NULL, 0);
	caught(&l, m, 0x1f, "left out");
	lie(&l);	/* bytes of its own */
	put(&l, WIRE_FRAME, 0, 0, "0123456789", 10);
	caught(&l, m, 0x1f, "bytes where none belong");
	for (uint64_t more = 0; more < 2; more++) {	/* a frame of which nothing counts, or less than that */
		struct wire_head h = {.type = WIRE_FRAME, .c = m->index->frames[0].holds + more};
		struct err e = {0};

		lie(&l);
		assert_int_equal(wire_put(&l.wire, &h, NULL, &e), 0);
		caught(&l, m, 0x1f, "that don't count");
	}
}

/* Slots that the reader doesn't have: beyond the window, or main's still. */
static void lying_slots(void **state)
{
	struct medium *m = *state;
	struct liar l;

	lie(&l);
	put(&l, WIRE_FRAME, 0, reader_window(l.r)->slots, NULL, 0);
	caught(&l, m, 0x1f, "a slot");
	lie(&l);
	put(&l, WIRE_FRAME, 0, UINT64_MAX, NULL, 0);
	caught(&l, m, 0x1f, "a slot");
	lie(&l);
	put_damage(&l, 0, R_FRAME_DIGEST, reader_window(l.r)->slots, "x", 1);
	caught(&l, m, 0x1f, "a slot");
}

static int hold_frame(void *arg, const struct reader_frame *f, struct err *e)
{
	unsigned *held = arg;

	(void)e;
	held[f->frame] = f->slot;
	return 0;
}

/* A frame in a slot that main has not given back yet: it would overwrite the other. */
static void slot_in_use(void **state)
{
	struct medium *m = *state;
	unsigned held[2] = {99, 99};
	struct reader_sink sink = {held, hold_frame, take_damage};
	bool want[OBJECTS] = {true, true, true, true, true};
	struct err e = {0};
	struct liar l;

	lie(&l);
	put(&l, WIRE_FRAME, 0, 3, NULL, 0);
	put(&l, WIRE_FRAME, 1, 3, NULL, 0);
	assert_int_equal(wire_flush(&l.wire, &e), 0);
	assert_int_equal(reader_volume(l.r, BUNDLE, m->index, want, &sink, &e), -1);
	assert_int_equal(e.reason, R_READER);
	assert_int_equal(held[0], 3);
	assert_int_equal(held[1], 99);
	reader_release(l.r, 3);
	reader_close(l.r);
	wire_close(&l.wire);
}

static void lying_gaps(void **state)
{
	struct medium *m = *state;
	struct liar l;

	lie(&l);	/* a frame left out */
	put(&l, WIRE_FRAME, 1, 0, NULL, 0);
	caught(&l, m, 0x1f, "left out");
	lie(&l);	/* the last left out */
	put(&l, WIRE_FRAME, 0, 0, NULL, 0);
	put(&l, WIRE_DONE, 0, 0, NULL, 0);
	caught(&l, m, 0x1f, "left out");
	lie(&l);	/* everything left out */
	put(&l, WIRE_DONE, 0, 0, NULL, 0);
	caught(&l, m, 0x1f, "left out");
	lie(&l);	/* damage in the second frame does not excuse the first */
	put_damage(&l, 1, R_FRAME_DIGEST, 0, "x", 1);
	put(&l, WIRE_DONE, 0, 0, NULL, 0);
	caught(&l, m, 0x1f, "left out");
}

static void lying_damage(void **state)
{
	struct medium *m = *state;
	struct liar l;

	lie(&l);
	put_damage(&l, 2, R_FRAME_DIGEST, 0, "x", 1);	/* no such frame */
	caught(&l, m, 0x1f, "not asked for");
	lie(&l);
	put_damage(&l, 0, R_FRAME_DIGEST, 0, "x", 1);
	put_damage(&l, 0, R_FRAME_DIGEST, 0, "x", 1);	/* twice */
	caught(&l, m, 0x1f, "not now");
	lie(&l);
	put_damage(&l, 1, R_FRAME_DIGEST, 0, "x", 1);	/* a frame nobody asked for */
	caught(&l, m, 0x01, "not asked for");
	lie(&l);
	put_damage(&l, 0, R_SIGNATURE_MISSING, 0, "x", 1);
	caught(&l, m, 0x1f, "unknown kind");
	lie(&l);
	put_damage(&l, 0, R_FRAME_DIGEST, 0, "a\0b", 3);
	caught(&l, m, 0x1f, "a text that is none");
}

/* Answers that are none: other kinds, reasons that are not the reader's to give, sizes, ends in the middle. */
static void lying_forms(void **state)
{
	struct medium *m = *state;
	uint8_t big[WIRE_CHUNK + 1] = {0};
	struct liar l;

	lie(&l);
	put(&l, WIRE_NAME, 0, 0, "x", 1);
	caught(&l, m, 0x1f, "does not belong here");
	lie(&l);
	put(&l, WIRE_ERROR, (uint64_t)R_SIGNATURE_THRESHOLD, 0, "x", 1);
	caught(&l, m, 0x1f, "does not belong here");
	lie(&l);
	put(&l, WIRE_ERROR, UINT64_MAX, 0, "x", 1);
	caught(&l, m, 0x1f, "does not belong here");
	lie(&l);
	put(&l, WIRE_ERROR, (uint64_t)R_MEDIUM_READ, 0, "", 0);
	caught(&l, m, 0x1f, "a text that is none");
	lie(&l);
	put(&l, WIRE_DONE, 2, 0, NULL, 0);
	caught(&l, m, 0x1f, "does not belong here");
	lie(&l);
	put(&l, (enum wire_type)77, 0, 0, NULL, 0);
	caught(&l, m, 0x1f, "does not belong here");
	lie(&l);
	if (write(l.wire.out, "half a head", 11) != 11)
		fail();
	caught(&l, m, 0x1f, "cut off");
	lie(&l);
	caught(&l, m, 0x1f, "ended");
	lie(&l);	/* one byte more than a message may have; the pipe takes a part of it, which is enough */
	{
		struct wire_head h = {.type = WIRE_FRAME, .len = sizeof big};

		if (write(l.wire.out, &h, sizeof h) != sizeof h)
			fail();
	}
	caught(&l, m, 0x1f, "a message of");
}

/* Damage that is said excuses what lies in it: no error. */
static void honest_damage(void **state)
{
	struct medium *m = *state;
	struct taken t = NOTHING_TAKEN;
	struct liar l;
	struct err e = {0};

	lie(&l);
	put_damage(&l, 0, R_MEDIUM_READ, 0, "unreadable", 10);
	put_damage(&l, 1, R_FRAME_DIGEST, 0, "differs", 7);
	put(&l, WIRE_DONE, 1, 0, NULL, 0);
	assert_int_equal(wire_flush(&l.wire, &e), 0);
	assert_int_equal(take(l.r, m, 0x1f, &t, &e), 1);
	assert_int_equal(t.damaged_n, 2);
	forget(&t);
	reader_close(l.r);
	wire_close(&l.wire);
}

static void lying_names(void **state)
{
	static const struct { const char *first, *second; size_t len; } bad[] = {
		{"b", "a", 1}, {"a", "a", 1}, {"a", "b/c", 3}, {"a", "b\0c", 3}, {"a", "", 0},
	};
	struct err e = {0};
	struct buf b = {0};
	struct liar l;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		lie(&l);
		put(&l, WIRE_NAME, 1, 0, bad[i].first, strlen(bad[i].first));
		put(&l, WIRE_NAME, 1, 0, bad[i].second, bad[i].len);
		put(&l, WIRE_DONE, 0, 0, NULL, 0);
		assert_int_equal(wire_flush(&l.wire, &e), 0);
		assert_int_equal(reader_names(l.r, NULL, note_name, &b, &e), -1);
		assert_int_equal(e.reason, R_READER);
		err_clear(&e);
		reader_close(l.r);
		wire_close(&l.wire);
	}
	buf_free(&b);
}

static void lying_files(void **state)
{
	struct err e = {0};
	struct buf b = {0};
	struct liar l;

	(void)state;
	lie(&l);	/* more than was asked for */
	put(&l, WIRE_BYTES, 0, 0, "0123456789", 10);
	put(&l, WIRE_BYTES, 0, 0, "0", 1);
	assert_int_equal(wire_flush(&l.wire, &e), 0);
	assert_int_equal(reader_file(l.r, BUNDLE, NAMES_MANIFEST, 10, &b, &e), -1);
	assert_int_equal(e.reason, R_READER);
	assert_int_equal(b.len, 10);
	reader_close(l.r);
	wire_close(&l.wire);
	err_clear(&e);
	lie(&l);	/* bytes, and then: not there */
	put(&l, WIRE_BYTES, 0, 0, "0123456789", 10);
	put(&l, WIRE_DONE, 1, 0, NULL, 0);
	assert_int_equal(wire_flush(&l.wire, &e), 0);
	assert_int_equal(reader_file(l.r, BUNDLE, NAMES_MANIFEST, 20, &b, &e), -1);
	assert_int_equal(e.reason, R_READER);
	reader_close(l.r);
	wire_close(&l.wire);
	buf_free(&b);
}

/* The reader is gone when main asks: an error, not a signal. */
static void gone(void **state)
{
	struct err e = {0};
	struct buf b = {0};
	struct liar l;

	(void)state;
	lie(&l);
	wire_close(&l.wire);
	assert_int_equal(reader_file(l.r, BUNDLE, NAMES_MANIFEST, 10, &b, &e), -1);
	assert_int_equal(e.reason, R_READER);
	reader_close(l.r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define ON_MEDIUM(t) cmocka_unit_test_setup_teardown(t, open_medium, close_medium)
#define ON_SMALL(t) cmocka_unit_test_setup_teardown(t, small_index, close_medium)
		ON_MEDIUM(everything), ON_MEDIUM(names), ON_MEDIUM(files), ON_MEDIUM(no_medium), ON_MEDIUM(damage),
		ON_MEDIUM(frames_lost), ON_MEDIUM(cut_off), ON_MEDIUM(too_long), ON_MEDIUM(volume_of_other_type), ON_MEDIUM(stopped),
		ON_MEDIUM(unreadable),
		cmocka_unit_test_setup_teardown(header_lies, open_liar, close_medium),
		ON_SMALL(lying_orders), ON_SMALL(lying_slots), ON_SMALL(slot_in_use), ON_SMALL(lying_gaps), ON_SMALL(lying_damage), ON_SMALL(lying_forms),
		ON_SMALL(honest_damage), cmocka_unit_test(lying_names), cmocka_unit_test(lying_files), cmocka_unit_test(gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Taking objects in, volume by volume, hashed and written by several threads at once. What comes in parts is gathered while it
 * is small, and written as it comes where it is large or a piece. An object with wrong bytes
 * does not end those that are under way: what is complete is kept, whatever else the signer lied about. Goes on over damage.
 */
#include "import/stage.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import/lack.h"
#include "import/objects.h"
#include "lib/bulk.h"
#include "lib/digests.h"
#include "lib/progress.h"
#include "manifests/reason.h"
#include "verify/inflow.h"
#include "verify/reader.h"
#include "verify/unpack.h"
#include "verify/unseal.h"

#include "lib/banned.h"

#define GATHERED ((uint64_t)FRAME_SIZE)	/* objects over several frames up to this size are put as a whole */
#define OPEN_BYTES ((uint64_t)64 << 20)	/* pieces in a row that a run which is killed may lose */
_Static_assert(FRAME_SIZE <= BULK_BLOCK, "a block holds what lies within a frame");
#define WAITING 2	/* threads more than asked for: who writes past the page cache waits for the disk, and others work meanwhile */

struct taking {			/* one volume */
	const struct stage_ask *ask;
	struct stage_result *out;
	const struct volume *volume;
	uint64_t number;
	bool *want;
	bool *got;		/* each set by the one thread that has the object */
	pthread_mutex_t lock;	/* over lie, and what is added to out while several threads work */
	struct err lie;		/* R_OBJECT_DIGEST: bytes that are not what their digest says */
	size_t lie_of;		/* an entry of that object */
	/* Of objects in pieces, which come one after the other, by one thread: the piece that was open last, kept for the next of
	 * that object. Ended for each entry of an index it would be synced, and its map written, as many times. */
	struct objects_piece *open;
	size_t open_object;	/* an entry of that object */
	uint64_t open_bytes;
};
struct arrival {		/* an object that comes in parts */
	struct taking *t;
	size_t object;
	uint64_t len;		/* its bytes in this volume */
	uint64_t next;		/* where further bytes may begin */
	uint64_t received;
	uint8_t *gathered;	/* of one that is put as a whole */
	struct objects_piece *piece;	/* a large one, or a piece */
};

static void count(struct taking *t, uint64_t objects, uint64_t bytes)
{
	pthread_mutex_lock(&t->lock);
	t->out->objects += objects;
	t->out->bytes += bytes;
	pthread_mutex_unlock(&t->lock);
}

/* The first lie is kept, the others go on: 0. Any other error stays one: -1. */
static int note_lie(struct taking *t, size_t object, const struct err *why, struct err *e)
{
	if (why->reason != R_OBJECT_DIGEST) {
		*e = *why;
		return -1;
	}
	pthread_mutex_lock(&t->lock);
	if (t->lie.reason == ERR_NONE) {
		t->lie = *why;
		t->lie_of = object;
	}
	pthread_mutex_unlock(&t->lock);
	return 0;
}

static int put(struct taking *t, size_t object, const void *data, size_t len, struct err *e)
{
	struct err why = {0};
	bool new = false;

	if (objects_put(t->ask->objects, &t->volume->objects[object].sha256, data, len, &new, &why) == -1)
		return note_lie(t, object, &why, e);
	t->got[object] = true;
	if (new)
		count(t, 1, len);
	return 0;
}

/* inflow_sink: the bytes may change while they are looked at, so a copy is judged */
static int take_whole(void *arg, size_t object, const void *data, size_t len, struct err *e)
{
	struct taking *t = arg;
	uint8_t *copy = objects_block(t->ask->objects, e);
	int rc;

	if (copy == NULL)
		return -1;
	if (len > 0)
		memcpy(copy, data, len);
	rc = put(t, object, copy, len, e);
	objects_block_done(t->ask->objects, copy);
	progress_add(len);
	return rc;
}

/* ---- objects in parts ---- */

static int end_open(struct taking *t, struct err *e)
{
	struct err why = {0};
	int rc = objects_piece_end(t->open, &why);

	t->open = NULL;
	t->open_bytes = 0;
	if (rc == -1)
		return note_lie(t, t->open_object, &why, e);
	count(t, rc == 1, 0);
	return 0;
}

/* The one that is open where it is of the same object. */
static int open_piece(struct taking *t, const struct volume_object *o, struct objects_piece **out, struct err *e)
{
	if (t->open != NULL && digest_equal(&t->volume->objects[t->open_object].sha256, &o->sha256)) {
		*out = t->open;
		t->open = NULL;
		return 0;
	}
	if (end_open(t, e) == -1)
		return -1;
	*out = objects_piece_open(t->ask->objects, &o->sha256, o->size, e);
	return *out == NULL ? -1 : 0;
}

/* inflow_sink */
static int begin_object(void *arg, size_t object, void **arriving, struct err *e)
{
	struct taking *t = arg;
	const struct volume_object *o = &t->volume->objects[object];
	struct arrival *a = calloc(1, sizeof *a);

	if (a == NULL)
		return err_mem(e);
	*a = (struct arrival){.t = t, .object = object, .len = volume_object_len(o)};
	if (o->has_piece)
		open_piece(t, o, &a->piece, e);
	else if (a->len > GATHERED)
		a->piece = objects_piece_open(t->ask->objects, &o->sha256, o->size, e);
	else
		a->gathered = objects_block(t->ask->objects, e);
	if (a->piece != NULL || a->gathered != NULL) {
		*arriving = a;
		return 0;
	}
	free(a);
	return -1;
}

/* inflow_sink */
static int take_part(void *arriving, uint64_t from, const void *data, size_t len, void **rest, struct err *e)
{
	struct arrival *a = arriving;
	struct objects_rest *block = NULL;
	int rc;
	const struct volume_object *o = &a->t->volume->objects[a->object];

	if (from < a->next || from > a->len || len > a->len - from)
		return err_set(e, ERR_INTERNAL, "bytes that are not of the object asked for");
	a->next = from + len;
	a->received += len;
	progress_add(len);
	if (a->piece == NULL) {
		memcpy(a->gathered + from, data, len);
		return 0;
	}
	count(a->t, 0, len);
	rc = objects_piece_write(a->piece, (o->has_piece ? o->from : 0) + from, data, len, &block, e);
	*rest = block;
	return rc;
}

/* inflow_sink */
static int write_rest(void *rest, struct err *e)
{
	return objects_rest(rest, e);
}

/* A lie found later is none of this entry alone: nothing counts then. */
static int leave_open(struct arrival *a, bool all, struct err *e)
{
	struct taking *t = a->t;

	t->got[a->object] = all;
	t->open = a->piece;
	t->open_object = a->object;
	t->open_bytes += a->received;
	return t->open_bytes < OPEN_BYTES ? 0 : end_open(t, e);
}

static int end_piece(struct arrival *a, bool all, struct err *e)
{
	struct err why = {0};
	int rc = objects_piece_end(a->piece, &why);

	if (rc == -1)
		return note_lie(a->t, a->object, &why, e);
	a->t->got[a->object] = all;
	count(a->t, rc == 1, 0);
	return 0;
}

/* inflow_sink: after an error too, so that a large object's good extents are kept */
static int end_object(void *arriving, struct err *e)
{
	struct arrival *a = arriving;
	bool all = a->received == a->len;
	int rc = 0;

	if (a->piece != NULL && a->t->volume->objects[a->object].has_piece)
		rc = leave_open(a, all, e);
	else if (a->piece != NULL)
		rc = end_piece(a, all, e);
	else if (all)
		rc = put(a->t, a->object, a->gathered, (size_t)a->len, e);
	objects_block_done(a->t->ask->objects, a->gathered);
	free(a);
	return rc;
}

/* inflow_sink: nothing further is read after a lie. */
static int go_on(void *arg, struct err *e)
{
	struct taking *t = arg;
	bool lied;

	pthread_mutex_lock(&t->lock);
	lied = t->lie.reason != ERR_NONE;
	pthread_mutex_unlock(&t->lock);
	return lied ? err_set(e, R_OBJECT_DIGEST, "an object's bytes do not have its digest") : 0;
}

/* ---- damage ---- */

/* Names the wanted objects that have bytes in those frames. */
static void name_lost(const struct taking *t, const struct reader_damage *now, struct stage_damage *d)
{
	size_t last = now->frame + now->frames - 1;
	uint64_t from = unpack_frame_at(now->frame), to = unpack_frame_at(last) + t->volume->frames[last].holds;

	for (size_t i = 0; i < t->volume->objects_n && t->volume->objects[i].at < to; i++) {
		const struct volume_object *o = &t->volume->objects[i];

		if (!t->want[i] || o->at + volume_object_len(o) <= from || volume_object_len(o) == 0)
			continue;
		if (d->lost_n < STAGE_MAX_LOST)
			d->lost[d->lost_n] = o->sha256;
		d->lost_n++;
	}
}

/* The next place for a damage, or NULL where enough are told. */
static int new_damage(struct stage_result *r, const char *file, struct stage_damage **out, struct err *e)
{
	if (r->damages == NULL)
		r->damages = calloc(STAGE_MAX_DAMAGES, sizeof *r->damages);
	if (r->damages == NULL)
		return err_mem(e);
	*out = NULL;
	if (r->damages_n++ >= STAGE_MAX_DAMAGES)
		return 0;
	*out = &r->damages[r->damages_n - 1];
	snprintf((*out)->file, sizeof (*out)->file, "%s", file);
	return 0;
}

/* inflow_sink */
static int note_damage(void *arg, const struct reader_damage *now, struct err *e)
{
	struct taking *t = arg;
	struct stage_damage *d = NULL;
	char file[32];

	if (new_damage(t->out, names_volume(t->number, file), &d, e) == -1)
		return -1;
	if (d == NULL)
		return 0;
	d->frame = now->frame;
	d->frames = now->frames;
	d->at = now->at;
	d->size = now->size;
	d->reason = now->reason;
	snprintf(d->text, sizeof d->text, "%s", now->text);
	name_lost(t, now, d);
	return 0;
}

static bool is_lie(int reason)
{
	return reason == R_FRAME_FORM || reason == R_FRAME_SIZE || reason == R_ENTRY_HEADER || reason == R_OBJECT_DIGEST;
}

/* What a volume came to: errors of the signer become `lied`, others stay errors. */
static int judge(struct taking *t, int rc, struct err *why, uint64_t damages_before, struct err *e)
{
	uint64_t lost = 0;
	char file[32];

	if (rc == -1 && (why->reason == R_FILE_TYPE || why->reason == R_FILE_SIZE)) {	/* costs this volume at most */
		struct stage_damage *d;

		if (new_damage(t->out, names_volume(t->number, file), &d, e) == -1)
			return -1;
		if (d != NULL) {
			d->whole = true;
			d->reason = why->reason;
			snprintf(d->text, sizeof d->text, "%.190s", why->text);
		}
		rc = 1;
	}
	if (rc == -1 && is_lie(why->reason)) {
		err_prefix(why, "%s/%s", t->ask->bundle->name, names_volume(t->number, file));
		t->out->lied = *why;
		return 0;
	}
	if (rc == -1) {
		*e = *why;
		return -1;
	}
	for (size_t i = 0; i < t->volume->objects_n; i++)
		lost += t->want[i] && !t->got[i];
	t->out->lost += lost;
	if (lost > 0 && t->out->damages_n == damages_before)
		return err_set(e, R_READER, "%s/%s: the reader left out objects", t->ask->bundle->name,
			       names_volume(t->number, file));
	return 0;
}

static int read_volume(struct taking *t, struct err *e)
{
	const struct inflow_sink sink = {.arg = t, .whole = take_whole, .begin = begin_object, .part = take_part,
					 .rest = write_rest, .end = end_object, .damage = note_damage, .go_on = go_on,
					 .working = "objects: digest, writing", .finishing = "objects in pieces"};
	const struct inflow_ask ask = {t->ask->bundle->reader, t->ask->bundle->name, t->volume, t->want,
					t->ask->jobs + WAITING};
	uint64_t before = t->out->damages_n;
	struct err why = {0}, late = {0};
	int rc = inflow_volume(&ask, &sink, &why);

	if (end_open(t, rc == -1 ? &late : &why) == -1)
		rc = -1;
	if (t->lie.reason != ERR_NONE && (rc != -1 || is_lie(why.reason))) {
		why = t->lie;
		t->out->lied_of = t->volume->objects[t->lie_of].sha256;
		rc = -1;
	}
	return judge(t, rc, &why, before, e);
}

static int take_volume(const struct stage_ask *ask, uint64_t n, struct stage_result *out, struct err *e)
{
	struct taking t = {.ask = ask, .out = out, .number = n, .lock = PTHREAD_MUTEX_INITIALIZER};
	struct volume *v = bundle_volume(ask->bundle, n, e);
	int64_t wanted;
	int rc = -1;

	if (v == NULL)
		return -1;
	t.volume = v;
	t.want = calloc(v->objects_n + 1, sizeof *t.want);
	t.got = calloc(v->objects_n + 1, sizeof *t.got);
	if (t.want == NULL || t.got == NULL)
		err_mem(e);
	else {
		wanted = lack_volume(ask->objects, v, ask->lacking == NULL ? NULL : ask->lacking[n - 1], t.want, e);
		rc = wanted > 0 ? read_volume(&t, e) : wanted == 0 ? 0 : -1;
	}
	free(t.want);
	free(t.got);
	objects_blocks_free(ask->objects);
	pthread_mutex_destroy(&t.lock);
	volume_free(v);
	return rc;
}

/* ---- a bundle ---- */

static int take_volumes(const struct stage_ask *ask, struct stage_result *out, struct err *e)
{
	*out = (struct stage_result){0};
	for (uint64_t n = 1; n <= ask->bundle->manifest->volumes && out->lied.reason == ERR_NONE; n++)
		if (take_volume(ask, n, out, e) == -1)
			return -1;
	return 0;
}

static int take_again(const struct stage_ask *first, struct stage_result *out, struct err *e)
{
	uint64_t objects = out->objects, bytes = out->bytes;
	struct stage_ask ask = *first;
	int rc;

	ask.lacking = NULL;
	stage_result_free(out);
	rc = take_volumes(&ask, out, e);
	out->objects += objects;
	out->bytes += bytes;
	return rc;
}

static int add_former(void *arg, const struct digest *d, struct err *e)
{
	return digests_add(arg, d, e);
}

/* Whether the lie may be a former extent's. They are dropped by now: so once for each object. */
static bool may_be_former(struct digests *former, const struct stage_result *r)
{
	return r->lied.reason == R_OBJECT_DIGEST && digests_remove(former, &r->lied_of) > 0;
}

/*
 * An object whose extents came from several bundles has another digest: any of them may have lied, and all its extents were
 * dropped. What this bundle has of it is asked for once more, so that a bundle that lied never blocks a good one.
 */
int stage_bundle(const struct stage_ask *ask, struct stage_result *out, struct err *e)
{
	struct digests former = {0};	/* objects of which extents came before this bundle */
	int rc;

	*out = (struct stage_result){0};
	rc = objects_each_piece(ask->objects, add_former, &former, e);
	if (rc == 0)
		rc = take_volumes(ask, out, e);
	while (rc == 0 && may_be_former(&former, out))
		rc = take_again(ask, out, e);
	digests_free(&former);
	return rc;
}

void stage_result_free(struct stage_result *r)
{
	free(r->damages);
	r->damages = NULL;
}

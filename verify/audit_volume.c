/*
 * A volume, looked at completely (verify/audit_volume.h). Reports damaged frames with the objects they hit, objects whose bytes
 * do not have their digest, and volumes that are not what the signed index says.
 */
#include "verify/audit_volume.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "lib/progress.h"
#include "manifests/limits.h"
#include "manifests/reason.h"
#include "manifests/volume.h"
#include "verify/bundle.h"
#include "verify/carried.h"
#include "verify/inflow.h"
#include "verify/pieces.h"
#include "verify/reader.h"
#include "verify/report.h"
#include "verify/unpack.h"

#include "lib/banned.h"

#define HITS_NAMED 8	/* objects named for damaged frames; the others are counted */

enum verdict { NOT_SEEN, RIGHT, WRONG };	/* of an object whose bytes came as a whole, by now */

struct at_hand {
	struct audit_volume *a;
	const struct volume *index;
	const char *place;
	uint8_t *verdicts;	/* of each object; one thread at most writes each */
	pthread_mutex_t lock;	/* over a->carried's documents */
	atomic_bool fatal;	/* an error of ours, not of the medium */
};
struct arrival {		/* an object that comes in parts */
	struct at_hand *h;
	size_t object;
	uint64_t next;		/* bytes of it that came, without a gap */
	bool is_document;	/* as far as was seen: a contents list */
	bool lost;		/* bytes of it were */
	struct piece *piece;	/* it is one, NULL: of nothing that was expected; */
	bool alone;		/* of an object that this bundle has all of. Else: */
	struct digest_ctx *hash;
	struct buf document;	/* while it may be one */
};

/* ---- one object ---- */

static int noted(struct at_hand *h, int rc)
{
	if (rc == -1)
		atomic_store(&h->fatal, true);
	return rc;
}

static bool may_be_document(const struct volume_object *o)
{
	return !o->has_piece && o->size >= strlen(CARRIED_PREFIX) && o->size <= MAX_CONTENTS_SIZE;
}

static bool begins_as_document(const void *data, size_t len)
{
	return len >= strlen(CARRIED_PREFIX) && memcmp(data, CARRIED_PREFIX, strlen(CARRIED_PREFIX)) == 0;
}

static int keep_document(struct at_hand *h, size_t object, struct buf *bytes, struct err *e)
{
	int rc;

	pthread_mutex_lock(&h->lock);
	rc = carried_add_document(h->a->carried, &h->index->objects[object].sha256, bytes, e);
	pthread_mutex_unlock(&h->lock);
	return rc;
}

static int compare(struct at_hand *h, size_t object, const void *data, size_t len, struct err *e)
{
	struct digest d;

	if (digest_of(data, len, &d, e) == -1)
		return -1;
	h->verdicts[object] = digest_equal(&d, &h->index->objects[object].sha256) ? RIGHT : WRONG;
	return 0;
}

/* The bytes may change at any moment (verify/inflow.h): what is kept is copied first, and the copy judged. */
static int judge_document(struct at_hand *h, size_t object, const void *data, size_t len, struct err *e)
{
	struct buf copy = {0};
	int rc;

	buf_append(&copy, data, len);
	rc = buf_ok(&copy, e);
	if (rc == 0)
		rc = compare(h, object, copy.data, len, e);
	if (rc == 0 && h->verdicts[object] == RIGHT)
		rc = keep_document(h, object, &copy, e);
	buf_free(&copy);
	return rc;
}

static int judge_whole(struct at_hand *h, size_t object, const void *data, size_t len, struct err *e)
{
	progress_add(len);
	if (may_be_document(&h->index->objects[object]) && begins_as_document(data, len))
		return judge_document(h, object, data, len, e);
	return compare(h, object, data, len, e);
}

/* inflow_sink */
static int take_whole(void *arg, size_t object, const void *data, size_t len, struct err *e)
{
	return noted(arg, judge_whole(arg, object, data, len, e));
}

/* ---- an object in parts ---- */

static void free_arrival(struct arrival *a)
{
	digest_close(a->hash);
	buf_free(&a->document);
	free(a);
}

static int begin(struct at_hand *h, size_t object, struct arrival **out, struct err *e)
{
	const struct volume_object *o = &h->index->objects[object];
	struct arrival *a = calloc(1, sizeof *a);

	if (a == NULL)
		return err_mem(e);
	*a = (struct arrival){.h = h, .object = object, .is_document = may_be_document(o)};
	if (o->has_piece)
		a->piece = pieces_find(h->a->pieces, h->a->bundle, o, &a->alone);
	else
		a->hash = digest_open(e);
	if (o->has_piece || a->hash != NULL) {
		*out = a;
		return 0;
	}
	free_arrival(a);
	return -1;
}

/* Copies bytes of what still looks like a contents list; *data leads to the copy then, which is what must be hashed. */
static int gather(struct arrival *a, const void **data, size_t len, struct err *e)
{
	static const char prefix_text[] = CARRIED_PREFIX;
	size_t seen = a->document.len, prefix = strlen(prefix_text);

	if (seen < prefix) {
		size_t n = len < prefix - seen ? len : prefix - seen;

		a->is_document = memcmp(*data, prefix_text + seen, n) == 0;
	}
	if (!a->is_document)
		return 0;
	if (buf_reserve(&a->document, (size_t)a->h->index->objects[a->object].size - seen) == 0)
		buf_append(&a->document, *data, len);
	if (buf_ok(&a->document, e) == -1)
		return -1;
	*data = a->document.data + seen;
	return 0;
}

static int add_part(struct arrival *a, uint64_t from, const void *data, size_t len, struct err *e)
{
	const struct volume_object *o = &a->h->index->objects[a->object];

	progress_add(len);
	if (o->has_piece)
		return a->piece == NULL ? 0 : pieces_add(a->h->a->pieces, a->piece, o->from + from, data, len, e);
	a->lost = a->lost || from != a->next;
	if (a->lost)
		return 0;
	if (a->is_document && gather(a, &data, len, e) == -1)
		return -1;
	digest_update(a->hash, data, len);
	a->next += len;
	return 0;
}

/* An object that was put together, and may be a contents list. */
static int keep_joined(struct arrival *a, struct err *e)
{
	struct at_hand *h = a->h;
	struct buf bytes = {0};
	int rc = pieces_document(h->a->pieces, a->piece, &bytes, e);

	if (rc == 0 && begins_as_document(bytes.data, bytes.len))
		rc = keep_document(h, a->object, &bytes, e);
	buf_free(&bytes);
	return rc == -1 ? -1 : 0;
}

static int judge_piece(struct arrival *a, struct err *e)
{
	enum pieces_verdict verdict;

	if (a->piece == NULL) {
		a->h->a->unexpected++;
		return 0;
	}
	verdict = pieces_end(a->piece);
	if (verdict == PIECES_WRONG)
		a->h->verdicts[a->object] = WRONG;
	if (verdict != PIECES_RIGHT)
		return 0;
	if (a->alone)
		a->h->verdicts[a->object] = RIGHT;
	return keep_joined(a, e);
}

static int judge(struct arrival *a, struct err *e)
{
	const struct volume_object *o = &a->h->index->objects[a->object];
	struct digest d;

	if (a->lost || a->next < o->size)
		return 0;
	if (digest_final(a->hash, &d, e) == -1)
		return -1;
	a->h->verdicts[a->object] = digest_equal(&d, &o->sha256) ? RIGHT : WRONG;
	if (a->h->verdicts[a->object] == RIGHT && a->is_document)
		return keep_document(a->h, a->object, &a->document, e);
	return 0;
}

/* inflow_sink */
static int begin_object(void *arg, size_t object, void **arriving, struct err *e)
{
	struct arrival *a = NULL;
	int rc = begin(arg, object, &a, e);

	*arriving = a;
	return noted(arg, rc);
}

/* inflow_sink */
static int take_part(void *arriving, uint64_t from, const void *data, size_t len, void **rest, struct err *e)
{
	struct arrival *a = arriving;

	(void)rest;
	return noted(a->h, add_part(a, from, data, len, e));
}

/* inflow_sink */
static int end_object(void *arriving, struct err *e)
{
	struct arrival *a = arriving;
	int rc = noted(a->h, a->h->index->objects[a->object].has_piece ? judge_piece(a, e) : judge(a, e));

	free_arrival(a);
	return rc;
}

/* ---- damage ---- */

/* The objects with data in these frames: "9f…, 41… and 3 others". */
static void name_hits(const struct volume *index, const struct reader_damage *d, struct buf *out)
{
	size_t last = d->frame + d->frames - 1;
	uint64_t from = unpack_frame_at(d->frame), to = unpack_frame_at(last) + index->frames[last].holds;
	char hex[DIGEST_HEX + 1];
	size_t hits = 0;

	for (size_t i = 0; i < index->objects_n; i++) {
		const struct volume_object *o = &index->objects[i];

		if (o->at >= to || o->at + volume_object_len(o) <= from)
			continue;
		if (hits++ < HITS_NAMED)
			buf_printf(out, "%s%s", hits == 1 ? "" : ", ", digest_hex(&o->sha256, hex));
	}
	if (hits > HITS_NAMED)
		buf_printf(out, " and %zu others", hits - HITS_NAMED);
	if (hits == 0)
		buf_puts(out, "none");
}

static int take_damage(void *arg, const struct reader_damage *d, struct err *e)
{
	struct at_hand *h = arg;
	struct buf hits = {0};
	char frames[INFLOW_FRAMES];

	h->a->damaged += d->frames;
	name_hits(h->index, d, &hits);
	if (buf_ok(&hits, e) == -1) {
		buf_free(&hits);
		return -1;
	}
	report_finding(h->a->report, d->reason, h->place, "%s: %s; it costs objects: %s", inflow_frames(d, frames), d->text,
		       (const char *)hits.data);
	buf_free(&hits);
	return 0;
}

/* ---- the volume ---- */

/* In order of the index, whatever the order in which they were hashed. */
static int tell_objects(struct at_hand *h, struct err *e)
{
	char hex[DIGEST_HEX + 1];

	for (size_t i = 0; i < h->index->objects_n; i++) {
		const struct volume_object *o = &h->index->objects[i];

		if (h->verdicts[i] == WRONG)
			report_finding(h->a->report, R_OBJECT_DIGEST, h->place, "object %s has other bytes",
				       digest_hex(&o->sha256, hex));
		if (carried_add(h->a->carried, &o->sha256, o->size, h->verdicts[i] == RIGHT, e) == -1)
			return -1;
	}
	return 0;
}

/* Errors of ours and of the reader process end it; what is wrong with the volume is a finding. */
static int read_volume(struct at_hand *h, const struct bundle *b, const bool *want, struct err *e)
{
	const struct inflow_sink sink = {.arg = h, .whole = take_whole, .begin = begin_object, .part = take_part,
					 .end = end_object, .damage = take_damage, .working = "objects: digest", .finishing = "objects in pieces"};
	const struct inflow_ask ask = {b->reader, b->name, h->index, want, h->a->jobs};
	struct err why = {0};
	int rc = inflow_volume(&ask, &sink, &why);

	if (rc == -1 && (h->fatal || report_is_fatal(&why) || why.reason == R_READER || why.reason == R_MEDIUM_TIMEOUT))
		return err_set(e, why.reason, "%s: %s", h->place, why.text);
	if (tell_objects(h, e) == -1)
		return -1;
	if (rc == -1)
		report_err(h->a->report, h->place, &why);
	return 0;
}

int audit_volume(struct audit_volume *a, const struct bundle *b, const struct volume *index, const char *place, struct err *e)
{
	struct at_hand h = {.a = a, .index = index, .place = place, .lock = PTHREAD_MUTEX_INITIALIZER};
	bool *want = calloc(index->objects_n + 1, sizeof *want);
	int rc = -1;

	h.verdicts = calloc(index->objects_n + 1, sizeof *h.verdicts);
	if (want == NULL || h.verdicts == NULL)
		err_mem(e);
	else {
		for (size_t i = 0; i < index->objects_n; i++) {
			want[i] = true;
			a->bytes += volume_object_len(&index->objects[i]);
		}
		rc = read_volume(&h, b, want, e);
	}
	free(want);
	free(h.verdicts);
	pthread_mutex_destroy(&h.lock);
	return rc;
}

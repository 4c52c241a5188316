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

#define HITS_NAMED 8	/* objects named for a damaged frame; the others are counted */

enum verdict { NOT_SEEN, RIGHT, WRONG };	/* of an object whose bytes came as a whole, by now */

struct at_hand {
	struct audit_volume *a;
	const struct volume *index;
	const char *place;
	uint8_t *verdicts;	/* of each object; one thread at most writes each */
	pthread_mutex_t lock;	/* over a->carried's documents */
	atomic_bool fatal;	/* an error of ours, not of the medium */
	/* The object that comes in parts; no other thread's matter. */
	size_t object;		/* objects_n: none */
	uint64_t next;		/* bytes of it that came, without a gap */
	bool whole_lost;	/* bytes of it were lost */
	bool is_document;	/* as far as was seen */
	struct piece *piece;
	struct digest_ctx *hash;
	struct buf document;	/* while it may be a contents list */
};

/* ---- one object ---- */

static bool may_be_document(const struct volume_object *o)
{
	return !o->has_piece && o->size >= strlen(CARRIED_PREFIX) && o->size <= MAX_CONTENTS_SIZE;
}

static bool begins_as_document(const void *data, size_t len)
{
	return len >= strlen(CARRIED_PREFIX) && memcmp(data, CARRIED_PREFIX, strlen(CARRIED_PREFIX)) == 0;
}

static int keep_document(struct at_hand *h, size_t object, const void *data, size_t len, struct err *e)
{
	int rc;

	pthread_mutex_lock(&h->lock);
	rc = carried_add_document(h->a->carried, &h->index->objects[object].sha256, data, len, e);
	pthread_mutex_unlock(&h->lock);
	return rc;
}

static int judge_whole(struct at_hand *h, size_t object, const void *data, size_t len, struct err *e)
{
	const struct volume_object *o = &h->index->objects[object];
	struct digest d;

	progress_add(len);
	if (digest_of(data, len, &d, e) == -1)
		return -1;
	h->verdicts[object] = digest_equal(&d, &o->sha256) ? RIGHT : WRONG;
	if (h->verdicts[object] == RIGHT && may_be_document(o) && begins_as_document(data, len))
		return keep_document(h, object, data, len, e);
	return 0;
}

/* inflow_sink */
static int take_whole(void *arg, size_t object, const void *data, size_t len, struct err *e)
{
	struct at_hand *h = arg;

	if (judge_whole(h, object, data, len, e) == 0)
		return 0;
	atomic_store(&h->fatal, true);
	return -1;
}

/* ---- an object in parts ---- */

static int begin(struct at_hand *h, size_t object, struct err *e)
{
	const struct volume_object *o = &h->index->objects[object];

	h->object = object;
	h->next = 0;
	h->whole_lost = false;
	h->piece = NULL;
	buf_clear(&h->document);
	h->is_document = may_be_document(o);
	if (o->has_piece) {
		h->piece = pieces_get(h->a->pieces, o, e);
		if (h->piece == NULL)
			return -1;
	}
	return 0;
}

/* Keeps bytes of what still looks like a contents list. */
static int gather(struct at_hand *h, const void *data, size_t len, struct err *e)
{
	static const char prefix_text[] = CARRIED_PREFIX;
	size_t seen = h->document.len, prefix = strlen(prefix_text);

	if (seen < prefix) {
		size_t n = len < prefix - seen ? len : prefix - seen;

		h->is_document = memcmp(data, prefix_text + seen, n) == 0;
	}
	if (h->is_document)
		buf_append(&h->document, data, len);
	return buf_ok(&h->document, e);
}

/* All that will come of the object at hand has come. */
static int finish(struct at_hand *h, struct err *e)
{
	size_t object = h->object;
	const struct volume_object *o;
	struct digest d;

	if (object == h->index->objects_n)
		return 0;
	o = &h->index->objects[object];
	h->object = h->index->objects_n;
	if (o->has_piece) {
		int right = 0, rc = pieces_end(h->a->pieces, h->piece, &right, e);

		if (rc == 1)
			h->verdicts[object] = right == 1 ? RIGHT : WRONG;
		return rc == -1 ? -1 : 0;
	}
	if (digest_final(h->hash, &d, e) == -1)
		return -1;
	if (h->whole_lost || h->next < o->size)
		return 0;
	h->verdicts[object] = digest_equal(&d, &o->sha256) ? RIGHT : WRONG;
	if (h->verdicts[object] == RIGHT && h->is_document)
		return keep_document(h, object, h->document.data, h->document.len, e);
	return 0;
}

static int add_part(struct at_hand *h, size_t object, uint64_t from, const void *data, size_t len, struct err *e)
{
	const struct volume_object *o = &h->index->objects[object];

	if (object != h->object && (finish(h, e) == -1 || begin(h, object, e) == -1))
		return -1;
	progress_add(len);
	if (h->piece != NULL)
		pieces_add(h->piece, o->from + from, data, len);
	else if (from != h->next)
		h->whole_lost = true;
	else
		digest_update(h->hash, data, len);
	if (from == h->next)
		h->next += len;
	if (h->is_document && !h->whole_lost && gather(h, data, len, e) == -1)
		return -1;
	return h->piece == NULL && h->next == o->size && !h->whole_lost ? finish(h, e) : 0;
}

/* inflow_sink */
static int take_part(void *arg, size_t object, uint64_t from, const void *data, size_t len, struct err *e)
{
	struct at_hand *h = arg;

	if (add_part(h, object, from, data, len, e) == 0)
		return 0;
	atomic_store(&h->fatal, true);
	return -1;
}

/* ---- damage ---- */

/* The objects with data in a frame: "objects 9f…, 41… and 3 others". */
static void name_hits(const struct volume *index, size_t frame, struct buf *out)
{
	uint64_t from = unpack_frame_at(frame), to = from + index->frames[frame].holds;
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

	h->a->damaged++;
	name_hits(h->index, d->frame, &hits);
	if (buf_ok(&hits, e) == -1) {
		buf_free(&hits);
		return -1;
	}
	report_finding(h->a->report, d->reason, h->place, "frame %zu at %llu: %s; it costs objects: %s", d->frame,
		       (unsigned long long)d->at, d->text, (const char *)hits.data);
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
	const struct inflow_sink sink = {.arg = h, .whole = take_whole, .part = take_part, .damage = take_damage,
					 .working = "objects: digest", .finishing = "objects over several frames"};
	const struct inflow_ask ask = {b->reader, b->name, h->index, want, h->a->jobs};
	struct err why = {0};
	int rc = inflow_volume(&ask, &sink, &why);

	if (rc == -1 && (h->fatal || report_is_fatal(&why) || why.reason == R_READER || why.reason == R_MEDIUM_TIMEOUT))
		return err_set(e, why.reason, "%s: %s", h->place, why.text);
	if (finish(h, e) == -1 || tell_objects(h, e) == -1)
		return -1;
	if (rc == -1)
		report_err(h->a->report, h->place, &why);
	return 0;
}

int audit_volume(struct audit_volume *a, const struct bundle *b, const struct volume *index, const char *place, struct err *e)
{
	struct at_hand h = {.a = a, .index = index, .place = place, .object = index->objects_n, .lock = PTHREAD_MUTEX_INITIALIZER};
	bool *want = calloc(index->objects_n + 1, sizeof *want);
	int rc = -1;

	h.verdicts = calloc(index->objects_n + 1, sizeof *h.verdicts);
	h.hash = digest_open(e);
	if (want == NULL || h.verdicts == NULL)
		err_mem(e);
	else if (h.hash != NULL) {
		for (size_t i = 0; i < index->objects_n; i++) {
			want[i] = true;
			a->bytes += volume_object_len(&index->objects[i]);
		}
		rc = read_volume(&h, b, want, e);
	}
	free(want);
	free(h.verdicts);
	digest_close(h.hash);
	buf_free(&h.document);
	pthread_mutex_destroy(&h.lock);
	return rc;
}

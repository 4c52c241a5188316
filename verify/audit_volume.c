/*
 * A volume, looked at completely (verify/audit_volume.h). Reports damaged frames with the objects they hit, objects whose bytes
 * do not have their digest, and volumes that are not what the signed index says.
 */
#include "verify/audit_volume.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/digest.h"
#include "lib/err.h"
#include "lib/progress.h"
#include "manifests/limits.h"
#include "manifests/reason.h"
#include "manifests/volume.h"
#include "verify/bundle.h"
#include "verify/carried.h"
#include "verify/pieces.h"
#include "verify/reader.h"
#include "verify/report.h"
#include "verify/unpack.h"

#include "lib/banned.h"

#define HITS_NAMED 8	/* objects named for a damaged frame; the others are counted */

struct at_hand {
	struct audit_volume *a;
	const struct volume *index;
	const char *place;
	size_t object;		/* the one whose bytes come in; objects_n: none */
	uint64_t next;		/* bytes of it that came, without a gap */
	struct piece *piece;
	bool whole_lost;	/* bytes of it were lost */
	bool is_document;	/* as far as was seen */
	bool fatal;		/* an error of ours, not of the medium */
};

/* ---- one object ---- */

static int begin(struct at_hand *h, size_t object, struct err *e)
{
	const struct volume_object *o = &h->index->objects[object];

	h->object = object;
	h->next = 0;
	h->whole_lost = false;
	h->piece = NULL;
	buf_clear(&h->a->document);
	h->is_document = !o->has_piece && o->size >= strlen(CARRIED_PREFIX) && o->size <= MAX_CONTENTS_SIZE;
	if (o->has_piece) {
		h->piece = pieces_get(h->a->pieces, o, e);
		if (h->piece == NULL)
			return -1;
	}
	return 0;
}

/* Keeps bytes of what still looks like a contents list. */
static int keep_document(struct at_hand *h, const void *data, size_t len, struct err *e)
{
	static const char prefix_text[] = CARRIED_PREFIX;
	struct buf *b = &h->a->document;
	size_t seen = b->len, prefix = strlen(prefix_text);

	if (seen < prefix) {
		size_t n = len < prefix - seen ? len : prefix - seen;

		h->is_document = memcmp(data, prefix_text + seen, n) == 0;
	}
	if (h->is_document)
		buf_append(b, data, len);
	return buf_ok(b, e);
}

/* Starts a hash anew after bytes that were never asked for its result. */
static int restart(struct digest_ctx *hash, struct err *e)
{
	struct digest unused;

	return digest_final(hash, &unused, e);
}

static int judge(struct at_hand *h, const struct volume_object *o, bool right, struct err *e)
{
	char hex[DIGEST_HEX + 1];

	if (!right)
		report_finding(h->a->report, R_OBJECT_DIGEST, h->place, "object %s has other bytes",
			       digest_hex(&o->sha256, hex));
	if (carried_add(h->a->carried, &o->sha256, o->size, right, e) == -1)
		return -1;
	return right && h->is_document ? carried_add_document(h->a->carried, &o->sha256, h->a->document.data,
							      h->a->document.len, e)
				       : 0;
}

static int end_piece(struct at_hand *h, const struct volume_object *o, struct err *e)
{
	int right = 0, rc = pieces_end(h->a->pieces, h->piece, &right, e);

	h->piece = NULL;
	if (rc == -1)
		return -1;
	return rc == 1 ? judge(h, o, right == 1, e) : carried_add(h->a->carried, &o->sha256, o->size, false, e);
}

/* All that will come of the object at hand has come. */
static int finish(struct at_hand *h, struct err *e)
{
	const struct volume_object *o;
	struct digest d;

	if (h->object == h->index->objects_n)
		return 0;
	o = &h->index->objects[h->object];
	h->object = h->index->objects_n;
	if (o->has_piece)
		return end_piece(h, o, e);
	if (h->whole_lost || h->next < o->size)
		return restart(h->a->hash, e) == -1 ? -1 : carried_add(h->a->carried, &o->sha256, o->size, false, e);
	if (digest_final(h->a->hash, &d, e) == -1)
		return -1;
	return judge(h, o, digest_equal(&d, &o->sha256), e);
}

static int take(struct at_hand *h, size_t object, uint64_t from, const void *data, size_t len, struct err *e)
{
	const struct volume_object *o = &h->index->objects[object];

	if (object != h->object && (finish(h, e) == -1 || begin(h, object, e) == -1))
		return -1;
	progress_add(len);
	if (h->piece != NULL)
		pieces_add(h->piece, o->from + from, data, len);
	else if (from != h->next)
		h->whole_lost = true;
	else if (len > 0)
		digest_update(h->a->hash, data, len);
	if (from == h->next)
		h->next += len;
	if (h->is_document && !h->whole_lost && len > 0 && keep_document(h, data, len, e) == -1)
		return -1;
	return h->piece == NULL && h->next == o->size && !h->whole_lost ? finish(h, e) : 0;
}

static int take_bytes(void *arg, size_t object, uint64_t from, const void *data, size_t len, struct err *e)
{
	struct at_hand *h = arg;

	if (take(h, object, from, data, len, e) == 0)
		return 0;
	h->fatal = true;
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
		h->fatal = true;
		buf_free(&hits);
		return -1;
	}
	report_finding(h->a->report, d->reason, h->place, "frame %zu at %llu: %s; it costs objects: %s", d->frame,
		       (unsigned long long)d->at, d->text, (const char *)hits.data);
	buf_free(&hits);
	return 0;
}

int audit_volume(struct audit_volume *a, const struct bundle *b, const struct volume *index, const char *place, struct err *e)
{
	struct at_hand h = {.a = a, .index = index, .place = place, .object = index->objects_n};
	struct reader_sink sink = {&h, take_bytes, take_damage};
	bool *want = calloc(index->objects_n + 1, sizeof *want);
	struct err why = {0};
	int rc;

	if (want == NULL)
		return err_mem(e);
	for (size_t i = 0; i < index->objects_n; i++) {
		want[i] = true;
		a->bytes += volume_object_len(&index->objects[i]);
	}
	rc = reader_volume(b->reader, b->name, index, want, &sink, &why);
	free(want);
	if (rc == -1 && (h.fatal || report_is_fatal(&why) || why.reason == R_READER || why.reason == R_MEDIUM_TIMEOUT))
		return err_set(e, why.reason, "%s: %s", place, why.text);
	if (rc == -1)
		report_err(a->report, place, &why);
	return finish(&h, e);
}

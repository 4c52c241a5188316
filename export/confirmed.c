/*
 * From receipts and acknowledgements to the objects that need not be carried again. receipts, sent | CONFIRMED | select.
 * In doubt an object counts as lacking: it is carried once more, and nothing stays missing.
 */
#include "export/confirmed.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "export/cargo.h"
#include "export/lasting.h"
#include "export/receipts.h"
#include "export/sent.h"
#include "export/station.h"
#include "lib/err.h"
#include "manifests/contents.h"
#include "manifests/receipt.h"
#include "manifests/reason.h"

#include "lib/banned.h"

struct part {			/* an object that is there in part */
	struct digest sha256;
	struct extents lacks;
};
struct confirmed {
	struct receipt *receipt;
	const char *held;	/* the mapped objects file, held_size bytes */
	size_t held_size;
	struct cargo set;	/* objects confirmed otherwise; sizes mean nothing */
	void *parts;		/* of struct part (tsearch) */
	bool any;
};

const struct extents confirmed_whole;

/* ---- parts ---- */

static int compare(const void *a, const void *b)
{
	return digest_compare(&((const struct part *)a)->sha256, &((const struct part *)b)->sha256);
}

static struct part *find_part(const struct confirmed *c, const struct digest *d)
{
	const struct part key = {.sha256 = *d};
	void *const *node = tfind(&key, &c->parts, compare);

	return node == NULL ? NULL : *node;
}

/* A new part, that lacks nothing yet. */
static struct part *add_part(struct confirmed *c, const struct digest *d, struct err *e)
{
	struct part *p = calloc(1, sizeof *p);

	if (p != NULL) {
		p->sha256 = *d;
		if (tsearch(p, &c->parts, compare) != NULL)
			return p;
		free(p);
	}
	err_mem(e);
	return NULL;
}

static void free_part(void *p)
{
	extents_free(&((struct part *)p)->lacks);
	free(p);
}

/* ---- the newest receipt ---- */

static int map_held(struct confirmed *c, const struct station *s, struct err *e)
{
	struct file f = FILE_CLOSED;
	void *p;

	if (c->receipt->objects.count == 0)
		return 0;
	if (receipts_open_held(s, c->receipt, &f, e) == -1)
		return -1;
	p = mmap(NULL, c->receipt->objects.size, PROT_READ, MAP_PRIVATE, f.fd, 0);
	if (p == MAP_FAILED) {
		err_sys(e, "%s", f.name);
	} else {
		c->held = p;
		c->held_size = c->receipt->objects.size;
	}
	file_close(&f);
	return p == MAP_FAILED ? -1 : 0;
}

static bool is_held(const struct confirmed *c, const struct digest *d)
{
	size_t low = 0, high = c->held_size / RECEIPT_LINE;
	char hex[DIGEST_HEX + 1];

	digest_hex(d, hex);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = memcmp(c->held + middle * RECEIPT_LINE, hex, DIGEST_HEX);

		if (order == 0)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* Objects of which the store has a part. */
static int take_extents(struct confirmed *c, struct err *e)
{
	const struct receipt *r = c->receipt;

	for (size_t i = 0; i < r->missing_n; i++) {
		const struct receipt_missing *m = &r->missing[i];
		struct part *p;

		if (!m->has_from)
			continue;
		p = find_part(c, &m->sha256);
		if (p == NULL && (p = add_part(c, &m->sha256, e)) == NULL)
			return -1;
		if (extents_add(&p->lacks, m->from, m->from + m->length, e) == -1)
			return -1;
	}
	return 0;
}

static bool is_missing(const struct receipt *r, const struct digest *d)
{
	size_t n;

	receipt_find_missing(r, d, &n);
	return n > 0;
}

/* An object that a list of the receipt needs, and that isn't missing. */
static int take_object(struct confirmed *c, const struct digest *d, struct err *e)
{
	return is_missing(c->receipt, d) || cargo_add(&c->set, d, 0, NULL, e) != -1 ? 0 : -1;
}

/* Every record's object, but for those of a part that is missing at the store: what it names was never seen there. */
static int take_records(struct confirmed *c, struct contents_reader *r, bool received, struct err *e)
{
	const struct contents_part *asked = NULL;
	const struct record *record;
	bool unseen = false;
	int got;

	while ((got = contents_reader_next(r, &record, e)) > 0) {
		const struct contents_part *at = contents_reader_part(r);

		if (at != asked)
			unseen = !received && is_missing(c->receipt, &at->sha256);
		asked = at;
		if (got == 1 && record->has_file && !unseen && take_object(c, &record->sha256, e) == -1)
			return -1;
	}
	return got;
}

/* What an entry needs. received: all of it came once, also what a contents list or part that is missing now names. */
static int take_entry(struct confirmed *c, const struct station *s, const struct approval *p, bool received, struct err *e)
{
	struct contents_reader *r = NULL;
	const struct contents_part *parts;
	size_t n;
	int rc;

	if (!received && is_missing(c->receipt, &p->contents.sha256))
		return 0;
	rc = contents_reader_open(&p->contents, p->item, station_fetch, (void *)(uintptr_t)s, &r, e);
	if (rc != 0)
		return rc == 1 ? 0 : -1;	/* the station dropped it: in doubt it is carried again */
	parts = contents_reader_parts(r, &n);
	rc = take_object(c, &p->contents.sha256, e);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = take_object(c, &parts[i].sha256, e);
	if (rc == 0)
		rc = take_records(c, r, received, e);
	contents_reader_close(r);
	return rc;
}

/* What a list needs for the rings that the receipt states. */
static int take_list(struct confirmed *c, const struct station *s, const struct receipt_list *ref, bool received, struct err *e)
{
	const struct receipt_stream *stream = receipt_stream(c->receipt, s->config.stream);
	struct approvals *a = NULL;
	struct err why = {0};
	int rc = 0;

	if (station_list_load(s, ref->epoch, ref->revision, &a, NULL, &why) == -1) {
		if (why.reason == ERR_MISSING)
			return 0;
		*e = why;
		return -1;
	}
	for (size_t i = 0; rc == 0 && digest_equal(&a->digest, &ref->sha256) && i < a->items_n; i++)
		if (approvals_entry(a, a->items[i].item, stream->rings, stream->rings_n) == &a->items[i])
			rc = take_entry(c, s, &a->items[i], received, e);
	approvals_free(a);
	return rc;
}

static bool same_list(const struct receipt_list *a, const struct receipt_list *b)
{
	return a->epoch == b->epoch && a->revision == b->revision && digest_equal(&a->sha256, &b->sha256);
}

/* Objects are not listed: what its lists need, but for what is missing. A list that was gone back to says nothing: what of it
 * was revoked since need not be there. */
static int take_brief(struct confirmed *c, const struct station *s, struct err *e)
{
	const struct receipt *r = c->receipt;
	const struct receipt_stream *stream = receipt_stream(r, s->config.stream);
	uint64_t named = 0;
	bool whole;

	for (size_t i = 0; i < r->missing_n; i++)
		named += i == 0 || !digest_equal(&r->missing[i - 1].sha256, &r->missing[i].sha256);
	if (stream == NULL || named < r->lacks)
		return 0;
	whole = stream->has_complete && !stream->has_rollback;
	if (whole && take_list(c, s, &stream->complete, true, e) == -1)
		return -1;
	if (!stream->has_newest || (whole && same_list(&stream->newest, &stream->complete)))
		return 0;
	return take_list(c, s, &stream->newest, false, e);
}

static int take_receipt(struct confirmed *c, const struct station *s, const char *destination, struct err *e)
{
	int rc = receipts_newest(s, destination, &c->receipt, e);

	if (rc != 0)
		return rc == 1 ? 0 : -1;
	c->any = true;
	if (take_extents(c, e) == -1)
		return -1;
	return c->receipt->has_objects ? map_held(c, s, e) : take_brief(c, s, e);
}

/* ---- bundles ---- */

struct bundles {
	struct confirmed *c;
	const struct station *s;
	const char *destination;
	const struct receipts_acknowledged *acknowledged;
	enum confirmed_use use;
	struct lasting lasting;
	const struct manifest *at;
};

static int take_carried(void *arg, const struct volume_object *o, struct err *e)
{
	const struct bundles *b = arg;
	struct confirmed *c = b->c;
	struct part *p;

	if (!lasting_has(&b->lasting, b->s, b->at, &o->sha256))
		return 0;
	if (!o->has_piece)
		return cargo_add(&c->set, &o->sha256, 0, NULL, e) == -1 ? -1 : 0;
	p = find_part(c, &o->sha256);
	if (p == NULL) {
		p = add_part(c, &o->sha256, e);
		if (p == NULL || extents_add(&p->lacks, 0, o->size, e) == -1)
			return -1;
	}
	return extents_remove(&p->lacks, o->from, o->from + o->length, e);
}

/*
 * What the receipt speaks of itself it knows better. A bundle that was sent, with others behind it there already, was lost
 * as far as the receipt knows, and was not sent since: what it carried is there only if the receipt says so.
 */
static bool counts(const struct bundles *b, const struct manifest *m)
{
	const struct receipt *r = b->c->receipt;
	const struct receipt_stream *stream = r == NULL ? NULL : receipt_stream(r, m->stream);

	if (!sent_is_for(m, b->destination) || (r != NULL && receipt_has_bundle(r, m->stream, m->sequence, &m->digest)))
		return false;
	if (receipts_is_acknowledged(b->acknowledged, m->sequence))
		return true;
	return b->use == CONFIRMED_SENT && (stream == NULL || m->sequence > stream->sequence);
}

static int survey_bundle(void *arg, const struct manifest *m, struct err *e)
{
	struct bundles *b = arg;
	bool arrived = counts(b, m);

	(void)e;
	lasting_bundle(&b->lasting, b->s, m, arrived);
	b->c->any = b->c->any || arrived;
	return 0;
}

static int take_bundle(void *arg, const struct manifest *m, struct err *e)
{
	struct bundles *b = arg;

	b->at = m;
	return counts(b, m) ? sent_objects(b->s, m, take_carried, b, e) : 0;
}

/* The newest list that the receipt tells of is there as well. */
static void take_newest(struct bundles *b)
{
	const struct receipt *r = b->c->receipt;
	const struct receipt_stream *stream = r == NULL ? NULL : receipt_stream(r, b->s->config.stream);

	if (stream != NULL && stream->has_newest)
		lasting_list(&b->lasting, &(struct manifest_approvals){stream->newest.epoch, stream->newest.revision,
								       stream->newest.sha256});
}

static int take_bundles(struct confirmed *c, const struct station *s, const struct station_destination *d,
			enum confirmed_use use, struct err *e)
{
	struct receipts_acknowledged a;
	struct bundles b = {.c = c, .s = s, .destination = d->name, .acknowledged = &a, .use = use};
	int rc = receipts_acknowledged(s, d->name, c->receipt, &a, e);

	if (rc == 0 && (a.n > 0 || use == CONFIRMED_SENT)) {
		take_newest(&b);
		rc = sent_each(s, survey_bundle, &b, e);
		if (rc == 0)
			rc = lasting_gather(&b.lasting, s, d, e);
		if (rc == 0)
			rc = sent_each(s, take_bundle, &b, e);
	}
	lasting_free(&b.lasting);
	receipts_acknowledged_free(&a);
	return rc;
}

/* ---- the whole ---- */

struct confirmed *confirmed_open(const struct station *s, const struct station_destination *d, enum confirmed_use use,
				 struct err *e)
{
	struct confirmed *c = calloc(1, sizeof *c);

	if (c == NULL) {
		err_mem(e);
		return NULL;
	}
	if (take_receipt(c, s, d->name, e) == 0 && take_bundles(c, s, d, use, e) == 0)
		return c;
	err_prefix(e, "destination %s", d->name);
	confirmed_free(c);
	return NULL;
}

void confirmed_free(struct confirmed *c)
{
	if (c == NULL)
		return;
	if (c->held != NULL)
		munmap((void *)(uintptr_t)c->held, c->held_size);
	tdestroy(c->parts, free_part);
	cargo_free(&c->set);
	receipt_free(c->receipt);
	free(c);
}

const struct receipt *confirmed_receipt(const struct confirmed *c)
{
	return c->receipt;
}

bool confirmed_any(const struct confirmed *c)
{
	return c->any;
}

const struct extents *confirmed_lacks(const struct confirmed *c, const struct digest *d)
{
	const struct part *p;

	if (is_held(c, d) || cargo_find(&c->set, d) != NULL)
		return NULL;
	p = find_part(c, d);
	if (p == NULL)
		return &confirmed_whole;
	return p->lacks.n > 0 ? &p->lacks : NULL;
}

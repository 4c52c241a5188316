/*
 * From arrived bundles to what of them is there still. sent, lists | LASTING | confirmed. A store prunes former lists; which,
 * and how many it keeps (keep_lists), nobody here knows. So nothing that only they need counts: where the store has it
 * still, it is carried twice, which is harmless; where it hasn't, it would wait for ever for what is never carried. The same
 * holds of doubt.
 */
#include "export/lasting.h"

#include <stdlib.h>

#include "export/station.h"
#include "lib/err.h"
#include "manifests/approvals.h"
#include "manifests/contents.h"
#include "manifests/reason.h"

#include "lib/banned.h"

#define AHEAD_DAYS 90	/* stores keep so long what no list needs (policy: ahead_days), unless told otherwise */
#define DAY 86400

static bool is_below(const struct manifest_approvals *a, const struct manifest_approvals *b)
{
	return a->epoch < b->epoch || (a->epoch == b->epoch && a->revision < b->revision);
}

/* Whether what it carried ahead is kept still. It arrived later than it was made, so this ends too early if at all. */
static bool is_recent(const struct station *s, const struct manifest *m)
{
	return m->created > s->now - (int64_t)AHEAD_DAYS * DAY;
}

void lasting_list(struct lasting *l, const struct manifest_approvals *list)
{
	if (!l->has_last || is_below(&l->last, list))
		l->last = *list;
	l->has_last = true;
}

/* A bundle without a list was made when the list of the bundle before was in effect, or a later one. */
void lasting_bundle(struct lasting *l, const struct station *s, const struct manifest *m, bool arrived)
{
	if (m->has_approvals)
		l->running = m->approvals;
	if (!arrived)
		return;
	if (m->has_approvals)
		lasting_list(l, &m->approvals);
	if (!is_recent(s, m)) {
		l->has_old = true;
		return;
	}
	if (!l->has_recent || is_below(&l->running, &l->low))
		l->low = l->running;
	l->has_recent = true;
}

/* ---- lists ---- */

static int put(struct lasting *l, const struct digest *d, bool last, struct err *e)
{
	if (last)
		return cargo_add(&l->needed, d, 0, NULL, e) == -1 ? -1 : 0;
	bloom_add(&l->former, d);
	return 0;
}

/* Parts that were walked before: of a later list, whose needs outweigh this one's. */
static int pass_over(struct lasting *l, struct contents_reader *r, struct err *e)
{
	const struct contents_part *p;
	int rc = 0;

	while (rc == 0 && (p = contents_reader_ahead(r)) != NULL && (rc = distinct_add(&l->walked, &p->sha256, e)) == 0)
		rc = contents_reader_skip(r, e);
	return rc == -1 ? -1 : 0;
}

static int walk_entry(struct lasting *l, const struct station *s, const struct approval *p, bool last, struct err *e)
{
	const struct contents_part *parts;
	struct contents_reader *r = NULL;
	const struct record *record;
	size_t n;
	int got = 0, rc = distinct_add(&l->walked, &p->contents.sha256, e);

	if (rc != 1)
		return rc;
	rc = contents_reader_open(&p->contents, p->item, station_fetch, (void *)(uintptr_t)s, &r, e);
	if (rc != 0) {
		l->gap = true;
		return rc == 1 ? 0 : -1;
	}
	parts = contents_reader_parts(r, &n);
	rc = put(l, &p->contents.sha256, last, e);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = put(l, &parts[i].sha256, last, e);
	while (rc == 0 && (rc = pass_over(l, r, e)) == 0 && (got = contents_reader_next(r, &record, e)) > 0)
		if (got == 2)
			l->gap = true;
		else if (record->has_file)
			rc = put(l, &record->sha256, last, e);
	contents_reader_close(r);
	return got == -1 ? -1 : rc;
}

/* Where all bundles are recent and no list came before the last, all that they carried is there still, needed or not. */
static bool is_beyond_doubt(const struct lasting *l)
{
	return !l->has_old && (!l->has_recent || !is_below(&l->low, &l->last));
}

static int walk_list(struct lasting *l, const struct station *s, const struct station_destination *d,
		     const struct approvals *a, struct err *e)
{
	bool last = digest_equal(&a->digest, &l->last.sha256);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < a->items_n; i++)
		if (approvals_entry(a, a->items[i].item, d->rings, d->rings_n) == &a->items[i])
			rc = walk_entry(l, s, &a->items[i], last, e);
	return rc;
}

/* Newest first, so that of former ones only what differs is walked. */
int lasting_gather(struct lasting *l, const struct station *s, const struct station_destination *d, struct err *e)
{
	struct station_list_id *ids;
	size_t n;
	int rc = l->has_last && !is_beyond_doubt(l) ? station_list_ids(s, &ids, &n, e) : 1;

	if (rc != 0)
		return rc == 1 ? 0 : -1;
	if (bloom_open(&l->former, e) == -1)
		rc = -1;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		const struct manifest_approvals id = {.epoch = ids[i].epoch, .revision = ids[i].revision};
		struct approvals *a = NULL;

		if (is_below(&l->last, &id))
			continue;
		if (is_below(&id, &l->last) && (!l->has_recent || is_below(&id, &l->low)))
			break;
		rc = station_list_load(s, id.epoch, id.revision, &a, NULL, e);
		if (rc == 0)
			rc = walk_list(l, s, d, a, e);
		approvals_free(a);
	}
	free(ids);
	return rc;
}

bool lasting_has(const struct lasting *l, const struct station *s, const struct manifest *m, const struct digest *d)
{
	if (cargo_find(&l->needed, d) != NULL)
		return true;
	return is_recent(s, m) && !l->gap && !bloom_has(&l->former, d);
}

void lasting_free(struct lasting *l)
{
	cargo_free(&l->needed);
	bloom_free(&l->former);
	distinct_free(&l->walked);
}

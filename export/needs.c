/*
 * From the draft, the frozen lists and what is known of destinations to the objects they need (export/needs.h). draft,
 * lists, receipts, sent > NEEDS > prune. Refuses to answer where a contents list of something approved can't be read.
 */
#include "export/needs.h"

#include <stdlib.h>
#include <string.h>

#include "export/board.h"
#include "export/receipts.h"
#include "export/sent.h"
#include "export/station.h"
#include "lib/err.h"
#include "manifests/contents.h"
#include "manifests/reason.h"

#include "lib/banned.h"

struct wish {			/* a list that a destination has, or that is on its way to it */
	uint64_t epoch, revision;
	struct digest sha256;
	bool under_way;		/* counts only until it expires: nobody takes it in then */
};
struct gathering {
	struct needs *needs;
	const struct station *s;
	struct wish *wishes;
	size_t n, room;
};

/* ---- what an item revision needs ---- */

/* What a contents list that isn't there names can be neither carried nor kept; but where it is approved, that is damage. */
static int judge_gap(const char *item, bool approved, struct err *e)
{
	if (!approved)
		return 0;
	err_set(e, R_STATION_DAMAGED, "item \"%s\": its contents list, or a part of it, is not in the station: what it needs can't be told",
		item);
	return err_hint(e, "`satchel-export scan` writes it again if the content root still has these bytes");
}

static int add_part(void *arg, const struct contents_part *p, struct err *e)
{
	struct gathering *g = arg;

	(void)e;
	bloom_add(&g->needs->met, &p->sha256);
	return 0;
}

static int add_documents(struct gathering *g, const char *item, const struct contents_ref *ref, struct err *e)
{
	int rc = distinct_add(&g->needs->listed, &ref->sha256, e);

	if (rc != 1)
		return rc;
	bloom_add(&g->needs->met, &ref->sha256);
	rc = contents_parts(ref, item, station_fetch, (void *)(uintptr_t)g->s, add_part, g, e);
	return rc == 1 ? 0 : rc;
}

static int add_objects(struct gathering *g, const char *item, const struct contents_ref *ref, bool approved, struct err *e)
{
	struct contents_reader *r = NULL;
	const struct record *record;
	int rc = distinct_add(&g->needs->walked, &ref->sha256, e), got = 0;

	if (rc != 1)
		return rc;
	rc = contents_reader_open(ref, item, station_fetch, (void *)(uintptr_t)g->s, &r, e);
	if (rc == 1)
		rc = judge_gap(item, approved, e);
	while (r != NULL && rc == 0 && (got = contents_reader_next(r, &record, e)) > 0)
		if (got == 2)
			rc = judge_gap(item, approved, e);
		else if (record->has_file)
			bloom_add(&g->needs->met, &record->sha256);
	contents_reader_close(r);
	return rc == -1 || got == -1 ? err_prefix(e, "item \"%s\"", item) : 0;
}

/* ---- destinations ---- */

static int wish(struct gathering *g, uint64_t epoch, uint64_t revision, const struct digest *d, bool under_way, struct err *e)
{
	for (size_t i = 0; i < g->n; i++)
		if (digest_equal(&g->wishes[i].sha256, d)) {
			g->wishes[i].under_way = g->wishes[i].under_way && under_way;
			return 0;
		}
	if (g->n == g->room) {
		size_t room = g->room == 0 ? 64 : 2 * g->room;
		struct wish *more = reallocarray(g->wishes, room, sizeof *more);

		if (more == NULL)
			return err_mem(e);
		g->wishes = more;
		g->room = room;
	}
	g->wishes[g->n++] = (struct wish){epoch, revision, *d, under_way};
	return 0;
}

static int wish_receipt(struct gathering *g, const struct receipt *r, struct err *e)
{
	const struct receipt_stream *x = receipt_stream(r, g->s->config.stream);
	const struct receipt_list *lists[3];
	size_t n = 0;

	if (x == NULL)
		return 0;
	if (x->has_complete)
		lists[n++] = &x->complete;
	if (x->has_newest)
		lists[n++] = &x->newest;
	if (x->has_rollback)
		lists[n++] = &x->rollback;
	for (size_t i = 0; i < n; i++)
		if (wish(g, lists[i]->epoch, lists[i]->revision, &lists[i]->sha256, false, e) == -1)
			return -1;
	return 0;
}

struct asking {
	struct gathering *g;
	const char *destination;
	const struct receipt *receipt;	/* or NULL */
	struct receipts_acknowledged acknowledged;
	struct manifest_approvals last;	/* the newest list that was acknowledged */
	bool has_last;
};

static int wish_bundle(void *arg, const struct manifest *m, struct err *e)
{
	struct asking *a = arg;
	const struct manifest_approvals *l = &m->approvals;

	if (!m->has_approvals || !sent_is_for(m, a->destination) ||
	    (a->receipt != NULL && receipt_has_bundle(a->receipt, m->stream, m->sequence, &m->digest)))
		return 0;
	if (!receipts_is_acknowledged(&a->acknowledged, m->sequence))
		return wish(a->g, l->epoch, l->revision, &l->sha256, true, e);
	if (!a->has_last || l->epoch > a->last.epoch || (l->epoch == a->last.epoch && l->revision > a->last.revision))
		a->last = *l;
	a->has_last = true;
	return 0;
}

static int ask_destination(struct gathering *g, const char *name, struct err *e)
{
	struct asking a = {.g = g, .destination = name};
	struct receipt *receipt;
	int rc = receipts_newest(g->s, name, &receipt, e);

	if (rc == -1)
		return -1;
	a.receipt = receipt;
	rc = receipt == NULL ? 0 : wish_receipt(g, receipt, e);
	if (rc == 0)
		rc = receipts_acknowledged(g->s, name, receipt, &a.acknowledged, e);
	if (rc == 0)
		rc = sent_each(g->s, wish_bundle, &a, e);
	if (rc == 0 && a.has_last)
		rc = wish(g, a.last.epoch, a.last.revision, &a.last.sha256, false, e);
	receipts_acknowledged_free(&a.acknowledged);
	receipt_free(receipt);
	return rc;
}

/* A list that the station does not have (any more, after a restore) can't be asked what it needs. */
static bool is_wished(const struct gathering *g, const struct approvals *l)
{
	for (size_t i = 0; i < g->n; i++)
		if (digest_equal(&g->wishes[i].sha256, &l->digest))
			return !g->wishes[i].under_way || l->expires > g->s->now;
	return false;
}

/* ---- lists and the draft ---- */

/* current: the effective one or newer; whole: a former one whose objects count as well. */
static int add_list(struct gathering *g, const struct approvals *l, bool current, bool whole, struct err *e)
{
	for (size_t i = 0; i < l->items_n; i++) {
		const struct approval *p = &l->items[i];

		if (add_documents(g, p->item, &p->contents, e) == -1)
			return -1;
		if (!current && (!whole || distinct_has(&g->needs->revoked, &p->contents.sha256)))
			continue;
		if (add_objects(g, p->item, &p->contents, current, e) == -1)
			return -1;
	}
	return 0;
}

static int add_lists(struct gathering *g, uint64_t former, struct err *e)
{
	struct station_list_id *ids;
	struct approvals *effective = NULL;
	size_t n;
	bool below = false;	/* the effective list */
	int given_up;
	int rc = station_list_ids(g->s, &ids, &n, e);

	if (rc == 0 && station_list_effective(g->s, &effective, NULL, e) == -1)
		rc = -1;
	for (size_t i = 0; i < n && rc == 0; i++) {
		struct approvals *l = NULL;
		given_up = station_list_abandoned(g->s, ids[i], e);
		rc = given_up == -1 ? -1 : station_list_load(g->s, ids[i].epoch, ids[i].revision, &l, NULL, e);
		if (rc == 0)
			rc = add_list(g, l, !below && given_up == 0, (former > 0 && given_up == 0) || is_wished(g, l), e);
		if (below && former > 0 && given_up == 0)
			former--;
		if (l != NULL && effective != NULL && digest_equal(&l->digest, &effective->digest))
			below = true;
		approvals_free(l);
	}
	approvals_free(effective);
	free(ids);
	return rc;
}

/* The newest revision of an item, that a person may still approve. */
static bool waits(const struct board *b, size_t i)
{
	const struct draft_revision *r = &b->draft->revisions[i];

	return (i + 1 == b->draft->revisions_n || strcmp(r->item, r[1].item) != 0) && b->rows[i].declined == 0 &&
	       !r->gone && !b->rows[i].revoked;
}

/* What is approved comes first: what was walked once is not judged again. */
static int add_draft(struct gathering *g, const struct board *b, struct err *e)
{
	const struct draft_revision *r = b->draft->revisions;
	size_t n = b->draft->revisions_n;

	for (size_t i = 0; i < n; i++)
		if (add_documents(g, r[i].item, &r[i].contents, e) == -1 ||
		    (b->rows[i].rings != 0 && add_objects(g, r[i].item, &r[i].contents, true, e) == -1))
			return -1;
	for (size_t i = 0; i < n; i++)
		if (waits(b, i) && add_objects(g, r[i].item, &r[i].contents, false, e) == -1)
			return -1;
	return 0;
}

int needs_gather(struct needs *n, const struct board *b, uint64_t former, struct err *e)
{
	struct gathering g = {.needs = n, .s = b->station};
	int rc = bloom_open(&n->met, e);

	for (size_t i = 0; i < b->draft->revoked_n && rc != -1; i++)
		rc = distinct_add(&n->revoked, &b->draft->revoked[i].contents, e);
	rc = rc == -1 ? -1 : 0;
	for (size_t i = 0; i < g.s->config.destinations_n && rc == 0; i++)
		rc = ask_destination(&g, g.s->config.destinations[i].name, e);
	if (rc == 0)
		rc = add_lists(&g, former, e);
	if (rc == 0)
		rc = add_draft(&g, b, e);
	free(g.wishes);
	return rc;
}

void needs_free(struct needs *n)
{
	bloom_free(&n->met);
	distinct_free(&n->listed);
	distinct_free(&n->walked);
	distinct_free(&n->revoked);
}

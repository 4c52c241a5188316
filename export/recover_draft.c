/*
 * The draft of a restored station, brought to a list that was signed after the backup was made. What the list approves is
 * decided again, what it does not is not, and what either revokes stays revoked.
 */
#include "export/recover.h"

#include <stdlib.h>
#include <string.h>

#include "export/draft.h"
#include "lib/err.h"
#include "manifests/approvals.h"

#include "lib/banned.h"

struct merging {
	struct draft *d;
	struct draft_revision *rows;
	size_t rows_n, room;
	int64_t now;
};

static int by_revision(const void *a, const void *b)
{
	const struct draft_revision *x = a, *y = b;
	int c = strcmp(x->item, y->item);

	return c != 0 ? c : (x->revision > y->revision) - (x->revision < y->revision);
}

static int by_revocation(const void *a, const void *b)
{
	const struct revocation *x = a, *y = b;
	int c = strcmp(x->item, y->item);

	return c != 0 ? c : (x->revision > y->revision) - (x->revision < y->revision);
}

/* The draft's own row of a revision, among the first d->revisions_n. */
static struct draft_revision *find(const struct merging *m, const char *item, uint64_t revision)
{
	size_t count, first = draft_find(m->d, item, &count);

	for (size_t i = first; i < first + count; i++)
		if (m->rows[i].revision == revision)
			return &m->rows[i];
	return NULL;
}

/* Its row says what the list says; a row of the same number with other contents was given it after the backup was restored,
 * and those bytes get another one with the next scan. */
static void put_row(struct merging *m, const struct draft_revision *x)
{
	struct draft_revision *row = find(m, x->item, x->revision);

	if (row == NULL)
		m->rows[m->rows_n++] = *x;
	else if (!digest_equal(&row->contents.sha256, &x->contents.sha256) && x->contents.size > 1)
		row->contents = x->contents;
	else if (!digest_equal(&row->contents.sha256, &x->contents.sha256))
		row->contents.sha256 = x->contents.sha256;
}

static bool is_entry(const struct approvals *list, const char *item, uint64_t revision)
{
	size_t count, first = approvals_find(list, item, &count);

	for (size_t i = first; i < first + count; i++)
		if (list->items[i].revision == revision)
			return true;
	return false;
}

static int take_revoked(struct merging *m, const struct approvals *list, struct err *e)
{
	struct draft *d = m->d;
	size_t n = 0, all = d->revoked_n + list->revoked_n;
	struct revocation *r = arena_alloc(&d->arena, (all + 1) * sizeof *r);

	if (r == NULL)
		return err_mem(e);
	for (size_t i = 0; i < d->revoked_n; i++)
		if (!is_entry(list, d->revoked[i].item, d->revoked[i].revision))
			r[n++] = d->revoked[i];
	for (size_t i = 0; i < list->revoked_n; i++) {
		/* only its digest is known of a revision that the backup never saw; nothing is ever made of it */
		struct draft_revision x = {.item = list->revoked[i].item, .revision = list->revoked[i].revision,
					   .contents = {.sha256 = list->revoked[i].contents, .size = 1}, .seen = m->now};

		put_row(m, &x);
		r[n] = list->revoked[i];
		r[n++].since = 0;
	}
	if (n > 0)
		qsort(r, n, sizeof *r, by_revocation);
	d->revoked = r;
	d->revoked_n = 0;
	for (size_t i = 0; i < n; i++)	/* the list's own word counts where both have one */
		if (d->revoked_n == 0 || by_revocation(&r[d->revoked_n - 1], &r[i]) != 0)
			r[d->revoked_n++] = r[i];
	return 0;
}

static int take_entries(struct merging *m, const struct approvals *list, struct err *e)
{
	struct approval *a = arena_alloc(&m->d->arena, (list->items_n + 1) * sizeof *a);

	if (a == NULL)
		return err_mem(e);
	for (size_t i = 0; i < list->items_n; i++) {
		const struct approval *p = &list->items[i];
		struct draft_revision x = {.item = p->item, .revision = p->revision, .contents = p->contents, .seen = m->now,
					   .requires = p->requires, .requires_n = p->requires_n}, *row;

		put_row(m, &x);
		row = find(m, p->item, p->revision);
		if (row != NULL)
			row->declined = false;
		for (size_t k = 0; row != NULL && k < p->rings_n; k++)
			draft_allow(row, p->rings[k]);
		a[i] = *p;
	}
	m->d->decisions = a;
	m->d->decisions_n = list->items_n;
	return 0;
}

/* Rows of a revision that is not the newest say nothing of `gone`. */
static void settle(struct draft *d)
{
	for (size_t i = 0; i + 1 < d->revisions_n; i++)
		if (strcmp(d->revisions[i].item, d->revisions[i + 1].item) == 0)
			d->revisions[i].gone = false;
}

/* The list gives none of the item's revisions to this ring: all of them that the backup or the list approves were declined
 * for it. */
static int decline_ring(struct draft *d, const struct approvals *before, const struct approvals *list, const char *item,
			char *ring, struct err *e)
{
	size_t count, first = draft_find(d, item, &count);

	for (size_t i = first; i < first + count; i++)
		if ((is_entry(before, item, d->revisions[i].revision) || is_entry(list, item, d->revisions[i].revision)) &&
		    draft_decline(d, &d->revisions[i], ring, e) == -1)
			return -1;
	return 0;
}

/* What the backup had approved and the list does not know, at all or for a ring, was withdrawn in between: no `--all` may
 * bring it back. */
static int note_withdrawn(struct draft *d, const struct approvals *before, const struct approvals *list, struct err *e)
{
	for (size_t i = 0; i < before->items_n; i++) {
		const struct approval *p = &before->items[i];
		size_t count, rows, first = draft_find(d, p->item, &rows);

		approvals_find(list, p->item, &count);
		for (size_t k = first; k < first + rows && count == 0; k++)
			if (d->revisions[k].revision == p->revision)
				d->revisions[k].declined = true;
		for (size_t k = 0; k < p->rings_n && count > 0; k++)
			if (approvals_entry(list, p->item, &p->rings[k], 1) == NULL &&
			    decline_ring(d, before, list, p->item, p->rings[k], e) == -1)
				return -1;
	}
	return 0;
}

int recover_decisions(struct draft *d, const struct approvals *list, int64_t now, struct err *e)
{
	const struct approvals before = {.items = d->decisions, .items_n = d->decisions_n};
	struct merging m = {.d = d, .now = now};

	m.room = d->revisions_n + list->items_n + list->revoked_n;
	m.rows = arena_alloc(&d->arena, (m.room + 1) * sizeof *m.rows);
	if (m.rows == NULL)
		return err_mem(e);
	if (d->revisions_n > 0)
		memcpy(m.rows, d->revisions, d->revisions_n * sizeof *m.rows);
	m.rows_n = d->revisions_n;
	if (take_entries(&m, list, e) == -1 || take_revoked(&m, list, e) == -1)
		return -1;
	if (m.rows_n > 0)
		qsort(m.rows, m.rows_n, sizeof *m.rows, by_revision);
	d->revisions = m.rows;
	d->revisions_n = m.rows_n;
	settle(d);
	return note_withdrawn(d, &before, list, e);
}

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

/* What the backup had approved and the list does not know was withdrawn in between: no `--all` may bring it back. */
static void note_withdrawn(struct merging *m, const struct approvals *list)
{
	for (size_t i = 0; i < m->d->decisions_n; i++) {
		const struct approval *p = &m->d->decisions[i];
		struct draft_revision *row = find(m, p->item, p->revision);
		size_t count;

		approvals_find(list, p->item, &count);
		if (count == 0 && row != NULL)
			row->declined = true;
	}
}

static int take_entries(struct merging *m, const struct approvals *list, struct err *e)
{
	struct approval *a = arena_alloc(&m->d->arena, (list->items_n + 1) * sizeof *a);

	if (a == NULL)
		return err_mem(e);
	for (size_t i = 0; i < list->items_n; i++) {
		const struct approval *p = &list->items[i];
		struct draft_revision x = {.item = p->item, .revision = p->revision, .contents = p->contents, .seen = m->now,
					   .requires = p->requires, .requires_n = p->requires_n};

		put_row(m, &x);
		if (find(m, p->item, p->revision) != NULL)
			find(m, p->item, p->revision)->declined = false;
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

int recover_decisions(struct draft *d, const struct approvals *list, int64_t now, struct err *e)
{
	struct merging m = {.d = d, .now = now};

	m.room = d->revisions_n + list->items_n + list->revoked_n;
	m.rows = arena_alloc(&d->arena, (m.room + 1) * sizeof *m.rows);
	if (m.rows == NULL)
		return err_mem(e);
	if (d->revisions_n > 0)
		memcpy(m.rows, d->revisions, d->revisions_n * sizeof *m.rows);
	m.rows_n = d->revisions_n;
	note_withdrawn(&m, list);
	if (take_entries(&m, list, e) == -1 || take_revoked(&m, list, e) == -1)
		return -1;
	if (m.rows_n > 0)
		qsort(m.rows, m.rows_n, sizeof *m.rows, by_revision);
	d->revisions = m.rows;
	d->revisions_n = m.rows_n;
	settle(d);
	return 0;
}

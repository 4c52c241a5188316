/*
 * DECIDE: what takes the place of what. approve | SUPERSEDE.
 * Refuses unknown items, and one that would take the place of what takes its own.
 */
#include "export/supersede.h"

#include <stdlib.h>
#include <string.h>

#include "export/board.h"
#include "lib/err.h"
#include "manifests/limits.h"
#include "manifests/reason.h"

#include "lib/banned.h"

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int supersede_read(const struct args *a, struct draft *d, struct board_terms *t, struct err *e)
{
	size_t n = args_count(a, "supersedes"), kept = 0;
	char **list = arena_alloc(&d->arena, (n + 1) * sizeof *list);

	if (list == NULL)
		return err_mem(e);
	if (n > MAX_REQUIRES)
		return err_set(e, ERR_USAGE, "--supersedes: at most %d items", MAX_REQUIRES);
	for (size_t i = 0; i < n; i++) {
		const struct draft_revision *r = draft_newest(d, args_nth(a, "supersedes", i));

		if (r == NULL)
			return err_set(e, R_ITEM_UNKNOWN, "--supersedes %s: no such item", args_nth(a, "supersedes", i));
		list[i] = r->item;
	}
	qsort(list, n, sizeof *list, by_text);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || strcmp(list[kept - 1], list[i]) != 0)
			list[kept++] = list[i];
	t->supersedes = list;
	t->supersedes_n = kept;
	return 0;
}

/* What the command would make true. */
struct proposal {
	const struct board *board;
	const bool *named;	/* rows that the terms are for */
	const struct board_terms *terms;
};

/* What row i takes the place of, as decided so far and by this command. */
static char *const *superseded_by(const struct proposal *p, size_t i, size_t *n)
{
	const struct approval *entry = p->board->rows[i].entry;
	bool now = p->named[i] && p->terms->supersedes_n > 0;

	*n = now ? p->terms->supersedes_n : entry != NULL && p->board->rows[i].rings != 0 ? entry->supersedes_n : 0;
	return now ? p->terms->supersedes : entry != NULL ? entry->supersedes : NULL;
}

static bool any_reached(const struct proposal *p, const bool *reached, const char *item)
{
	size_t count, first = draft_find(p->board->draft, item, &count);

	for (size_t i = first; i < first + count; i++)
		if (reached[i])
			return true;
	return false;
}

/* Marks what supersedes the named items, at any distance. */
static void reach(const struct proposal *p, bool *reached)
{
	bool again = true;

	while (again) {
		again = false;
		for (size_t i = 0; i < p->board->draft->revisions_n; i++) {
			size_t n;
			char *const *list = superseded_by(p, i, &n);

			for (size_t k = 0; k < n && !reached[i]; k++)
				if (any_reached(p, reached, list[k]))
					reached[i] = again = true;
		}
	}
}

int supersede_check(const struct board *b, const bool *named, const struct board_terms *t, struct err *e)
{
	const struct proposal p = {b, named, t};
	bool *reached;
	int rc = 0;

	if (t->supersedes_n == 0)
		return 0;
	reached = calloc(b->draft->revisions_n + 1, sizeof *reached);
	if (reached == NULL)
		return err_mem(e);
	for (size_t i = 0; i < b->draft->revisions_n; i++)
		reached[i] = named[i];
	reach(&p, reached);
	for (size_t k = 0; rc == 0 && k < t->supersedes_n; k++)
		if (any_reached(&p, reached, t->supersedes[k]))
			rc = err_set(e, ERR_USAGE, "--supersedes %s: that takes the place of this itself", t->supersedes[k]);
	free(reached);
	return rc;
}

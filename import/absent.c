/*
 * From what is in effect to the objects that should be there and are not (import/absent.h). Passes over what can't be read:
 * that is found by its own digest.
 */
#include "import/absent.h"

#include "import/kept.h"
#include "import/lost.h"
#include "import/objects.h"
#include "lib/err.h"
#include "manifests/contents.h"
#include "manifests/reason.h"
#include "verify/report.h"
#include "verify/state.h"

#include "lib/banned.h"

static int ask(struct absent *a, const struct digest *d, struct err *e)
{
	int rc = objects_has(a->objects, d, NULL, e);

	if (rc != 0)
		return rc == -1 ? -1 : 0;
	rc = distinct_add(&a->met, d, e);
	return rc == 1 ? a->each(a->arg, d, e) : rc;
}

static int walk_records(struct absent *a, struct contents_reader *r, struct err *e)
{
	struct err unreadable = {0};
	const struct contents_part *parts;
	const struct record *record;
	size_t n;
	int got;

	parts = contents_reader_parts(r, &n);
	for (size_t i = 0; i < n; i++)
		if (ask(a, &parts[i].sha256, e) == -1)
			return -1;
	while ((got = contents_reader_next(r, &record, &unreadable)) > 0)
		if (got == 1 && record->has_file && ask(a, &record->sha256, e) == -1)
			return -1;
	if (got == -1 && report_is_fatal(&unreadable))
		return err_set(e, unreadable.reason, "%s", unreadable.text);
	err_clear(&unreadable);
	return 0;
}

static int walk(struct absent *a, const struct contents_ref *ref, const char *item, struct err *e)
{
	struct contents_reader *r = NULL;
	struct err unreadable = {0};
	int rc = distinct_add(&a->walked, &ref->sha256, e);

	if (rc != 1)
		return rc;
	if (ask(a, &ref->sha256, e) == -1)
		return -1;
	if (contents_reader_open(ref, item, objects_fetch, a->objects, &r, &unreadable) == -1 && report_is_fatal(&unreadable))
		return err_set(e, unreadable.reason, "%s", unreadable.text);
	err_clear(&unreadable);
	rc = r == NULL ? 0 : walk_records(a, r, e);
	contents_reader_close(r);
	return rc;
}

static int walk_tree_items(struct absent *a, const struct state *s, struct err *e)
{
	for (size_t i = 0; i < s->items_n; i++) {
		const struct state_item *it = &s->items[i];
		const struct contents_ref ref = {it->contents, it->size, it->files, it->bytes};

		if (walk(a, &ref, it->item, e) == -1)
			return -1;
	}
	return 0;
}

static int is_damaged(const struct store *s, const char *stream, bool has, const struct list_ref *ref, struct err *e)
{
	struct digest is;
	int kept = has ? kept_judge(s, stream, ref, &is, e) : KEPT_NOT;

	return kept == -1 ? -1 : kept == KEPT_DAMAGED;
}

/* Whether the list in effect can be gone by: 1, 0 where it is damaged, which check names, -1 where one is gone. */
static int judge_lists(const struct store *s, const char *stream, const struct state *now, struct err *e)
{
	struct err why = {0};
	int complete, newest = 0;

	if (lost_check(s, stream, now, &why) == 0)
		return 1;
	complete = why.reason == R_STORE_DAMAGED ? is_damaged(s, stream, now->has_complete, &now->complete, e) : 0;
	if (complete == 0 && why.reason == R_STORE_DAMAGED)
		newest = is_damaged(s, stream, now->has_newest, &now->newest, e);
	if (complete == 0 && newest == 0)
		*e = why;
	return complete == 1 ? 0 : newest == 1 ? 1 : -1;
}

/* All of a list in effect was received. Not so a list that was gone back to: what of it was revoked need never have come. */
static int walk_list(struct absent *a, const struct store *s, const struct store_stream *stream, const struct state *now,
		     struct err *e)
{
	char *const *rings = now->rings_n > 0 ? now->rings : stream->rings;	/* what others need was never asked about */
	size_t rings_n = now->rings_n > 0 ? now->rings_n : stream->rings_n;
	struct approvals *list;
	int rc = judge_lists(s, stream->stream, now, e);

	if (rc != 1 || !now->has_complete || now->has_rollback)
		return rc == -1 ? -1 : 0;
	list = kept_load(s, stream->stream, &now->complete, e);
	if (list == NULL)
		return -1;
	rc = 0;
	for (size_t i = 0; rc == 0 && i < list->items_n; i++) {
		const struct approval *p = &list->items[i];

		if (p == approvals_entry(list, p->item, rings, rings_n))
			rc = walk(a, &p->contents, p->item, e);
	}
	approvals_free(list);
	return rc;
}

int absent_look(struct absent *a, const struct store *s, const struct store_stream *stream, struct err *e)
{
	char current;
	int rc = state_current(s, stream->stream, &current, e);

	for (char tree = 'a'; rc == 0 && tree <= 'b'; tree++) {
		struct state *state = NULL;

		rc = state_load(s, stream->stream, tree, &state, e);
		if (rc == 0)
			rc = walk_tree_items(a, state, e);
		else if (rc == 1)
			rc = 0;
		if (rc == 0 && state != NULL && tree == current)
			rc = walk_list(a, s, stream, state, e);
		state_free(state);
	}
	return rc;
}

void absent_free(struct absent *a)
{
	distinct_free(&a->walked);
	distinct_free(&a->met);
}

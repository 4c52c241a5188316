/*
 * From what is published, waits and is missing to a state (import/outlook_impl.h). Refuses nothing.
 */
#include "import/outlook_impl.h"

#include <stdlib.h>
#include <string.h>

#include "verify/effect.h"
#include "import/missing.h"
#include "import/places.h"

#include "lib/banned.h"

struct list_ref outlook_ref(const struct approvals *a)
{
	return (struct list_ref){.epoch = a->epoch, .revision = a->revision, .sha256 = a->digest};
}

static int fill_items(struct outlook *l, const struct effect *f, struct err *e)
{
	struct state *want = &l->want;

	want->items = arena_alloc(&want->arena, (f->items_n + 1) * sizeof *want->items);
	if (want->items == NULL)
		return err_mem(e);
	for (size_t i = 0; i < f->items_n; i++) {
		const struct approval *p = f->items[i].entry;
		const struct approvals *list = l->lists[f->items[i].list];

		want->items[i] = (struct state_item){.item = p->item, .epoch = list->epoch, .list = list->revision,
						     .revision = p->revision, .contents = p->contents.sha256,
						     .size = p->contents.size, .files = p->contents.files,
						     .bytes = p->contents.bytes};
	}
	want->items_n = f->items_n;
	return 0;
}

static char *why_text(struct arena *a, const struct effect_waiting *w)
{
	struct buf text = {0};
	char *out;

	buf_printf(&text, "%s%s%s", w->why, w->whom != NULL ? " " : "", w->whom != NULL ? w->whom : "");
	out = text.failed ? NULL : arena_strndup(a, (const char *)text.data, text.len);
	buf_free(&text);
	return out;
}

static int fill_waiting(struct outlook *l, const struct effect *f, struct err *e)
{
	struct state *want = &l->want;

	want->waiting = arena_alloc(&want->arena, (f->waiting_n + 1) * sizeof *want->waiting);
	if (want->waiting == NULL)
		return err_mem(e);
	for (size_t i = 0; i < f->waiting_n; i++) {
		const struct effect_waiting *w = &f->waiting[i];
		const struct state_item *is = outlook_published(want, w->entry->item);
		char *why;

		if (state_publishes(is, &w->entry->contents))	/* for the rings before */
			continue;
		why = why_text(&want->arena, w);
		if (why == NULL)
			return err_mem(e);
		want->waiting[want->waiting_n++] = (struct state_waiting){.item = w->entry->item, .revision = w->entry->revision,
							  .contents = w->entry->contents.sha256, .objects = w->objects,
							  .bytes = w->bytes, .why = why};
	}
	return 0;
}

/* Gives a missing object its place and name in the outlook, once. */
static int note_missing(void *arg, const struct missing_object *m, struct err *e)
{
	struct outlook_asking *a = arg;
	struct outlook *l = a->outlook;
	struct state *want = &l->want;
	int rc = distinct_add(&a->seen, &m->sha256, e);

	if (rc != 1)
		return rc;
	if (places_answer(a->places, &m->sha256, m->item, m->path, e) == -1)
		return -1;
	want->missing_total++;
	l->missing_bytes += m->size;
	if (want->missing_n < STATE_MAX_MISSING) {
		struct outlook_name *n = &l->names[l->names_n];

		want->missing[want->missing_n++] = (struct state_missing){.sha256 = m->sha256, .size = m->size};
		*n = (struct outlook_name){.sha256 = m->sha256, .size = m->size};
		n->item = arena_strndup(&want->arena, m->item, strlen(m->item));
		n->path = m->path == NULL ? NULL : arena_strndup(&want->arena, m->path, strlen(m->path));
		if (n->item == NULL || (m->path != NULL && n->path == NULL))
			return err_mem(e);
		l->names_n++;
	}
	return 0;
}

static int by_digest(const void *a, const void *b)
{
	return digest_compare(&((const struct state_missing *)a)->sha256, &((const struct state_missing *)b)->sha256);
}

static int fill_missing(struct outlook_asking *a, const struct effect *f, struct err *e)
{
	struct outlook *l = a->outlook;
	struct state *want = &l->want;

	if (l->whole)
		return 0;
	want->missing = arena_alloc(&want->arena, STATE_MAX_MISSING * sizeof *want->missing);
	l->names = arena_alloc(&want->arena, STATE_MAX_MISSING * sizeof *l->names);
	if (want->missing == NULL || l->names == NULL)
		return err_mem(e);
	for (size_t i = 0; i < f->waiting_n; i++) {
		const struct approval *p = f->waiting[i].entry;
		struct err why = {0};

		if (f->waiting[i].objects == 0)
			continue;
		if (missing_each(a->objects, p, outlook_published(l->current, p->item), note_missing, a, &why) == -1 &&
		    !missing_is_malformed(why.reason)) {
			*e = why;
			return -1;
		}
	}
	qsort(want->missing, want->missing_n, sizeof *want->missing, by_digest);
	return 0;
}

int outlook_fill(struct outlook_asking *a, const struct effect *f, const struct effect *waits, struct err *e)
{
	struct outlook *l = a->outlook;
	struct state *want = &l->want;

	want->phase = STATE_CLEAN;
	l->whole = f->newest == SIZE_MAX || waits->newest_received;
	want->has_newest = f->newest != SIZE_MAX;
	if (want->has_newest)
		want->newest = outlook_ref(l->lists[f->newest]);
	want->has_complete = f->complete != SIZE_MAX;
	if (want->has_complete)
		want->complete = outlook_ref(l->lists[f->complete]);
	want->has_rollback = f->rollback;
	if (f->rollback)
		want->rollback = want->complete;
	l->rollback_ended = l->rollback_ended || (a->rollback != NULL && a->rollback == l->rollback && !f->rollback);
	if (fill_items(l, f, e) == -1 || fill_waiting(l, waits, e) == -1)
		return -1;
	return fill_missing(a, waits, e);
}

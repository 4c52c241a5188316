/*
 * The items of a stream, those of former lists among them (verify/wares.h): what `tree` compares a copy with. Reads the
 * state of the current tree and the lists kept; a list that can't be read costs only what it alone knows.
 */
#include "verify/wares.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/err.h"
#include "lib/num.h"
#include "lib/path.h"
#include "lib/say.h"
#include "verify/side.h"
#include "verify/state.h"
#include "verify/store.h"

#include "lib/banned.h"

static int by_item(const void *a, const void *b)
{
	return strcmp(((const struct deployed_item *)a)->item, ((const struct deployed_item *)b)->item);
}

/* The first of n that does not come before a path. */
static size_t bound(const struct deployed_item *items, size_t n, const char *path)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(items[mid].item, path) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct deployed_item *find(const struct deployed_item *items, size_t n, const char *path)
{
	size_t i = bound(items, n, path);

	return i < n && strcmp(items[i].item, path) == 0 ? (struct deployed_item *)(uintptr_t)&items[i] : NULL;
}

static bool lead(const struct deployed_item *items, size_t n, const char *path)
{
	char below[PATH_MAX_LEN + 2];
	size_t i, len = (size_t)snprintf(below, sizeof below, "%s/", path);

	i = bound(items, n, below);
	return i < n && strncmp(items[i].item, below, len) == 0;
}

struct deployed_item *wares_find(const struct wares *w, const char *path)
{
	return find(w->items, w->n, path);
}

bool wares_lead(const struct wares *w, const char *path)
{
	return lead(w->items, w->n, path);
}

/* ---- former revisions ---- */

static void add_former(struct deployed_item *item, const struct approval *p)
{
	if ((item->revision != 0 && digest_equal(&item->contents.sha256, &p->contents.sha256)) ||
	    item->former_n == DEPLOYED_FORMER)
		return;
	for (size_t i = 0; i < item->former_n; i++)
		if (digest_equal(&item->former[i].contents.sha256, &p->contents.sha256))
			return;
	item->former[item->former_n].revision = p->revision;
	item->former[item->former_n++].contents = p->contents;
}

/* Whether one of the items lies above a path. */
static bool lies_in(const struct deployed_item *items, size_t n, const char *path)
{
	char above[PATH_MAX_LEN + 1];
	char *slash;

	snprintf(above, sizeof above, "%s", path);
	while ((slash = strrchr(above, '/')) != NULL) {
		*slash = '\0';
		if (find(items, n, above) != NULL)
			return true;
	}
	return false;
}

/* Whether the name is free: it, what is above it and what is below it is not published. */
static bool is_free(const struct wares *w, size_t published, const char *name)
{
	return find(w->items, published, name) == NULL && !lead(w->items, published, name) &&
	       !lies_in(w->items, published, name);
}

static int add_gone(struct wares *w, size_t published, const struct approval *p, struct err *e)
{
	struct deployed_item *more;
	char **names;

	if (!is_free(w, published, p->item))
		return 0;
	more = realloc(w->items, (w->n + 1) * sizeof *more);
	if (more == NULL)
		return err_mem(e);
	w->items = more;
	names = realloc(w->names, (w->names_n + 1) * sizeof *names);
	if (names == NULL)
		return err_mem(e);
	w->names = names;
	w->names[w->names_n] = strdup(p->item);
	if (w->names[w->names_n] == NULL)
		return err_mem(e);
	w->items[w->n++] = (struct deployed_item){.item = w->names[w->names_n++]};
	add_former(&w->items[w->n - 1], p);
	return 0;
}

/* A list's entries for the store's rings. The items that were found gone before it (from `published` on) are in order. */
static int take_list(struct wares *w, size_t published, const struct store_stream *s, const struct approvals *a, struct err *e)
{
	size_t known = w->n;

	for (size_t i = 0; i < a->items_n; i++) {
		const struct approval *p = &a->items[i];
		struct deployed_item *item;

		if (!approval_in_rings(p, s->rings, s->rings_n))
			continue;
		item = find(w->items, published, p->item);
		if (item == NULL)
			item = find(w->items + published, known - published, p->item);
		if (item == NULL && w->n > known && strcmp(w->items[w->n - 1].item, p->item) == 0)
			item = &w->items[w->n - 1];
		if (item != NULL)
			add_former(item, p);
		else if (add_gone(w, published, p, e) == -1)
			return -1;
	}
	if (w->n > published)
		qsort(w->items + published, w->n - published, sizeof *w->items, by_item);
	return 0;
}

/* Of those that are gone, some may lie below others: of an earlier cut. The outer ones stay. */
static int unnest(struct wares *w, struct err *e)
{
	bool *inner = calloc(w->n, sizeof *inner);
	size_t kept = 0;

	if (inner == NULL)
		return err_mem(e);
	for (size_t i = 0; i < w->n; i++)
		inner[i] = lies_in(w->items, w->n, w->items[i].item);
	for (size_t i = 0; i < w->n; i++)
		if (!inner[i])
			w->items[kept++] = w->items[i];
	w->n = kept;
	free(inner);
	return 0;
}

static int take_former(struct wares *w, const struct store *s, const char *stream, struct err *e)
{
	size_t published = w->n;
	struct kept_lists kept;
	struct err cause = {0};
	int rc = state_lists(s, stream, &kept, e);

	for (size_t i = kept.n; rc == 0 && i-- > 0;) {
		struct approvals *a = state_list_load(s, stream, kept.refs[i].epoch, kept.refs[i].revision, &cause);

		if (a == NULL) {
			say_warn("%s: not compared with", cause.text);
			err_clear(&cause);
			continue;
		}
		rc = take_list(w, published, store_stream(s, stream), a, e);
		approvals_free(a);
	}
	state_lists_free(&kept);
	return rc;
}

int wares_open(const struct store *s, const char *stream, const struct state *now, struct wares *out, struct err *e)
{
	*out = (struct wares){.items = calloc(now->items_n + 1, sizeof *out->items)};
	if (out->items == NULL)
		return err_mem(e);
	for (size_t i = 0; i < now->items_n; i++) {
		const struct state_item *is = &now->items[i];

		out->items[out->n++] = (struct deployed_item){
			.item = is->item, .revision = is->revision, .contents = {is->contents, is->size, is->files, is->bytes}};
	}
	if (take_former(out, s, stream, e) == -1) {
		wares_close(out);
		return -1;
	}
	if (out->n > 0)
		qsort(out->items, out->n, sizeof *out->items, by_item);
	if (out->names_n == 0 || unnest(out, e) == 0)
		return 0;
	wares_close(out);
	return -1;
}

/* ---- as of a time ---- */

static int take_entries(struct state *state, const struct approvals *a, const struct store_stream *s, struct err *e)
{
	state->items = arena_alloc(&state->arena, (a->items_n + 1) * sizeof *state->items);
	if (state->items == NULL)
		return err_mem(e);
	for (size_t i = 0; i < a->items_n; i++) {
		const struct approval *p = approvals_entry(a, a->items[i].item, s->rings, s->rings_n);

		if (p != &a->items[i])
			continue;
		state->items[state->items_n] = (struct state_item){
			.item = arena_strndup(&state->arena, p->item, strlen(p->item)), .epoch = a->epoch, .list = a->revision,
			.revision = p->revision, .contents = p->contents.sha256, .size = p->contents.size,
			.files = p->contents.files, .bytes = p->contents.bytes};
		if (state->items[state->items_n++].item == NULL)
			return err_mem(e);
	}
	return 0;
}

int wares_then(const struct store *s, const char *stream, int64_t by, struct state **out, struct err *e)
{
	const struct side_home home = {.store = s, .stream = stream};
	struct list_ref ref;
	struct approvals *a = NULL;
	char when[32];
	int rc = side_in_force(&home, by, &ref, e);

	if (rc == 1)
		return err_set(e, ERR_MISSING, "%s published nothing of the stream %s yet at %s", s->config.name, stream,
			       num_format_time(by, when));
	if (rc == 0)
		a = state_list_load(s, stream, ref.epoch, ref.revision, e);
	if (a == NULL)
		return e->reason == ERR_MISSING ? err_hint(e, "the store does not keep the list in force at that time") : -1;
	*out = calloc(1, sizeof **out);
	rc = *out == NULL ? err_mem(e) : take_entries(*out, a, store_stream(s, stream), e);
	approvals_free(a);
	return rc;
}

void wares_close(struct wares *w)
{
	for (size_t i = 0; i < w->names_n; i++)
		free(w->names[i]);
	free(w->names);
	free(w->items);
	*w = (struct wares){0};
}

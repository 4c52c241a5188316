/*
 * Mending a published tree (import/mend.h). Finds what is wrong by the audit that satchel-verify makes, so that the two
 * agree, and goes by the contents lists to put it right. Refuses nothing; follows no link; writes nothing outside the tree.
 */
#include "import/mend.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "import/missing.h"
#include "import/objects.h"
#include "import/tree.h"
#include "lib/err.h"
#include "lib/path.h"
#include "manifests/contents.h"
#include "manifests/limits.h"
#include "manifests/reason.h"
#include "verify/audit_tree.h"
#include "verify/report.h"
#include "verify/state.h"

#include "lib/banned.h"

#define PLACE (MAX_NAME_LEN + 32)
#define TREE_MODE 0755

static char *place_of(const char *stream, char tree, const char *below, char out[PLACE])
{
	snprintf(out, PLACE, "streams/%s/%c%s", stream, tree, below);
	return out;
}

/* ---- looking ---- */

struct looking {
	struct mend_faults *out;
	size_t above;		/* length of "streams/NAME/a/tree" */
	struct err failed;
};

static char *keep(struct mend_faults *f, const char *s)
{
	return arena_strndup(&f->arena, s, strlen(s));
}

/* report.each: a tree that was copied without its hard links has as many as names. */
static void note(void *arg, int reason, const char *place, const char *text)
{
	struct looking *l = arg;
	struct mend_faults *f = l->out;
	struct mend_fault *at;

	if (f->n == f->room) {
		size_t room = f->room == 0 ? 64 : 2 * f->room;
		struct mend_fault *more = reallocarray(f->list, room, sizeof *more);

		if (more == NULL) {
			err_mem(&l->failed);
			return;
		}
		f->list = more;
		f->room = room;
	}
	at = &f->list[f->n];
	*at = (struct mend_fault){keep(f, strlen(place) > l->above ? place + l->above + 1 : ""), reason,
				  f->n > 0 && strcmp(at[-1].text, text) == 0 ? at[-1].text : keep(f, text)};
	if (at->path == NULL || at->text == NULL)
		err_mem(&l->failed);
	else
		f->n++;
}

static int by_path(const void *a, const void *b)
{
	const struct mend_fault *x = a, *y = b;
	int c = strcmp(x->path, y->path);

	return c != 0 ? c : x->reason - y->reason;	/* other bytes before another mode: the first is told */
}

int mend_look(const struct store *s, const char *stream, char tree, struct mend_faults *out, struct err *e)
{
	char place[PLACE];
	struct looking l = {.out = out, .above = strlen(place_of(stream, tree, "/tree", place))};
	struct report report = {.lock = PTHREAD_MUTEX_INITIALIZER, .each = note, .arg = &l};
	struct audit_tree sum;
	struct state *state = NULL;
	int rc;

	*out = (struct mend_faults){.stream = stream, .tree = tree};
	rc = state_load(s, stream, tree, &state, e);
	if (rc == 0)
		rc = audit_tree(s, tree, state, &report, &sum, e);
	else if (rc == 1)
		rc = 0;
	state_free(state);
	pthread_mutex_destroy(&report.lock);
	if (rc == 0 && l.failed.reason != ERR_NONE) {
		*e = l.failed;
		rc = -1;
	}
	if (out->n > 0)
		qsort(out->list, out->n, sizeof *out->list, by_path);
	return rc;
}

void mend_free(struct mend_faults *f)
{
	free(f->list);
	arena_free(&f->arena);
	*f = (struct mend_faults){0};
}

/* ---- mending ---- */

enum known { FOREIGN, KNOWN, DONE };
enum wrong { FINE, WRONG, BLIND };	/* BLIND: what is its own can't be told */

struct mending {
	const struct mend_ask *ask;
	const struct mend_faults *f;
	enum known *known;	/* of each fault */
	struct state *state;
	enum wrong *wrong;	/* of each item */
	struct file dir, top, via;	/* streams/NAME/a, its tree; stage */
	struct tree *tree;
	char path[2 * PATH_MAX_LEN + 2];
};

static int tell(struct mending *m, size_t i, const char *done, struct err *e)
{
	const struct mend_fault *f = &m->f->list[i];
	struct mend_told t = {.reason = f->reason, .text = f->text, .done = done};
	char *place = NULL;
	int rc;

	if (asprintf(&place, "streams/%s/%c/tree%s%s", m->f->stream, m->f->tree, *f->path == '\0' ? "" : "/", f->path) == -1)
		return err_mem(e);
	t.place = place;
	rc = m->ask->each(m->ask->arg, &t, e);
	free(place);
	return rc;
}

/* The first fault of path[..len), SIZE_MAX where there is none. */
static size_t find(const struct mend_faults *f, const char *path, size_t len)
{
	size_t low = 0, high = f->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = strncmp(f->list[mid].path, path, len);

		if (order == 0 && f->list[mid].path[len] != '\0')
			order = 1;
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < f->n && strncmp(f->list[low].path, path, len) == 0 && f->list[low].path[len] == '\0' ? low : SIZE_MAX;
}

/* All faults of one path become KNOWN; or the first of them is told. */
static int settle(struct mending *m, const char *path, size_t len, const char *done, struct err *e)
{
	size_t first = find(m->f, path, len);

	if (first == SIZE_MAX || m->known[first] == DONE)
		return 0;
	if (done != NULL && tell(m, first, done, e) == -1)
		return -1;
	for (size_t i = first; i < m->f->n && strcmp(m->f->list[i].path, m->f->list[first].path) == 0; i++)
		m->known[i] = done == NULL ? KNOWN : DONE;
	return 0;
}

/* A directory on the way. One that the audit named because a contents list has parts that are gone is not the matter. */
static int settle_directory(struct mending *m, size_t len, struct err *e)
{
	size_t first = find(m->f, m->path, len);
	bool fine = first != SIZE_MAX && m->f->list[first].reason == R_OBJECT_MISSING;

	return settle(m, m->path, len, fine ? NULL : "put right", e);
}

/* One record's name; the directories that lead to it are put right on the way. */
static int mend_record(struct mending *m, const char *item, const struct record *r, struct err *e)
{
	int changed;

	snprintf(m->path, sizeof m->path, "%.*s%s", (int)(path_last(item) - item), item, r->path);
	changed = tree_mend(m->tree, m->path, r, &m->via, e);
	if (changed == -1)
		return -1;
	for (const char *slash = m->path; (slash = strchr(slash, '/')) != NULL; slash++)
		if (settle_directory(m, (size_t)(slash - m->path), e) == -1)
			return -1;
	return settle(m, m->path, strlen(m->path), changed == 1 ? "put right" : NULL, e);
}

/* 1: the item's records are known to the last; 0: its list, or a part of it, is gone or damaged; -1. */
static int mend_records(struct mending *m, const struct state_item *item, struct err *e)
{
	const struct contents_ref ref = {item->contents, item->size, item->files, item->bytes};
	struct contents_reader *reader = NULL;
	const struct record *r;
	struct err why = {0};
	bool whole = true;
	int rc;

	if (contents_reader_open(&ref, item->item, objects_fetch, m->ask->objects, &reader, &why) != 0)
		return missing_pass_over(&why, e);
	while ((rc = contents_reader_next(reader, &r, &why)) > 0) {
		whole = whole && rc == 1;
		if (rc == 1 && mend_record(m, item->item, r, e) == -1)
			break;
	}
	contents_reader_close(reader);
	if (rc != 0)
		return rc > 0 ? -1 : missing_pass_over(&why, e);
	return whole;
}

/* ---- which items ---- */

/* The item that a path belongs to, or else the first one that it leads to; SIZE_MAX. */
static size_t item_of(const struct state *s, const char *path)
{
	char part[2 * PATH_MAX];
	size_t i;

	snprintf(part, sizeof part, "%s", path);
	for (char *slash = part; slash != NULL;) {
		i = state_bound(s, part);
		if (i < s->items_n && strcmp(s->items[i].item, part) == 0)
			return i;
		slash = strrchr(part, '/');
		if (slash != NULL)
			*slash = '\0';
	}
	snprintf(part, sizeof part, "%s/", path);
	i = state_bound(s, part);
	return i < s->items_n && path_below(s->items[i].item, path) ? i : SIZE_MAX;
}

static void mark_items(struct mending *m)
{
	for (size_t i = 0; i < m->f->n; i++) {
		size_t at = item_of(m->state, m->f->list[i].path);

		if (at != SIZE_MAX)
			m->wrong[at] = WRONG;
	}
	for (size_t i = 0; m->f->n > 0 && *m->f->list[0].path == '\0' && i < m->state->items_n; i++)
		m->wrong[i] = WRONG;
}

/* ---- the whole ---- */

static int mend_items(struct mending *m, struct err *e)
{
	int rc = 0;

	m->tree = tree_open(&m->dir, 1, TREE_ADD, m->ask->objects, e);
	if (m->tree == NULL)
		return -1;
	for (size_t i = 0; rc != -1 && i < m->state->items_n; i++) {
		if (m->wrong[i] == FINE)
			continue;
		rc = mend_records(m, &m->state->items[i], e);
		if (rc == 0)
			m->wrong[i] = BLIND;
	}
	if (tree_close(m->tree, e) == -1)
		rc = -1;
	m->tree = NULL;
	return rc == -1 ? -1 : 0;
}

static int remove_foreign(struct mending *m, struct err *e)
{
	for (size_t i = 0; i < m->f->n; i++) {
		size_t at;

		if (m->known[i] != FOREIGN)
			continue;
		at = item_of(m->state, m->f->list[i].path);
		if (at != SIZE_MAX && m->wrong[at] == BLIND)
			continue;
		if (file_remove_tree_at(&m->top, m->f->list[i].path, e) == -1 || tell(m, i, "removed", e) == -1)
			return -1;
	}
	return 0;
}

/* The tree itself may be gone, be something else, or have another mode. */
static int open_top(struct mending *m, struct err *e)
{
	struct err why = {0};

	if (file_open_dir_at(&m->dir, "tree", &m->top, &why) == -1) {
		err_clear(&why);
		if (file_remove_tree_at(&m->dir, "tree", e) == -1 || file_make_dir_at(&m->dir, "tree", TREE_MODE, e) == -1 ||
		    file_open_dir_at(&m->dir, "tree", &m->top, e) == -1)
			return -1;
	}
	if (fchmod(m->top.fd, TREE_MODE) == -1)
		return err_sys(e, "%s: setting its mode", m->top.name);
	return settle(m, "", 0, "put right", e);
}

static int run(struct mending *m, struct err *e)
{
	char place[PLACE];
	int rc = state_load(m->ask->store, m->f->stream, m->f->tree, &m->state, e);

	if (rc != 0)
		return rc == 1 ? 0 : -1;
	m->wrong = calloc(m->state->items_n + 1, sizeof *m->wrong);
	m->known = calloc(m->f->n + 1, sizeof *m->known);
	if (m->wrong == NULL || m->known == NULL)
		return err_mem(e);
	mark_items(m);
	if (file_open_dir_at(&m->ask->store->dir, "stage", &m->via, e) == -1 ||
	    file_open_dir_at(&m->ask->store->dir, place_of(m->f->stream, m->f->tree, "", place), &m->dir, e) == -1 ||
	    open_top(m, e) == -1 || mend_items(m, e) == -1 || remove_foreign(m, e) == -1)
		return -1;
	return file_sync_fs(&m->dir, e);
}

int mend_run(const struct mend_ask *ask, const struct mend_faults *f, struct err *e)
{
	struct mending *m;
	int rc;

	if (f->n == 0)
		return 0;
	m = calloc(1, sizeof *m);
	if (m == NULL)
		return err_mem(e);
	m->ask = ask;
	m->f = f;
	m->dir = m->top = m->via = (struct file)FILE_CLOSED;
	rc = run(m, e);
	file_close(&m->dir);
	file_close(&m->top);
	file_close(&m->via);
	state_free(m->state);
	free(m->wrong);
	free(m->known);
	free(m);
	return rc;
}

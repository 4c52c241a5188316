/*
 * A published tree (verify/audit_tree.h): above the items only the directories that lead to them, then item by item. Reports
 * items that are not there, and everything no item accounts for.
 */
#include "verify/audit_tree.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/err.h"
#include "lib/file.h"
#include "lib/path.h"
#include "lib/walk.h"
#include "manifests/limits.h"
#include "manifests/reason.h"
#include "verify/audit_item.h"
#include "verify/report.h"
#include "verify/state.h"

#include "lib/banned.h"

#define PERMISSIONS 07777

struct looking {
	const struct state *state;
	bool *seen;		/* by item */
	struct audit_item item;
};

static bool leads_to_item(const struct state *s, const char *path)
{
	char below[PATH_MAX + 2];
	size_t i, n = (size_t)snprintf(below, sizeof below, "%s/", path);

	i = state_bound(s, below);
	return i < s->items_n && strncmp(s->items[i].item, below, n) == 0;
}

/* What can't be read is not called missing. */
static void pass_over(struct looking *l, const char *path)
{
	size_t len = strlen(path);

	for (size_t i = state_bound(l->state, path); i < l->state->items_n && strncmp(l->state->items[i].item, path, len) == 0; i++)
		l->seen[i] = l->seen[i] || path_below(l->state->items[i].item, path);
}

static enum walk_verdict visit(void *arg, const struct walk_entry *w, struct err *e)
{
	struct looking *l = arg;
	struct report *r = l->item.report;
	char place[2 * PATH_MAX], text[STORE_STRANGER];
	size_t i;

	if (w->leaving)
		return WALK_ON;
	snprintf(place, sizeof place, "%s/%s", l->item.place, w->path);
	if (w->sys != 0) {
		report_finding(r, ERR_IO, place, "%s", strerror(w->sys));
		pass_over(l, w->path);
		return WALK_SKIP;
	}
	i = state_bound(l->state, w->path);
	if (i < l->state->items_n && strcmp(l->state->items[i].item, w->path) == 0) {
		l->seen[i] = true;
		return audit_item(&l->item, &l->state->items[i], w, e) == -1 ? WALK_STOP : WALK_SKIP;
	}
	if (!S_ISDIR(w->st.st_mode) || !leads_to_item(l->state, w->path)) {
		report_finding(r, R_STORE_DAMAGED, place, "nothing approved has this name");
		return WALK_SKIP;
	}
	if ((w->st.st_mode & PERMISSIONS) != 0755)
		report_finding(r, R_STORE_DAMAGED, place, "the directory's mode is not 0755");
	if (store_stranger(l->item.store, &w->st, text))
		report_finding(r, ERR_UNSAFE, place, "%s", text);
	return WALK_ON;
}

static void say_missing(const struct looking *l)
{
	char place[2 * PATH_MAX];

	for (size_t i = 0; i < l->state->items_n; i++) {
		if (l->seen[i])
			continue;
		snprintf(place, sizeof place, "%s/%s", l->item.place, l->state->items[i].item);
		report_finding(l->item.report, R_STORE_DAMAGED, place, "the item is not there");
	}
}

int audit_tree(const struct store *s, char tree, const struct state *state, struct report *r, struct audit_tree *out,
	       struct err *e)
{
	struct file top = FILE_CLOSED, objects = FILE_CLOSED;
	char place[MAX_NAME_LEN + 32];
	struct looking l = {.state = state, .item = {.store = s, .objects = &objects, .report = r, .place = place}};
	struct err cause = {0};
	struct stat st;
	int rc = -1;

	snprintf(place, sizeof place, "streams/%s/%c/tree", state->stream, tree);
	l.seen = calloc(state->items_n + 1, sizeof *l.seen);
	if (l.seen == NULL)
		return err_mem(e);
	if (file_open_dir_at(&s->dir, place, &top, &cause) == -1) {
		report_err(r, place, &cause);
		rc = 0;
		goto out;
	}
	if (file_stat(&top, &st, e) == -1 || file_open_dir_at(&s->dir, "objects", &objects, e) == -1)
		goto out;
	if ((st.st_mode & PERMISSIONS) != 0755)
		report_finding(r, R_STORE_DAMAGED, place, "the directory's mode is not 0755");
	rc = walk_tree(&top, PATH_MAX_DEPTH, visit, &l, e);
	if (rc == 0)
		say_missing(&l);
	*out = (struct audit_tree){state->items_n, l.item.files, l.item.links, l.item.hashed};
out:
	free(l.seen);
	file_close(&top);
	file_close(&objects);
	return rc;
}

/*
 * Damage and healing (import/publish.h): when objects are set aside, every name in a stream's trees that stands for one of
 * them goes; after their bytes came again it gets the good inode, one by one by rename. Where a name still has a lost
 * object's bytes they are taken from there. The only changes outside a
 * switch; their cost is a reading of the contents lists, and they are asked for only when something was found or healed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import/missing.h"
#include "import/objects.h"
#include "import/places.h"
#include "import/publish.h"
#include "import/tree.h"
#include "lib/err.h"
#include "lib/path.h"
#include "manifests/contents.h"
#include "manifests/limits.h"

#include "lib/banned.h"

struct healing {
	struct objects *o;
	struct tree *tree;
	struct file top;	/* of the tree, too */
	struct file via;
	const struct digest *list;
	size_t n;
	struct places *places;
	char path[2 * PATH_MAX_LEN + 2];
};

static int compare(const void *a, const void *b)
{
	return digest_compare(a, b);
}

static bool is_listed(const struct healing *h, const struct digest *d)
{
	return bsearch(d, h->list, h->n, sizeof *h->list, compare) != NULL;
}

/* A lost object whose bytes a name still has gets them back from there. */
static int restore(struct healing *h, const struct record *r, struct err *e)
{
	struct file dir = FILE_CLOSED;
	struct err why = {0};
	const char *name;
	uint64_t size;
	int rc = objects_has(h->o, &r->sha256, &size, e);

	if (rc != 1 || size != UINT64_MAX)
		return rc == -1 ? -1 : 0;
	if (file_open_parent_at(&h->top, h->path, &dir, &name, &why) == -1) {
		if (why.reason == ERR_MISSING || why.reason == ERR_FILE_TYPE)
			return 0;
		*e = why;
		return -1;
	}
	rc = objects_restore(h->o, &r->sha256, r->exec, &dir, name, e);
	file_close(&dir);
	return rc == -1 ? -1 : 0;
}

/* all: every file of the item, since its contents list could not be read when others were seen to. */
static int each_record(struct healing *h, const char *item, const struct record *r, bool all, struct err *e)
{
	if (!r->has_file || (!all && !is_listed(h, &r->sha256)))
		return 0;
	if (h->places != NULL && places_answer(h->places, &r->sha256, item, r->path, e) == -1)
		return -1;
	snprintf(h->path, sizeof h->path, "%.*s%s", (int)(path_last(item) - item), item, r->path);
	if (restore(h, r, e) == -1)
		return -1;
	return tree_heal(h->tree, h->path, r, &h->via, e) == -1 ? -1 : 0;
}

/* An item whose contents list is itself lost or damaged stays as it is: the list's own healing comes first. */
static int each_item(struct healing *h, const struct state_item *item, struct err *e)
{
	const struct contents_ref ref = {item->contents, item->size, item->files, item->bytes};
	struct contents_reader *reader = NULL;
	const struct contents_part *parts;
	const struct record *r;
	struct err why = {0};
	bool all = is_listed(h, &item->contents);
	size_t n;
	int rc;

	if (all && h->places != NULL && places_answer(h->places, &item->contents, item->item, NULL, e) == -1)
		return -1;
	if (contents_reader_open(&ref, item->item, objects_fetch, h->o, &reader, &why) != 0)
		return missing_pass_over(&why, e);
	parts = contents_reader_parts(reader, &n);
	for (size_t i = 0; i < n; i++) {
		if (!is_listed(h, &parts[i].sha256))
			continue;
		all = true;
		if (h->places != NULL && places_answer(h->places, &parts[i].sha256, item->item, NULL, e) == -1) {
			contents_reader_close(reader);
			return -1;
		}
	}
	while ((rc = contents_reader_next(reader, &r, &why)) > 0)
		if (rc == 1 && each_record(h, item->item, r, all, e) == -1)
			break;
	contents_reader_close(reader);
	return rc == 1 ? -1 : missing_pass_over(&why, e);
}

static int heal_tree(struct healing *h, const struct store *s, const char *stream, char name, struct err *e)
{
	struct file dir = FILE_CLOSED;
	struct state *state = NULL;
	char place[MAX_NAME_LEN + 32];
	int rc = state_load(s, stream, name, &state, e);

	if (rc != 0)
		return rc == 1 ? 0 : -1;
	snprintf(place, sizeof place, "streams/%s/%c", stream, name);
	rc = file_open_dir_at(&s->dir, place, &dir, e);
	if (rc == 0) {
		h->tree = tree_open(&dir, 1, TREE_ADD, h->o, e);
		rc = h->tree == NULL ? -1 : file_open_dir_at(&dir, "tree", &h->top, e);
	}
	for (size_t i = 0; rc == 0 && i < state->items_n; i++)
		rc = each_item(h, &state->items[i], e);
	if (tree_close(h->tree, e) == -1)
		rc = -1;
	h->tree = NULL;
	file_close(&h->top);
	file_close(&dir);
	state_free(state);
	return rc;
}

int publish_heal(const struct store *s, struct objects *o, const char *stream, const struct digest *list, size_t n,
		 struct places *places, struct err *e)
{
	struct healing *h;
	int rc = -1;

	h = calloc(1, sizeof *h);
	if (h == NULL)
		return err_mem(e);
	h->o = o;
	h->top = h->via = (struct file)FILE_CLOSED;
	h->list = list;
	h->n = n;
	h->places = places;
	if (h->n == 0)
		rc = 0;
	else if (objects_settle(o, e) == 0 &&	/* these trees are served */
		 file_open_dir_at(&s->dir, "stage", &h->via, e) == 0 && heal_tree(h, s, stream, 'a', e) == 0 &&
		 heal_tree(h, s, stream, 'b', e) == 0)
		rc = file_sync_fs(&s->dir, e);
	file_close(&h->via);
	free(h);
	return rc;
}

/*
 * Building a tree by the difference (import/publish_build.h): publish > BUILD > tree. Item by item what changed, record
 * by record from the two contents lists. Refuses to add an item whose wanted contents list can't be read.
 */
#include "import/publish_build.h"

#include <stdlib.h>
#include <string.h>

#include "import/missing.h"
#include "import/objects.h"
#include "import/tree.h"
#include "import/variants.h"
#include "lib/err.h"
#include "lib/num.h"
#include "lib/path.h"
#include "lib/progress.h"
#include "lib/timings.h"
#include "manifests/contents.h"
#include "manifests/reason.h"

#include "lib/banned.h"

struct all {			/* of all items that differ, as they shall be */
	uint64_t files, bytes;
};
struct build {
	struct objects *o;
	struct tree *tree;
	enum tree_pass pass;
	enum publish_build_run run;
	const struct state_item *former;
	struct variants variants;	/* that names will be given to */
	bool *cleared;	/* of each former item, whether it was removed without its list */
	struct all all;
	bool failed;	/* changing the tree failed, not reading the lists */
	size_t parent;	/* path[0..parent): what stands before the item's last component */
	char path[PATH_MAX_LEN + 1];
};

int publish_build_compare(const struct state_item *former, size_t former_n, const struct state_item *items, size_t items_n,
			  publish_build_each *each, void *arg, struct err *e)
{
	size_t f = 0, i = 0;

	while (f < former_n || i < items_n) {
		int order = f == former_n ? 1 : i == items_n ? -1 : strcmp(former[f].item, items[i].item);
		const struct state_item *was = order <= 0 ? &former[f++] : NULL;
		const struct state_item *is = order >= 0 ? &items[i++] : NULL;

		if (was != NULL && is != NULL && digest_equal(&was->contents, &is->contents))
			continue;
		if (each(arg, was, is, e) == -1)
			return -1;
	}
	return 0;
}

static int change(struct build *b, const struct record *was, const struct record *is, struct err *e)
{
	const char *path = was != NULL ? was->path : is->path;
	size_t len = strlen(path);

	if (was != NULL && is != NULL && record_same_content(was, is))	/* times are advisory */
		return 0;
	if (len > PATH_MAX_LEN - b->parent)
		return err_set(e, ERR_INTERNAL, "\"%s\": too long for a published tree", path);
	memcpy(b->path + b->parent, path, len + 1);
	if (b->pass == TREE_ADD) {
		progress_add(1);
		return is == NULL ? 0 : tree_add(b->tree, b->path, is, e);
	}
	if (is != NULL && is->exec && variants_add(&b->variants, &is->sha256, is->mtime, e) == -1)
		return -1;
	return was == NULL ? 0 : tree_remove(b->tree, b->path, was, e);
}

static int each_record(void *arg, const struct record *was, const struct record *is, struct err *e)
{
	struct build *b = arg;

	if (change(b, was, is, e) == 0)
		return 0;
	b->failed = true;
	return -1;
}

static int open_list(const struct build *b, const struct state_item *item, struct contents_reader **out, struct err *e)
{
	struct contents_ref ref;
	char hex[DIGEST_HEX + 1];

	if (item == NULL)
		return 0;
	ref = (struct contents_ref){.sha256 = item->contents, .size = item->size, .files = item->files, .bytes = item->bytes};
	if (contents_reader_open(&ref, item->item, objects_fetch, b->o, out, e) != 1)
		return *out == NULL ? -1 : 0;
	return err_set(e, R_OBJECT_MISSING, "contents list %s of \"%s\" is missing", digest_hex(&ref.sha256, hex), item->item);
}

static int diff(struct build *b, const struct state_item *was, const struct state_item *is, struct err *e)
{
	const char *item = was != NULL ? was->item : is->item;
	struct contents_reader *old = NULL, *new = NULL;
	int rc = -1;

	b->parent = (size_t)(path_last(item) - item);
	if (b->parent > PATH_MAX_LEN)
		return err_set(e, ERR_INTERNAL, "\"%s\": too long for a published tree", item);
	memcpy(b->path, item, b->parent);
	if (open_list(b, was, &old, e) == 0 && open_list(b, is, &new, e) == 0)
		rc = contents_diff(old, new, each_record, b, e);
	contents_reader_close(old);
	contents_reader_close(new);
	return rc;
}

/*
 * Where what was there can't be told by its list, all below its name goes, and all of what shall be is added. The first pass
 * decides, and the second follows: a list that can be read at one time and not at another must not leave anything out.
 * What an interrupted run decided is not known: everything is added then, and what is there stays.
 */
static int each_item(void *arg, const struct state_item *was, const struct state_item *is, struct err *e)
{
	struct build *b = arg;
	bool *cleared = was == NULL ? NULL : &b->cleared[was - b->former];
	struct err cause = {0};

	if (cleared != NULL && (*cleared || (b->pass == TREE_ADD && b->run == PUBLISH_BUILD_AGAIN)))
		return is == NULL ? 0 : diff(b, NULL, is, e);
	if (diff(b, was, is, &cause) == 0)
		return 0;
	if (cleared == NULL || b->pass != TREE_REMOVE || b->failed || !missing_is_damage(cause.reason)) {
		if (e != NULL && e->reason == ERR_NONE)
			*e = cause;
		return -1;
	}
	*cleared = true;
	if (tree_remove_all(b->tree, was->item, e) == -1)
		return -1;
	return is == NULL ? 0 : diff(b, NULL, is, e);
}

static int run_pass(struct build *b, const struct file *dirs, size_t n, const struct state *state, enum tree_pass pass, struct err *e)
{
	int rc = -1;

	b->pass = pass;
	b->tree = tree_open(dirs, n, pass, b->o, e);
	if (b->tree != NULL && (pass == TREE_REMOVE || tree_spread(b->tree, e) == 0))
		rc = publish_build_compare(state->former, state->former_n, state->items, state->items_n, each_item, b, e);
	return tree_close(b->tree, e) == -1 ? -1 : rc;
}

static int count(void *arg, const struct state_item *was, const struct state_item *is, struct err *e)
{
	struct all *all = arg;

	(void)was;
	if (is == NULL)
		return 0;
	if (num_add(all->files, is->files, &all->files) || num_add(all->bytes, is->bytes, &all->bytes))
		return err_set(e, ERR_INTERNAL, "more files than there can be");
	return 0;
}

/*
 * What comes before the names: all removals, then variants, so that one sync proves them before anything links to them. A tree that is
 * built from nothing may link to what is not synced yet, since publish_undo, or inspect_sweep, takes that back:
 * its variants are made with the names, unless they might not have room.
 */
static int prepare(struct build *b, const struct file *dirs, const struct state *state, struct err *e)
{
	bool empty = state->former_n == 0;
	int room = empty && b->run == PUBLISH_BUILD_FIRST ? variants_have_room(dirs, b->all.files, b->all.bytes, e) : 0;

	if (room == -1)
		return -1;
	objects_link_unsynced(b->o, room == 1);
	if (room == 1)
		return objects_begin(b->o, e);
	if (run_pass(b, dirs, 1, state, TREE_REMOVE, e) == -1 || variants_make(&b->variants, e) == -1)
		return -1;
	return empty ? 0 : objects_settle(b->o, e);
}

int publish_build_run(struct objects *o, const struct file *dirs, size_t n, const struct state *state, enum publish_build_run run,
		      struct err *e)
{
	struct build *b = calloc(1, sizeof *b);
	uint64_t since;
	int rc = -1;

	if (b != NULL)
		b->cleared = calloc(state->former_n + 1, sizeof *b->cleared);
	if (b == NULL || b->cleared == NULL) {
		free(b);
		return err_mem(e);
	}
	b->o = o;
	b->variants = (struct variants){.objects = o, .dir = &dirs[0]};
	b->run = run;
	b->former = state->former;
	if (publish_build_compare(state->former, state->former_n, state->items, state->items_n, count, &b->all, e) == -1)
		goto out;
	progress_phase("publishing", state->former_n == 0 ? b->all.files : 0, 0);	/* of a difference the size is not known */
	if (prepare(b, dirs, state, e) == 0 && run_pass(b, dirs, n, state, TREE_ADD, e) == 0 && objects_settle(o, e) == 0) {
		since = timings_now();
		rc = file_sync_fs(dirs, e);
		timings_busy("syncing trees", since);
	}
	objects_link_unsynced(o, false);
	progress_end();
out:
	variants_free(&b->variants);
	free(b->cleared);
	free(b);
	return rc;
}

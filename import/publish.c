/*
 * Publishing (import/publish.h): effect > PUBLISH > journal. Decides which of a stream's two trees is built, keeps the
 * crash rule of its state.yaml, and moves the link that servers follow. Refuses a wanted state whose items are not in
 * order or lie in one another.
 */
#include "import/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "import/objects.h"
#include "import/publish_build.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/listing.h"
#include "lib/outfile.h"
#include "manifests/limits.h"
#include "manifests/reason.h"
#include "manifests/schema.h"
#include "verify/service.h"
#include "verify/unfinished.h"

#include "lib/banned.h"

#define STATE "state.yaml"
#define DIR_MODE 0755
#define CHUNK ((size_t)64 << 10)
#define PLACE (MAX_NAME_LEN + 32)

/* Opens streams/NAME, or one of its trees: STORE/streams/NAME/a. */
static int open_stream(const struct store *s, const char *stream, char tree, struct file *out, struct err *e)
{
	char place[PLACE];

	if (tree == 0)
		snprintf(place, sizeof place, "streams/%s", stream);
	else
		snprintf(place, sizeof place, "streams/%s/%c", stream, tree);
	return file_open_dir_at(&s->dir, place, out, e);
}

/* Records one by one: a state of 200,000 items, twice while building, is never held as text. */
static int write_records(struct outfile *o, const struct state *state, struct err *e)
{
	struct buf b = {0};
	int rc;

	for (const struct field *f = state_schema.fields; f->name != NULL; f++) {
		const char *at = (const char *)state;
		size_t n;

		if (f->kind != FIELD_RECORDS)
			continue;
		n = *(const size_t *)(const void *)(at + f->count_at);
		if (n == 0 && f->optional)
			continue;
		schema_encode_list(f->name, n == 0, &b);
		at = *(const char *const *)(const void *)(at + f->at);
		for (size_t i = 0; i < n; i++) {
			schema_encode_record(f->sub, at + i * f->sub->size, &b);
			if (b.len >= CHUNK && !b.failed) {
				outfile_write(o, b.data, b.len);
				buf_clear(&b);
			}
		}
	}
	rc = buf_ok(&b, e);
	if (rc == 0)
		outfile_write(o, b.data, b.len);
	buf_free(&b);
	return rc;
}

static int write_state(const struct file *dir, const struct state *state, struct err *e)
{
	struct buf head = {0};
	struct outfile *o = NULL;
	int rc = -1;

	if (schema_encode_head(&state_schema, state, &head, e) == -1)
		goto out;
	o = outfile_open(dir, STATE, 0644, e);
	if (o == NULL)
		goto out;
	outfile_write(o, head.data, head.len);
	if (write_records(o, state, e) == -1)
		goto out;
	rc = outfile_commit(o, e);
	o = NULL;
out:
	outfile_abort(o);
	buf_free(&head);
	return rc;
}

/* Of a tree that is, or may become, what servers serve: what the state speaks of is durable first. */
static int write_clean(struct objects *o, const struct file *dir, const struct state *state, struct err *e)
{
	return objects_settle(o, e) == -1 ? -1 : write_state(dir, state, e);
}

static int compare_item(const void *key, const void *item)
{
	return strcmp(key, ((const struct state_item *)item)->item);
}

/* What effect promises; two items in one another would undo each other's files. */
static int check_want(const struct state *want, struct err *e)
{
	for (size_t i = 0; i < want->items_n; i++) {
		const char *item = want->items[i].item;
		char *above;

		if (i > 0 && strcmp(want->items[i - 1].item, item) >= 0)
			return err_set(e, ERR_INTERNAL, "items to publish are not in order at \"%s\"", item);
		above = strdup(item);
		if (above == NULL)
			return err_mem(e);
		for (char *slash; (slash = strrchr(above, '/')) != NULL;) {
			*slash = '\0';
			if (bsearch(above, want->items, want->items_n, sizeof *want->items, compare_item) != NULL) {
				err_set(e, ERR_INTERNAL, "items to publish lie in one another: \"%s\" and \"%s\"", above, item);
				free(above);
				return -1;
			}
		}
		free(above);
	}
	return 0;
}

/* Empties a tree of which nothing is known, or nothing can be. */
static int empty_tree(const struct file *dir, struct err *e)
{
	if (file_remove_tree_at(dir, "tree", e) == -1)
		return -1;
	return file_make_dir_at(dir, "tree", DIR_MODE, e);
}

/* The same, durably with the state that is written next into `dir`. One that holds nothing yet, as in a new store, waits for no sync of
 * everything. */
static int begin_empty(const struct file *dir, struct err *e)
{
	struct file tree = FILE_CLOSED;
	struct err why = {0};
	int rc = -1;

	if (listing_is_empty(dir, "tree", &why) != 1) {
		err_clear(&why);
		return empty_tree(dir, e) == -1 ? -1 : file_sync_fs(dir, e);
	}
	if (file_open_dir_at(dir, "tree", &tree, e) == 0) {
		if (fchmod(tree.fd, DIR_MODE) == -1)
			err_sys(e, "%s: setting its mode", tree.name);
		else
			rc = file_sync(&tree, e);
	}
	file_close(&tree);
	return rc;
}

/* From what the tree holds, or n trees that hold nothing, to `want`, by the crash rule. */
static int build(struct objects *o, const struct file *dirs, size_t n, const struct state *former, const struct state *want,
		 struct err *e)
{
	struct state s = *want;

	s.phase = STATE_BUILDING;
	s.former = former == NULL ? NULL : former->items;
	s.former_n = former == NULL ? 0 : former->items_n;
	for (size_t i = 0; i < n; i++)
		if ((former == NULL && begin_empty(&dirs[i], e) == -1) || write_state(&dirs[i], &s, e) == -1)
			return -1;
	if (publish_build_run(o, dirs, n, &s, PUBLISH_BUILD_FIRST, e) == -1)
		return -1;
	s.phase = STATE_CLEAN;
	s.former = NULL;
	s.former_n = 0;
	for (size_t i = 0; i < n; i++)
		if (write_clean(o, &dirs[i], &s, e) == -1)
			return -1;
	return 0;
}

/*
 * Ends an interrupted build. Where it can't be ended, since a list or object it needs is gone, it is undone by emptying
 * the tree: that tree is not current, and a store must stay able to take in the bundle that heals it.
 */
static int finish(struct objects *o, const struct file *dir, struct state *s, struct err *e)
{
	struct err cause = {0};
	int rc = publish_build_run(o, dir, 1, s, PUBLISH_BUILD_AGAIN, &cause);

	if (rc == -1 && (cause.reason == ERR_IO || cause.reason == ERR_NO_SPACE || cause.reason == ERR_MEMORY)) {
		if (e != NULL && e->reason == ERR_NONE)
			*e = cause;
		return -1;
	}
	if (rc == -1) {
		if (empty_tree(dir, e) == -1 || file_sync_fs(dir, e) == -1)
			return -1;
		s->items_n = 0;
	}
	s->phase = STATE_CLEAN;
	s->former_n = 0;
	return write_clean(o, dir, s, e);
}

/* Loads the state of a tree that is not current and ends its build if need be: 0; 1 it has none yet; -1. */
static int load_other(const struct store *s, struct objects *o, const char *stream, char tree, struct state **out,
		      bool *found, struct err *e)
{
	struct file dir = FILE_CLOSED;
	int rc = state_load(s, stream, tree, out, e);

	if (rc != 0 || (*out)->phase == STATE_CLEAN)
		return rc;
	*found = true;
	rc = open_stream(s, stream, tree, &dir, e);
	if (rc == 0)
		rc = finish(o, &dir, *out, e);
	file_close(&dir);
	return rc;
}

static bool same_items(const struct state *a, const struct state *b)
{
	if (a->items_n != b->items_n)
		return false;
	for (size_t i = 0; i < a->items_n; i++)
		if (strcmp(a->items[i].item, b->items[i].item) != 0 ||
		    !digest_equal(&a->items[i].contents, &b->items[i].contents))
			return false;
	return true;
}

/* Brings a tree that is not current to `want`. */
static int bring(const struct store *s, struct objects *o, const struct state *want, char tree, struct err *e)
{
	struct file dir = FILE_CLOSED;
	struct state *former = NULL;
	bool found = false;
	int rc = load_other(s, o, want->stream, tree, &former, &found, e);

	if (rc == -1)
		goto out;
	rc = open_stream(s, want->stream, tree, &dir, e);
	if (rc == 0)	/* equal ones: it was built, and the switch did not come to pass */
		rc = former != NULL && same_items(former, want) ? write_clean(o, &dir, want, e)
								 : build(o, &dir, 1, former, want, e);
out:
	file_close(&dir);
	state_free(former);
	return rc;
}

/* Whether a tree that is not current holds anything: 1, 0, -1. */
static int holds_any(const struct store *s, struct objects *o, const char *stream, char tree, struct err *e)
{
	struct state *state = NULL;
	bool found = false;
	int rc = load_other(s, o, stream, tree, &state, &found, e);

	if (rc != -1)
		rc = rc == 0 && state->items_n > 0;
	state_free(state);
	return rc;
}

/*
 * Brings both trees to `want` where neither holds anything: each object gets its names in both at once, while it is at hand. 0; 1
 * where one holds something; -1.
 */
static int bring_both(const struct store *s, struct objects *o, const struct state *want, struct err *e)
{
	struct file dirs[] = {FILE_CLOSED, FILE_CLOSED};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < 2; i++)
		rc = holds_any(s, o, want->stream, "ab"[i], e);
	for (size_t i = 0; rc == 0 && i < 2; i++)
		rc = open_stream(s, want->stream, "ab"[i], &dirs[i], e);
	if (rc == 0)
		rc = build(o, dirs, 2, NULL, want, e);
	file_close(&dirs[0]);
	file_close(&dirs[1]);
	return rc;
}

/* Replaces the link: the one commit point. */
static int switch_to(const struct store *s, const char *stream, char tree, struct err *e)
{
	const char target[2] = {tree, '\0'};
	struct file dir = FILE_CLOSED;
	int rc = -1;

	if (open_stream(s, stream, 0, &dir, e) == -1)
		return -1;
	if (unlinkat(dir.fd, "current.new", 0) == -1 && errno != ENOENT)
		err_sys(e, "%s/current.new", dir.name);
	else if (symlinkat(target, dir.fd, "current.new") == -1)
		err_sys(e, "%s/current.new", dir.name);
	else if (renameat(dir.fd, "current.new", dir.fd, "current") == -1)
		err_sys(e, "%s/current", dir.name);
	else
		rc = file_sync(&dir, e);
	file_close(&dir);
	return rc;
}

static int count(void *arg, const struct state_item *was, const struct state_item *is, struct err *e)
{
	struct publish_result *r = arg;

	(void)e;
	if (was == NULL)
		r->items_added++;
	else if (is == NULL)
		r->items_removed++;
	else
		r->items_changed++;
	return 0;
}

static int replace_state(const struct store *s, struct objects *o, const struct state *want, char tree, struct err *e)
{
	struct file dir = FILE_CLOSED;
	int rc = open_stream(s, want->stream, tree, &dir, e);

	if (rc == 0)
		rc = write_clean(o, &dir, want, e);
	file_close(&dir);
	return rc;
}

static bool is_machines(const struct err *e)
{
	return e->reason == ERR_IO || e->reason == ERR_NO_SPACE || e->reason == ERR_MEMORY || e->reason == ERR_INTERNAL;
}

/* The tree that is published: 0, *out NULL where there is none yet, or its state is gone; -1. */
static int load_current(const struct store *s, const char *stream, char *tree, struct state **out, struct err *e)
{
	int rc;

	if (state_current(s, stream, tree, e) == -1)
		return -1;
	if (*tree == 0)
		return 0;
	rc = state_load(s, stream, *tree, out, e);
	if (rc == 0 && (*out)->phase != STATE_CLEAN)
		err_set(e, R_STORE_DAMAGED, "streams/%s/%c: is current, and its " STATE " is that of an unfinished build", stream, *tree);
	else if (rc != -1)
		return 0;
	return is_machines(e) ? -1 : err_hint(e, "move streams/%s/%c/" STATE " away; the next run then builds the tree anew", stream, *tree);
}

int publish_update(const struct store *s, struct objects *o, const struct state *want, struct publish_result *r, struct err *e)
{
	struct state *current = NULL;
	char tree = 0, other;
	bool first;
	int both = 1, rc = -1;

	*r = (struct publish_result){0};
	if (check_want(want, e) == -1 || load_current(s, want->stream, &tree, &current, e) == -1)
		goto out;
	if (current != NULL && same_items(current, want)) {
		rc = replace_state(s, o, want, tree, e);
		goto out;
	}
	publish_build_compare(current == NULL ? NULL : current->items, current == NULL ? 0 : current->items_n, want->items,
			      want->items_n, count, r, e);
	first = tree == 0 || (current != NULL && !current->has_complete && want->has_complete);
	state_free(current);
	current = NULL;
	other = tree == 'a' ? 'b' : 'a';
	if (tree == 0)
		both = bring_both(s, o, want, e);
	if (both == -1 || (both == 1 && bring(s, o, want, other, e) == -1) || switch_to(s, want->stream, other, e) == -1)
		goto out;
	r->switched = true;
	rc = first && both == 1 ? bring(s, o, want, other == 'a' ? 'b' : 'a', e) : 0;
out:
	state_free(current);
	return rc;
}

static int undo(void *arg, const struct file *dir, struct err *e)
{
	(void)arg;
	return empty_tree(dir, e);
}

int publish_undo(const struct store *s, struct err *e)
{
	return unfinished_each(s, undo, NULL, e);
}

int publish_recover(const struct store *s, struct objects *o, const char *stream, bool *found, struct err *e)
{
	struct state *state = NULL;
	char current = 0;
	int rc;

	*found = false;
	rc = load_current(s, stream, &current, &state, e);
	state_free(state);
	for (char tree = 'a'; rc == 0 && tree <= 'b'; tree++) {
		if (tree == current)
			continue;
		state = NULL;
		if (load_other(s, o, stream, tree, &state, found, e) == -1)
			rc = -1;
		state_free(state);
	}
	return rc;
}

/* A link that is there already must be the same. */
static int make_link(const struct file *dir, const char *name, const char *target, struct err *e)
{
	char is[PLACE + 32];
	ssize_t n;

	if (symlinkat(target, dir->fd, name) == 0)
		return 0;
	if (errno != EEXIST)
		return err_sys(e, "%s/%s", dir->name, name);
	n = readlinkat(dir->fd, name, is, sizeof is);
	if (n >= 0 && (size_t)n == strlen(target) && memcmp(is, target, (size_t)n) == 0)
		return 0;
	return err_set(e, ERR_CONFIG, "%s/%s: is there, and is no link to %s", dir->name, name, target);
}

static int make_folders(const struct file *store, const char *stream, struct err *e)
{
	static const char *const below[] = {"a/tree", "b/tree", "lists"};
	char place[PLACE + 32];

	for (size_t i = 0; i < sizeof below / sizeof *below; i++) {
		snprintf(place, sizeof place, "streams/%s/%s", stream, below[i]);
		if (file_make_dirs_at(store, place, DIR_MODE, e) == -1)
			return -1;
	}
	return file_make_dirs_at(store, "published", DIR_MODE, e);
}

int publish_init(const struct file *store, const char *stream, struct err *e)
{
	struct file published = FILE_CLOSED;
	char target[SERVICE_TARGET];
	int rc = -1;

	if (make_folders(store, stream, e) == 0 && file_open_dir_at(store, "published", &published, e) == 0 &&
	    make_link(&published, stream, service_target(stream, target), e) == 0)
		rc = file_sync_fs(store, e);
	file_close(&published);
	return rc;
}

/* A link that leads elsewhere goes; anything else that stands there is somebody's, and stays. */
static int remove_link(const struct file *dir, const char *name, struct err *e)
{
	struct stat st;

	if (fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return errno == ENOENT ? 0 : err_sys(e, "%s/%s", dir->name, name);
	if (!S_ISLNK(st.st_mode)) {
		err_set(e, R_STORE_DAMAGED, "%s/%s: it is no link", dir->name, name);
		return err_hint(e, "move it away, and run this again");
	}
	return unlinkat(dir->fd, name, 0) == 0 ? 0 : err_sys(e, "%s/%s", dir->name, name);
}

int publish_restore(const struct store *s, const struct service *v, struct err *e)
{
	struct file dir = FILE_CLOSED;
	int rc = 0;

	if (v->faults == 0)
		return 0;
	if (make_folders(&s->dir, v->stream, e) == -1)
		return -1;
	if ((v->faults & SERVICE_CURRENT) != 0) {
		rc = open_stream(s, v->stream, 0, &dir, e) == -1 ? -1 : remove_link(&dir, "current", e);
		file_close(&dir);
	}
	if (rc == 0 && (v->faults & SERVICE_LINK) != 0) {
		rc = file_open_dir_at(&s->dir, "published", &dir, e) == -1 ? -1 : remove_link(&dir, v->stream, e);
		file_close(&dir);
	}
	return rc == 0 ? publish_init(&s->dir, v->stream, e) : -1;
}

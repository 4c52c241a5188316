/*
 * SCAN: from entries to contents lists. An item begins as clean: as long as the cache knows every entry, its newest
 * revision stands. At the first entry that is not known, the records of those before it are taken over from the former
 * list, and from there on the list is written anew beside it; mtimes of records that are otherwise the same are kept.
 *
 * Refuses an item of which anything was refused, or whose entries can't stand in one list.
 */
#include "export/collect.h"

#include <stdlib.h>
#include <string.h>

#include "export/items.h"
#include "export/recall.h"
#include "lib/err.h"
#include "lib/path.h"
#include "manifests/contents.h"
#include "manifests/limits.h"
#include "manifests/reason.h"

#include "lib/banned.h"

#define LAST_SECOND 253402300799	/* 9999-12-31T23:59:59Z */
#define MAX_LINKS 4096	/* places outside the item that its links point into; far above MAX_REQUIRES */

struct collect_item {
	char *path;
	size_t parent;		/* bytes of it before its last component */
	bool clean, refused;
	uint64_t seen;		/* entries */
	uint64_t stood;		/* of these, the first ones, for which the former list's records stand */
	const struct draft_revision *former;	/* or NULL */
	struct contents_writer *writer;	/* NULL while clean */
	struct contents_reader *reader;	/* of the former list; NULL: none, or read to its end */
	const struct record *ahead;
	char **links;
	size_t links_n;
};

static void close_lists(struct collect_item *t)
{
	contents_writer_free(t->writer);
	contents_reader_close(t->reader);
	t->writer = NULL;
	t->reader = NULL;
	t->ahead = NULL;
}

static void free_item(struct collect_item *t)
{
	if (t == NULL)
		return;
	close_lists(t);
	for (size_t i = 0; i < t->links_n; i++)
		free(t->links[i]);
	free(t->links);
	free(t->path);
	free(t);
}

void collect_free(struct collect *c)
{
	free_item(c->item);
	free(c->list);
	arena_free(&c->arena);
}

static int begin(struct collect *c, const struct entry *n, struct err *e)
{
	struct collect_item *t = calloc(1, sizeof *t);

	free_item(c->item);
	c->item = t;
	if (t == NULL || (t->path = strdup(n->path)) == NULL)
		return err_mem(e);
	t->parent = (size_t)(path_last(t->path) - t->path);
	t->former = draft_newest(c->draft, t->path);
	t->clean = t->former != NULL && c->old != NULL && !t->former->gone && !cache_refused(c->old, t->path) &&
		   shelf_has(c->contents, &t->former->contents.sha256);
	return 0;
}

static void refuse(struct collect *c, const char *path, const char *why)
{
	c->refused(path, why);
	c->refused_n++;
	c->item->refused = true;
	c->item->clean = false;
	close_lists(c->item);
}

/* ---- the former list ---- */

/* The next record of the former list into ahead. One that can't be read costs mtimes only, unless records are to be
 * taken over from it. */
static int advance(struct collect_item *t, bool needed, struct err *e)
{
	struct err cause = {0};
	int got = contents_reader_next(t->reader, &t->ahead, &cause);

	if (got == 1)
		return 0;
	t->ahead = NULL;
	contents_reader_close(t->reader);
	t->reader = NULL;
	if (got == 0 || (!needed && cause.reason != ERR_MEMORY))
		return 0;
	if (got == 2)
		err_set(e, R_STATION_DAMAGED, "a part is missing");
	else
		*e = cause;
	err_prefix(e, "former contents list of \"%s\"", t->path);
	return err_hint(e, "remove the file 'cache' in the station and scan again");
}

static int open_former(struct collect *c, struct collect_item *t, bool needed, struct err *e)
{
	struct err cause = {0};
	int rc;

	if (t->former == NULL)
		return 0;
	rc = contents_reader_open(&t->former->contents, t->path, station_fetch, c->station, &t->reader, &cause);
	if (rc == 0)
		return advance(t, needed, e);
	t->reader = NULL;
	if (!needed && cause.reason != ERR_MEMORY)
		return 0;
	if (rc == -1)
		*e = cause;
	else
		err_set(e, R_STATION_DAMAGED, "is missing");
	err_prefix(e, "former contents list of \"%s\"", t->path);
	return err_hint(e, "remove the file 'cache' in the station and scan again");
}

/* ---- writing the new one ---- */

static int put(void *arg, const struct digest *d, const void *data, size_t len, struct err *e)
{
	return shelf_put(arg, d, data, len, e);
}

/* What can't stand in a list is refused with its item. */
static int add(struct collect *c, const struct record *r, struct err *e)
{
	struct err cause = {0};

	if (contents_writer_add(c->item->writer, r, &cause) == 0)
		return 0;
	if (cause.reason != R_DOCUMENT_FORM && cause.reason != R_NAME && cause.reason != R_DOCUMENT_TOO_LARGE) {
		*e = cause;
		return -1;
	}
	refuse(c, c->item->path, cause.text);
	return 0;
}

/* Goes on in the former list to `path`. */
static int follow(struct collect_item *t, const char *path, struct err *e)
{
	while (t->ahead != NULL && strcmp(t->ahead->path, path) < 0)
		if (advance(t, false, e) == -1)
			return -1;
	return 0;
}

/* Takes over the records of the entries that stood. */
static int take_over(struct collect *c, struct err *e)
{
	struct collect_item *t = c->item;

	for (uint64_t i = 0; i < t->stood && !t->refused; i++) {
		if (t->ahead == NULL) {
			err_set(e, R_STATION_DAMAGED, "former contents list of \"%s\": has too few records", t->path);
			return err_hint(e, "remove the file 'cache' in the station and scan again");
		}
		if (add(c, t->ahead, e) == -1 || (!t->refused && advance(t, true, e) == -1))
			return -1;
	}
	return 0;
}

/* From here on the list is written. */
static int spoil(struct collect *c, struct err *e)
{
	struct collect_item *t = c->item;
	bool needed = t->stood > 0;

	t->clean = false;
	t->writer = contents_writer_open(t->path, put, c->contents, e);
	if (t->writer == NULL || open_former(c, t, needed, e) == -1)
		return -1;
	return take_over(c, e);
}

static int64_t clamp_time(time_t t)
{
	return t < 0 ? 0 : t > LAST_SECOND ? LAST_SECOND : t;
}

static int add_record(struct collect *c, const struct entry *n, struct err *e)
{
	struct collect_item *t = c->item;
	struct record r = {.path = n->path + t->parent};

	if (n->kind == ENTRY_FILE) {
		r.has_file = r.has_sha256 = r.has_mtime = true;
		r.size = n->size;
		r.sha256 = n->sha256;
		r.mtime = clamp_time(n->mtime.tv_sec);
		r.exec = n->exec;
	} else {
		r.link = n->link;
		r.dir = n->kind == ENTRY_DIR;
	}
	if (t->writer == NULL && spoil(c, e) == -1)
		return -1;
	if (t->refused)
		return 0;
	if (follow(t, r.path, e) == -1)
		return -1;
	if (t->ahead != NULL && record_same_content(t->ahead, &r))
		r.mtime = t->ahead->mtime;
	return add(c, &r, e);
}

/* ---- entries ---- */

/* Keeps where a link points, unless it is the item itself. */
static int add_link(struct collect *c, const struct entry *n, struct err *e)
{
	struct collect_item *t = c->item;
	char target[PATH_MAX_LEN + 1];
	size_t low = 0, high = t->links_n;
	char **links;

	if (!items_target(n->path, n->link, target))
		return 0;
	target[items_owner(&c->station->config, target)] = '\0';
	if (path_below(target, t->path))
		return 0;
	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(t->links[middle], target);

		if (order == 0)
			return 0;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (t->links_n == MAX_LINKS) {
		refuse(c, n->path, "the item's links point into too many other items");
		return 0;
	}
	links = realloc(t->links, (t->links_n + 1) * sizeof *links);
	if (links == NULL)
		return err_mem(e);
	t->links = links;
	memmove(links + low + 1, links + low, (t->links_n - low) * sizeof *links);
	links[low] = strdup(target);
	t->links_n++;
	return links[low] == NULL ? err_mem(e) : 0;
}

static int take_entry(struct collect *c, const struct entry *n, struct err *e)
{
	const struct cache_entry row = {
		.path = n->path, .link = n->link,
		.kind = n->kind == ENTRY_FILE ? CACHE_FILE : n->kind == ENTRY_LINK ? CACHE_LINK : CACHE_DIR,
		.exec = n->exec, .trusted = n->trusted, .size = n->size, .inode = n->inode, .mtime = n->mtime,
		.ctime = n->ctime, .sha256 = n->sha256,
	};
	struct collect_item *t = c->item;

	cache_writer_add(c->cache, &row);
	t->seen++;
	c->files += n->kind == ENTRY_FILE;
	if (n->kind == ENTRY_LINK && !t->refused && add_link(c, n, e) == -1)
		return -1;
	if (t->clean && n->known && !t->refused) {
		t->stood++;
		return 0;
	}
	if (t->refused)
		return 0;
	return add_record(c, n, e);
}

/* ---- outcomes ---- */

static int copy_links(struct collect *c, struct outcome *o, struct err *e)
{
	const struct collect_item *t = c->item;

	if (t->links_n == 0)
		return 0;
	o->links = arena_alloc(&c->arena, t->links_n * sizeof *o->links);
	if (o->links == NULL)
		return err_mem(e);
	for (size_t i = 0; i < t->links_n; i++) {
		o->links[i] = arena_strndup(&c->arena, t->links[i], strlen(t->links[i]));
		if (o->links[i] == NULL)
			return err_mem(e);
	}
	o->links_n = t->links_n;
	return 0;
}

/* The list is written: is it the newest revision, a former one come back, or new? */
static int recognise(struct collect *c, struct outcome *o, struct err *e)
{
	const struct draft_revision *same;

	if (recall_find(c->station, c->contents, c->draft, c->item->path, &o->contents, &same, e) == -1)
		return -1;
	if (same != NULL)
		o->contents = same->contents;
	o->kind = c->item->former != NULL && digest_equal(&c->item->former->contents.sha256, &o->contents.sha256)
			  ? OUTCOME_SAME : OUTCOME_NEW;
	return 0;
}

static int judge(struct collect *c, struct outcome *o, struct err *e)
{
	struct collect_item *t = c->item;

	if (!t->refused && t->clean && t->seen > 0) {
		o->kind = OUTCOME_SAME;
		o->contents = t->former->contents;
		return 0;
	}
	if (!t->refused && t->seen > 0) {
		struct err cause = {0};

		if (contents_writer_finish(t->writer, &o->contents, &cause) == 0)
			return recognise(c, o, e);
		if (cause.reason != R_DOCUMENT_TOO_LARGE && cause.reason != R_DOCUMENT_FORM) {
			*e = cause;
			return -1;
		}
		refuse(c, t->path, cause.text);
	}
	o->kind = t->refused ? OUTCOME_REFUSED : OUTCOME_EMPTY;
	if (t->refused)
		cache_writer_refuse(c->cache, t->path);
	return 0;
}

static int end(struct collect *c, struct err *e)
{
	struct outcome *o;

	if (c->n == c->room) {
		size_t room = c->room == 0 ? 256 : c->room * 2;
		struct outcome *list = reallocarray(c->list, room, sizeof *list);

		if (list == NULL)
			return err_mem(e);
		c->list = list;
		c->room = room;
	}
	o = &c->list[c->n];
	*o = (struct outcome){.item = arena_strndup(&c->arena, c->item->path, strlen(c->item->path))};
	if (o->item == NULL || copy_links(c, o, e) == -1)
		return o->item == NULL ? err_mem(e) : -1;
	if (judge(c, o, e) == -1)
		return -1;
	c->n++;
	free_item(c->item);
	c->item = NULL;
	return 0;
}

int collect_take(void *arg, const struct entry *n, struct err *e)
{
	struct collect *c = arg;

	switch (n->kind) {
	case ENTRY_BEGIN:
		return begin(c, n, e);
	case ENTRY_REFUSED:
		refuse(c, n->path, n->why);
		return 0;
	case ENTRY_MISSED:
		return c->item->clean ? spoil(c, e) : 0;
	case ENTRY_END:
		return end(c, e);
	default:
		return take_entry(c, n, e);
	}
}

/*
 * Files of entries (export/select_files.h): select > SELECT_FILES > contents. A batch is some entries in a row, read by one thread
 * and told in order; an entry of many files is a batch of its own, which is read while it is told, so that memory does not follow an
 * item's size. Refuses lists that the station lost.
 */
#include "export/select_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/select.h"
#include "export/station.h"
#include "lib/arena.h"
#include "lib/err.h"
#include "lib/path.h"
#include "lib/pool.h"
#include "manifests/contents.h"
#include "manifests/reason.h"

#include "lib/banned.h"

#define CONTENT_PATH_SIZE (2 * PATH_MAX_LEN + 2)	/* the item's directory and a record's path */
#define BATCH 1024	/* files: with so many a batch is full */
#define LARGE 4096	/* an entry with more is not read ahead */
#define AHEAD 2		/* batches beside those that are worked on */

struct batch {
	const struct select_entry *entries;
	size_t n;
	struct select_file *files;	/* of all of them, unless `large` */
	size_t files_n, room;
	struct arena paths;
	bool large;
	struct err why;		/* told in its turn */
};
struct telling {
	const struct station *station;
	select_each_file *each;
	void *arg;
};

/* A record's path begins with the item's last component, so it hangs below the item's directory. */
static const char *content_path(const char *item, const char *record, char out[CONTENT_PATH_SIZE])
{
	size_t dir = (size_t)(path_last(item) - item);

	snprintf(out, CONTENT_PATH_SIZE, "%.*s%s", (int)dir, item, record);
	return out;
}

/* After `recover`, say, which learns of a revision by name. */
static int lost(const char *what, struct err *e)
{
	err_set(e, R_STATION_DAMAGED, "%s is not in the station", what);
	return err_hint(e, "scan where these bytes are under the content root, else approve another revision");
}

int select_files_judge(const struct select_entry *x, int rc, struct err *e)
{
	if (rc > 0)
		lost(rc == 2 ? "a part of its contents list" : "its contents list", e);
	return rc == 0 ? 0 : err_prefix(e, "%s, revision %llu", x->item, (unsigned long long)x->revision);
}

static int walk(const struct station *s, const struct select_entry *x, bool with_path, select_each_file *each, void *arg,
		struct err *e)
{
	struct contents_reader *r = NULL;
	struct select_file f = {.entry = x};
	const struct record *record;
	char path[CONTENT_PATH_SIZE];
	int more = 1, rc = contents_reader_open(x->contents, x->item, station_fetch, (void *)(uintptr_t)s, &r, e);

	if (rc != 0)
		return select_files_judge(x, rc, e);
	while (rc == 0 && (more = contents_reader_next(r, &record, e)) == 1) {
		if (!record->has_file)
			continue;
		f.sha256 = record->sha256;
		f.size = record->size;
		f.path = with_path ? content_path(x->item, record->path, path) : NULL;
		rc = each(arg, &f, e);
	}
	if (rc == 0 && more != 0)
		rc = select_files_judge(x, more == 2 ? 2 : -1, e);
	contents_reader_close(r);
	return rc;
}

int select_files_of(const struct station *s, const struct select_entry *x, select_each_file *each, void *arg, struct err *e)
{
	return walk(s, x, true, each, arg, e);
}

/* select_each_file: for later */
static int keep(void *arg, const struct select_file *f, struct err *e)
{
	struct batch *b = arg;
	struct select_file *kept;

	if (b->files_n == b->room) {
		size_t room = b->room == 0 ? 64 : 2 * b->room;
		struct select_file *more = realloc(b->files, room * sizeof *more);

		if (more == NULL)
			return err_mem(e);
		b->files = more;
		b->room = room;
	}
	kept = &b->files[b->files_n++];
	*kept = *f;
	if (f->path == NULL)
		return 0;
	kept->path = arena_strndup(&b->paths, f->path, strlen(f->path));
	return kept->path == NULL ? err_mem(e) : 0;
}

/* An error is told in its turn: what comes before is told first. */
static int work(void *arg, void *task, void *state, struct err *e)
{
	const struct telling *t = arg;
	struct batch *b = task;

	(void)state;
	(void)e;
	for (size_t i = 0; !b->large && i < b->n; i++)
		if (walk(t->station, &b->entries[i], !b->entries[i].kept, keep, b, &b->why) == -1)
			break;
	return 0;
}

static int finish(void *arg, void *task, struct err *e)
{
	const struct telling *t = arg;
	const struct batch *b = task;

	if (b->large)
		return walk(t->station, b->entries, !b->entries->kept, t->each, t->arg, e) == -1 ? -1 : 0;
	for (size_t i = 0; i < b->files_n; i++)
		if (t->each(t->arg, &b->files[i], e) == -1)
			return -1;
	if (b->why.reason == ERR_NONE)
		return 0;
	*e = b->why;
	return -1;
}

static void drop(void *arg, void *task)
{
	struct batch *b = task;

	(void)arg;
	free(b->files);
	arena_free(&b->paths);
	free(b);
}

/* The next batch: how many of n entries it takes. */
static size_t fill(struct batch *b, const struct select_entry *entries, size_t n)
{
	uint64_t files = 0;

	b->entries = entries;
	b->large = entries->contents->files > LARGE;
	do
		files += entries[b->n++].contents->files;
	while (!b->large && b->n < n && files < BATCH && entries[b->n].contents->files <= LARGE);
	return b->n;
}

int select_files_all(const struct station *s, const struct select_entry *entries, size_t n, select_each_file *each, void *arg,
		     struct err *e)
{
	static const struct pool_ops ops = {.work = work, .finish = finish, .drop = drop};
	struct telling t = {s, each, arg};
	unsigned jobs = pool_default_jobs();
	struct pool *p = pool_open(&ops, &t, jobs, jobs + AHEAD, e);
	int rc = p == NULL ? -1 : 0;

	for (size_t i = 0; rc == 0 && i < n;) {
		struct batch *b = calloc(1, sizeof *b);

		if (b == NULL) {
			rc = err_mem(e);
			break;
		}
		i += fill(b, &entries[i], n - i);
		rc = pool_put(p, b, e);
	}
	return pool_close(p, e) == -1 ? -1 : rc;
}

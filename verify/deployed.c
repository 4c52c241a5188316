/*
 * One item of a deployed copy (verify/deployed.h). Modes and times are no difference: a copy may lie on any file system.
 * Links are never followed. A contents list that the store lacks ends it: then nothing can be said.
 */
#include "verify/deployed.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/digest.h"
#include "lib/err.h"
#include "lib/file_hash.h"
#include "lib/path.h"
#include "lib/pool.h"
#include "lib/walk.h"
#include "manifests/contents.h"
#include "manifests/reason.h"
#include "verify/store.h"

#include "lib/banned.h"

#define FULL (3 * PATH_MAX)	/* an item and a path in it */
#define DEPTH 256		/* tasks under way */

struct candidate {		/* bytes that a file may have */
	uint64_t revision, size;
	struct digest sha256;
};
enum task_kind { TASK_HASH, TASK_KNOWN, TASK_END };
struct task {
	enum task_kind kind;
	const struct deployed_item *item;
	enum deployed_state state;	/* KNOWN; HASH: in case no candidate has its bytes */
	bool good;			/* the published bytes */
	uint64_t revision;
	struct candidate *candidates;	/* HASH: the published one first (revision 0) when there is one */
	size_t candidates_n;
	struct deployed_tally tally;	/* END: records and found */
	char *path, *why;
};
struct deployed {
	const struct store *store;
	const struct file *top;
	const struct deployed_ops *ops;
	void *arg;
	struct pool *pool;
	struct deployed_tally tally;	/* of the item whose tasks are finished just now */
};

/* ---- tasks ---- */

static void drop(void *arg, void *task)
{
	struct task *t = task;

	(void)arg;
	free(t->path);
	free(t->why);
	free(t->candidates);
	free(t);
}

/* Takes the task over. */
static int put(struct deployed *d, struct task *t, const char *path, struct err *e)
{
	t->path = strdup(path);
	if (t->path != NULL)
		return pool_put(d->pool, t, e);
	drop(d, t);
	return err_mem(e);
}

static int put_known(struct deployed *d, const struct deployed_item *item, enum deployed_state state, const char *path,
		     const char *why, struct err *e)
{
	struct task *t = calloc(1, sizeof *t);

	if (t == NULL)
		return err_mem(e);
	*t = (struct task){.kind = TASK_KNOWN, .item = item, .state = state, .why = why == NULL ? NULL : strdup(why)};
	return put(d, t, path, e);
}

static int hash_file(const struct deployed *d, const struct task *t, struct file_hash *h, struct digest *out, struct err *e)
{
	struct file f = FILE_CLOSED;
	int rc = file_open_at(d->top, t->path, &f, e) == -1 ? -1 : file_hash_run(h, &f, out, e);

	file_close(&f);
	return rc;
}

static int work(void *arg, void *task, void *state, struct err *e)
{
	struct task *t = task;
	struct digest found;
	struct err cause = {0};

	(void)e;
	if (t->kind != TASK_HASH)
		return 0;
	if (hash_file(arg, t, state, &found, &cause) == -1) {
		t->state = DEPLOYED_UNREADABLE;
		t->why = strdup(cause.text);
		return 0;
	}
	for (size_t i = 0; i < t->candidates_n; i++) {
		if (!digest_equal(&t->candidates[i].sha256, &found))
			continue;
		t->revision = t->candidates[i].revision;
		t->good = t->revision == 0;
		if (!t->good && (t->item->revision == 0 || t->revision < t->item->revision))
			t->state = DEPLOYED_STALE;
		return 0;
	}
	return 0;
}

static int finish(void *arg, void *task, struct err *e)
{
	struct deployed *d = arg;
	struct task *t = task;

	(void)e;
	if (t->kind == TASK_END) {
		d->tally.records = t->tally.records;
		d->tally.found = t->tally.found;
		d->ops->item(d->arg, t->item, &d->tally);
		d->tally = (struct deployed_tally){0};
	} else if (!t->good) {
		if (t->item != NULL)
			d->tally.n[t->state]++;
		d->ops->file(d->arg, t->item, t->state, t->path, t->revision, t->why);
	}
	return 0;
}

static void *new_hash(void *arg, struct err *e)
{
	(void)arg;
	return file_hash_open(FILE_HASH_TOLD, e);
}

static void free_hash(void *arg, void *state)
{
	(void)arg;
	file_hash_close(state);
}

static const struct pool_ops pool_ops = {
	.work = work, .finish = finish, .drop = drop, .state_new = new_hash, .state_free = free_hash,
	.putting = "reading lists, directories", .working = "files: digest"
};

/* ---- records ---- */

struct cursor {			/* a contents list on its way; at: NULL at the end */
	uint64_t revision;
	struct contents_reader *reader;
	const struct record *at;
};
struct merge {
	struct deployed *d;
	const struct deployed_item *item;
	size_t above;		/* length of the item's path without its last component */
	struct cursor now, former[DEPLOYED_FORMER];
	struct deployed_tally tally;
	bool empty;		/* the walk has met nothing yet */
	char unread[2 * PATH_MAX];	/* what could not be read last: whether its records are there can't be told */
};

static int advance(struct cursor *c, struct err *e)
{
	int rc = c->reader == NULL ? 0 : contents_reader_next(c->reader, &c->at, e);

	if (rc == 2)
		return err_set(e, R_OBJECT_MISSING, "a part of its contents list is not in the store");
	if (rc == 0)
		c->at = NULL;
	return rc == -1 ? -1 : 0;
}

/* 0; 1: the list isn't there; -1. */
static int open_cursor(struct merge *m, struct cursor *c, uint64_t revision, const struct contents_ref *ref, struct err *e)
{
	int rc = contents_reader_open(ref, m->item->item, store_fetch, (void *)(uintptr_t)m->d->store, &c->reader, e);

	c->revision = revision;
	return rc == 0 ? advance(c, e) : rc;
}

static int open_cursors(struct merge *m, struct err *e)
{
	struct err ignored = {0};
	int rc;

	if (m->item->revision != 0) {
		rc = open_cursor(m, &m->now, 0, &m->item->contents, e);
		if (rc == 1)
			err_set(e, R_OBJECT_MISSING, "its contents list is not in the store");
		if (rc != 0)
			return -1;
	}
	for (size_t i = 0; i < m->item->former_n; i++) {	/* pruned ones tell nothing */
		if (open_cursor(m, &m->former[i], m->item->former[i].revision, &m->item->former[i].contents, &ignored) == 0)
			continue;
		contents_reader_close(m->former[i].reader);
		m->former[i] = (struct cursor){0};
		err_clear(&ignored);
	}
	return 0;
}

static void close_cursors(struct merge *m)
{
	contents_reader_close(m->now.reader);
	for (size_t i = 0; i < m->item->former_n; i++)
		contents_reader_close(m->former[i].reader);
}

/* The former list's record of this path, or NULL. Paths are asked for in ascending order. */
static const struct record *former_record(struct cursor *c, const char *path)
{
	struct err ignored = {0};

	while (c->at != NULL && strcmp(c->at->path, path) < 0)
		if (advance(c, &ignored) == -1)
			c->at = NULL;
	return c->at != NULL && strcmp(c->at->path, path) == 0 ? c->at : NULL;
}

static const char *full(const struct merge *m, const char *path, char out[FULL])
{
	snprintf(out, FULL, "%.*s%s", (int)m->above, m->item->item, path);
	return out;
}

/* ---- judging ---- */

/* A link or empty directory: the same, or stale, or another. */
static int judge_other(struct merge *m, const struct record *r, const char *path, const struct walk_entry *w, struct err *e)
{
	char target[PATH_MAX], place[FULL];
	ssize_t n = S_ISLNK(w->st.st_mode) ? readlinkat(w->parent->fd, w->name, target, sizeof target - 1) : 0;
	enum deployed_state state = r == NULL ? DEPLOYED_EXTRA : DEPLOYED_CHANGED;
	struct task *t;

	target[n > 0 ? n : 0] = '\0';
	for (size_t i = 0; i <= m->item->former_n; i++) {
		const struct record *as = i == 0 ? r : former_record(&m->former[i - 1], path);
		bool same = as != NULL && (S_ISLNK(w->st.st_mode) ? as->link != NULL && strcmp(as->link, target) == 0
								  : S_ISDIR(w->st.st_mode) && as->dir);

		if (!same)
			continue;
		if (i == 0)
			return 0;
		t = calloc(1, sizeof *t);
		if (t == NULL)
			return err_mem(e);
		*t = (struct task){.kind = TASK_KNOWN, .item = m->item, .revision = m->former[i - 1].revision, .state = state};
		if (m->item->revision == 0 || t->revision < m->item->revision)
			t->state = DEPLOYED_STALE;
		return put(m->d, t, full(m, path, place), e);
	}
	return put_known(m->d, m->item, state, full(m, path, place), NULL, e);
}

/* A regular file: hashed where its size is that of any record that it may be. */
static int judge_file(struct merge *m, const struct record *r, const char *path, const struct walk_entry *w, struct err *e)
{
	char place[FULL];
	struct task *t = calloc(1, sizeof *t);

	if (t == NULL)
		return err_mem(e);
	*t = (struct task){.kind = TASK_HASH, .item = m->item, .state = r == NULL ? DEPLOYED_EXTRA : DEPLOYED_CHANGED};
	t->candidates = calloc(m->item->former_n + 1, sizeof *t->candidates);
	if (t->candidates == NULL) {
		drop(m->d, t);
		return err_mem(e);
	}
	for (size_t i = 0; i <= m->item->former_n; i++) {
		const struct record *as = i == 0 ? r : former_record(&m->former[i - 1], path);

		if (as != NULL && as->has_file && as->size == (uint64_t)w->st.st_size)
			t->candidates[t->candidates_n++] = (struct candidate){
				i == 0 ? 0 : m->former[i - 1].revision, as->size, as->sha256};
	}
	if (t->candidates_n == 0)
		t->kind = TASK_KNOWN;
	return put(m->d, t, full(m, path, place), e);
}

static int judge_missing(struct merge *m, struct err *e)
{
	char place[FULL];
	bool unread = m->unread[0] != '\0' && path_below(m->now.at->path, m->unread);

	if (!unread && put_known(m->d, m->item, DEPLOYED_MISSING, full(m, m->now.at->path, place), NULL, e) == -1)
		return -1;
	m->tally.records++;
	return advance(&m->now, e);
}

/* What the copy has at this path: anything but a directory that holds something. */
static int meet(struct merge *m, const char *path, const struct walk_entry *w, struct err *e)
{
	const struct record *r = NULL;
	int rc;

	m->empty = false;
	while (m->now.at != NULL && strcmp(m->now.at->path, path) < 0) {
		if (m->now.at->dir && path_below(path, m->now.at->path)) {	/* it is there, and what it holds is extra */
			m->tally.records++;
			if (advance(&m->now, e) == -1)
				return -1;
		} else if (judge_missing(m, e) == -1) {
			return -1;
		}
	}
	if (m->now.at != NULL && S_ISDIR(w->st.st_mode) && strcmp(m->now.at->path, path) > 0 &&
	    path_below(m->now.at->path, path))
		return 0;	/* emptied: what it held is missing, the directory itself is none too many */
	if (m->now.at != NULL && strcmp(m->now.at->path, path) == 0)
		r = m->now.at;
	m->tally.found += r != NULL;
	m->tally.records += r != NULL;
	rc = S_ISREG(w->st.st_mode) ? judge_file(m, r, path, w, e) : judge_other(m, r, path, w, e);
	return rc == -1 || (r != NULL && advance(&m->now, e) == -1) ? -1 : 0;
}

/* What can't be read. Records at or below it come next, and are passed over. */
static int pass_over(struct merge *m, const char *path, int sys, struct err *e)
{
	char place[FULL];

	m->empty = false;
	while (m->now.at != NULL && strcmp(m->now.at->path, path) < 0)
		if (judge_missing(m, e) == -1)
			return -1;
	snprintf(m->unread, sizeof m->unread, "%s", path);
	return put_known(m->d, m->item, DEPLOYED_UNREADABLE, full(m, path, place), strerror(sys), e);
}

static enum walk_verdict visit(void *arg, const struct walk_entry *w, struct err *e)
{
	struct merge *m = arg;
	char path[2 * PATH_MAX];

	snprintf(path, sizeof path, "%s/%s", m->item->item + m->above, w->path);
	if (w->sys != 0)
		return pass_over(m, path, w->sys, e) == -1 ? WALK_STOP : WALK_SKIP;
	if (S_ISDIR(w->st.st_mode) && (!w->leaving || w->entries > 0))
		return WALK_ON;
	return meet(m, path, w, e) == -1 ? WALK_STOP : WALK_ON;
}

static int walk_item(struct merge *m, const struct walk_entry *at, struct err *e)
{
	struct file dir = FILE_CLOSED;
	int rc;

	if (at->sys != 0)
		return pass_over(m, m->item->item + m->above, at->sys, e);
	if (!S_ISDIR(at->st.st_mode))
		return meet(m, m->item->item + m->above, at, e);
	m->empty = true;
	rc = file_open_dir_at(at->parent, at->name, &dir, e);
	if (rc == 0)
		rc = walk_tree(&dir, PATH_MAX_DEPTH, visit, m, e);
	file_close(&dir);
	return rc == 0 && m->empty ? meet(m, m->item->item + m->above, at, e) : rc;
}

static int put_end(struct merge *m, struct err *e)
{
	struct task *t = calloc(1, sizeof *t);

	if (t == NULL)
		return err_mem(e);
	*t = (struct task){.kind = TASK_END, .item = m->item, .tally = m->tally};
	return put(m->d, t, "", e);
}

int deployed_item(struct deployed *d, const struct deployed_item *item, const struct walk_entry *at, struct err *e)
{
	struct merge m = {.d = d, .item = item, .above = (size_t)(path_last(item->item) - item->item)};
	int rc = open_cursors(&m, e);

	if (rc == 0 && at != NULL)
		rc = walk_item(&m, at, e);
	while (rc == 0 && m.now.at != NULL)
		rc = judge_missing(&m, e);
	if (rc == 0)
		rc = put_end(&m, e);
	close_cursors(&m);
	return rc == -1 ? err_prefix(e, "%s", item->item) : 0;
}

int deployed_other(struct deployed *d, const char *path, const char *why, struct err *e)
{
	return put_known(d, NULL, why == NULL ? DEPLOYED_EXTRA : DEPLOYED_UNREADABLE, path, why, e);
}

struct deployed *deployed_open(const struct store *s, const struct file *top, unsigned jobs, const struct deployed_ops *ops,
			       void *arg, struct err *e)
{
	struct deployed *d = calloc(1, sizeof *d);

	if (d == NULL) {
		err_mem(e);
		return NULL;
	}
	*d = (struct deployed){.store = s, .top = top, .ops = ops, .arg = arg};
	d->pool = pool_open(&pool_ops, d, jobs, DEPTH, e);
	if (d->pool != NULL)
		return d;
	free(d);
	return NULL;
}

int deployed_close(struct deployed *d, struct err *e)
{
	int rc;

	if (d == NULL)
		return 0;
	rc = pool_close(d->pool, e);
	free(d);
	return rc;
}

/*
 * SCAN's eyes: walk, cut, judge, hash. Refuses, each with its reason and without ending the scan: what is no file,
 * directory or link, set-id bits, links that leave the tree, names that must not travel, what can't be read, what
 * changes while it is read.
 */
#include "export/survey.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "export/hasher.h"
#include "export/items.h"
#include "export/portable.h"
#include "lib/arena.h"
#include "lib/err.h"
#include "lib/path.h"
#include "lib/pool.h"
#include "lib/walk.h"
#include "manifests/limits.h"

#include "lib/banned.h"

#define BATCH_ENTRIES 256
#define BATCH_BYTES (8u << 20)	/* to be hashed; a larger file goes alone */
#define RACY 2	/* seconds: file systems stamp times no finer than this (FAT) */

/* Entries that travel through the pool together. */
struct batch {
	struct arena arena;
	struct entry list[BATCH_ENTRIES];
	size_t n;
	uint64_t to_hash;
};

struct walker {
	const struct survey *survey;
	struct pool *pool;
	struct batch *batch;
	const struct cache_entry *ahead;	/* of the cache: the first not yet passed */
	struct portable *portable;	/* or NULL */
	bool met;			/* ... and it is there */
	bool in_item, missed;		/* missed: one MISSED of this item was sent */
	char item[PATH_MAX_LEN + 1];
	time_t start;
};

/* ---- the workers ---- */

static void *state_new(void *arg, struct err *e)
{
	const struct walker *w = arg;

	return hasher_open(w->survey->content, e);
}

static void state_free(void *arg, void *state)
{
	(void)arg;
	hasher_close(state);
}

static int refuse_later(struct batch *b, struct entry *n, const char *why, const struct err *cause, struct err *e)
{
	char text[256];

	snprintf(text, sizeof text, "%s%s%s", why, cause->sys != 0 ? ": " : "", cause->sys != 0 ? strerror(cause->sys) : "");
	n->kind = ENTRY_REFUSED;
	n->why = arena_strndup(&b->arena, text, strlen(text));
	return n->why == NULL ? err_mem(e) : 0;
}

static int work(void *arg, void *task, void *state, struct err *e)
{
	struct batch *b = task;

	(void)arg;
	for (size_t i = 0; i < b->n; i++) {
		struct entry *n = &b->list[i];
		struct err cause = {0};
		const char *why;

		if (n->kind != ENTRY_FILE || n->known)
			continue;
		why = hasher_entry(state, n, &cause);
		if (cause.reason == ERR_MEMORY) {
			*e = cause;
			return -1;
		}
		if (why != NULL && refuse_later(b, n, why, &cause, e) == -1)
			return -1;
	}
	return 0;
}

static int finish(void *arg, void *task, struct err *e)
{
	const struct walker *w = arg;
	const struct batch *b = task;

	for (size_t i = 0; i < b->n; i++)
		if (w->survey->take(w->survey->arg, &b->list[i], e) == -1)
			return -1;
	return 0;
}

static void drop(void *arg, void *task)
{
	struct batch *b = task;

	(void)arg;
	if (b == NULL)
		return;
	arena_free(&b->arena);
	free(b);
}

/* ---- the walk ---- */

static int send(struct walker *w, struct err *e)
{
	struct batch *b = w->batch;

	w->batch = NULL;
	return b == NULL || b->n == 0 ? (drop(NULL, b), 0) : pool_put(w->pool, b, e);
}

/* A new entry of the batch, or NULL. */
static struct entry *add(struct walker *w, enum entry_kind kind, const char *path, struct err *e)
{
	struct entry *n;

	if (w->batch != NULL && (w->batch->n == BATCH_ENTRIES || w->batch->to_hash >= BATCH_BYTES) && send(w, e) == -1)
		return NULL;
	if (w->batch == NULL && (w->batch = calloc(1, sizeof *w->batch)) == NULL) {
		err_mem(e);
		return NULL;
	}
	n = &w->batch->list[w->batch->n];
	n->path = arena_strndup(&w->batch->arena, path, strlen(path));
	if (n->path == NULL) {
		err_mem(e);
		return NULL;
	}
	n->kind = kind;
	w->batch->n++;
	return n;
}

static int begin(struct walker *w, const char *path, bool dir, struct err *e)
{
	struct entry *n = add(w, ENTRY_BEGIN, path, e);

	if (n == NULL)
		return -1;
	n->dir = dir;
	snprintf(w->item, sizeof w->item, "%s", path);
	w->in_item = true;
	w->missed = false;
	return 0;
}

/* Passes over what the cache has before `path` (NULL: before the end of the item), and tells of the first one. */
static int pass(struct walker *w, const char *path, struct err *e)
{
	while (w->ahead != NULL && (path == NULL ? path_below(w->ahead->path, w->item) || strcmp(w->ahead->path, w->item) < 0
						: strcmp(w->ahead->path, path) < 0)) {
		if (!w->met && !w->missed && path_below(w->ahead->path, w->item)) {
			w->missed = true;
			if (add(w, ENTRY_MISSED, w->ahead->path, e) == NULL)
				return -1;
		}
		w->ahead = cache_next(w->survey->cache);
		w->met = false;
	}
	return 0;
}

static int end(struct walker *w, struct err *e)
{
	if (pass(w, NULL, e) == -1)
		return -1;
	w->in_item = false;
	return add(w, ENTRY_END, w->item, e) == NULL ? -1 : 0;
}

__attribute__((format(printf, 5, 6)))
static int refuse(struct walker *w, const char *path, bool dir, struct err *e, const char *fmt, ...)
{
	struct entry *n = add(w, ENTRY_REFUSED, path, e);
	char text[512];
	va_list ap;

	if (n == NULL)
		return -1;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	n->dir = dir;
	n->why = arena_strndup(&w->batch->arena, text, strlen(text));
	return n->why == NULL ? err_mem(e) : 0;
}

static const char *type_name(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFIFO:
		return "a FIFO";
	case S_IFSOCK:
		return "a socket";
	case S_IFBLK:
		return "a block device";
	case S_IFCHR:
		return "a character device";
	default:
		return "of no type that can be carried";
	}
}

/* The cache's entry for this path, which pass came to, if it still holds. */
static const struct cache_entry *known(struct walker *w, enum cache_kind kind, const struct entry *n)
{
	const struct cache_entry *c = w->ahead;

	if (c == NULL || strcmp(c->path, n->path) != 0)
		return NULL;
	w->met = true;
	if (w->survey->rehash || c->kind != kind)
		return NULL;
	if (kind == CACHE_DIR)
		return c;
	return c->trusted && c->size == n->size && c->inode == n->inode && c->exec == n->exec &&
	       file_same_time(&c->mtime, &n->mtime) && file_same_time(&c->ctime, &n->ctime) ? c : NULL;
}

/* Times that lie so close to now that the bytes may change again without changing them. */
static bool is_settled(const struct walker *w, const struct stat *st)
{
	time_t since = w->start - RACY;

	return st->st_ctim.tv_sec < since && (st->st_mtim.tv_sec < since || st->st_mtim.tv_sec > w->start + RACY);
}

static void describe(const struct walker *w, struct entry *n, const struct stat *st)
{
	n->size = (uint64_t)st->st_size;
	n->inode = st->st_ino;
	n->mtime = st->st_mtim;
	n->ctime = st->st_ctim;
	n->exec = S_ISREG(st->st_mode) && (st->st_mode & S_IXUSR) != 0;
	n->trusted = is_settled(w, st);
}

static int add_file(struct walker *w, const struct walk_entry *v, struct err *e)
{
	const struct cache_entry *c;
	struct entry *n;

	if ((v->st.st_mode & (S_ISUID | S_ISGID)) != 0)
		return refuse(w, v->path, false, e, "has a set-id bit");
	if ((uint64_t)v->st.st_size > MAX_OBJECT_SIZE)
		return refuse(w, v->path, false, e, "larger than any object may be");
	n = add(w, ENTRY_FILE, v->path, e);
	if (n == NULL)
		return -1;
	describe(w, n, &v->st);
	c = known(w, CACHE_FILE, n);
	if (c != NULL) {
		n->known = true;
		n->sha256 = c->sha256;
	} else {
		w->batch->to_hash += n->size;
	}
	return 0;
}

/* Reads the target and judges it by its text. */
static int read_link(struct walker *w, const struct walk_entry *v, char target[PATH_MAX_LEN + 2], struct err *e)
{
	ssize_t len = readlinkat(v->parent->fd, v->name, target, PATH_MAX_LEN + 1);
	struct err why = {0};

	if (len == -1)
		return refuse(w, v->path, false, e, "can't be read: %s", strerror(errno)) == -1 ? -1 : 1;
	target[len] = '\0';
	if (target[0] == '/')
		return refuse(w, v->path, false, e, "an absolute link, to %s; make it relative", target) == -1 ? -1 : 1;
	if (path_check_link(target, (size_t)len, path_depth(v->path), &why) == -1)
		return refuse(w, v->path, false, e, "a link to %s: %s", target, why.text) == -1 ? -1 : 1;
	return 0;
}

static int add_link(struct walker *w, const struct walk_entry *v, struct err *e)
{
	char target[PATH_MAX_LEN + 2];
	struct entry *n;
	int rc = read_link(w, v, target, e);

	if (rc != 0)
		return rc == -1 ? -1 : 0;
	n = add(w, ENTRY_LINK, v->path, e);
	if (n == NULL)
		return -1;
	describe(w, n, &v->st);
	n->link = arena_strndup(&w->batch->arena, target, strlen(target));
	if (n->link == NULL)
		return err_mem(e);
	n->known = known(w, CACHE_LINK, n) != NULL;
	return 0;
}

static int add_dir(struct walker *w, const char *path, struct err *e)
{
	struct entry *n = pass(w, path, e) == -1 ? NULL : add(w, ENTRY_DIR, path, e);

	if (n == NULL)
		return -1;
	n->known = known(w, CACHE_DIR, n) != NULL;
	return 0;
}

/* Whether the name may travel: 1, 0 (and why), -1. */
static int judge_name(struct walker *w, const char *path, char why[sizeof(((struct err *)0)->text)], struct err *e)
{
	struct err cause = {0};
	const char *clash;

	if (path_check(path, strlen(path), &cause) == -1) {
		snprintf(why, sizeof cause.text, "%s", cause.text);
		return 0;
	}
	if (w->portable == NULL)
		return 1;
	if (portable_check(w->portable, path, &clash, e) == -1)
		return -1;
	if (clash != NULL)
		snprintf(why, sizeof cause.text, "%s", clash);
	return clash == NULL;
}

/* What is no directory, or can't be looked at, so that it might be one. */
static int visit_file(struct walker *w, const struct walk_entry *v, struct err *e)
{
	char why[sizeof e->text];
	int good = judge_name(w, v->path, why, e);

	if (good == -1)
		return -1;
	if (good == 0)
		return refuse(w, v->path, false, e, "%s", why);
	if (v->sys == ELOOP)
		return refuse(w, v->path, true, e, "lies deeper than %d directories", PATH_MAX_DEPTH);
	if (v->sys != 0)
		return refuse(w, v->path, true, e, "can't be read: %s", strerror(v->sys));
	if (pass(w, v->path, e) == -1)
		return -1;
	if (S_ISREG(v->st.st_mode))
		return add_file(w, v, e);
	if (S_ISLNK(v->st.st_mode))
		return add_link(w, v, e);
	return refuse(w, v->path, false, e, "%s", type_name(v->st.st_mode));
}

/* A directory before its entries: 1 to go into it, 0 not to, -1. */
static int enter_dir(struct walker *w, const struct walk_entry *v, struct err *e)
{
	char why[sizeof e->text];
	bool alone = !w->in_item;
	int good = judge_name(w, v->path, why, e);

	if (good == -1 || (good == 1 && (!alone || !items_cut(w->survey->config, v->path))))
		return good;
	if (alone && begin(w, v->path, true, e) == -1)
		return -1;
	if (good == 1)
		return 1;
	if (refuse(w, v->path, true, e, "%s", why) == -1 || (alone && end(w, e) == -1))
		return -1;
	return 0;
}

/* A directory behind its entries. */
static int leave_dir(struct walker *w, const struct walk_entry *v, struct err *e)
{
	bool is_item = w->in_item && strcmp(w->item, v->path) == 0;

	if (v->entries == 0 && !w->in_item) {
		if (begin(w, v->path, true, e) == -1)
			return -1;
		is_item = true;
	}
	if (v->entries == 0 && add_dir(w, v->path, e) == -1)
		return -1;
	return is_item ? end(w, e) : 0;
}

static enum walk_verdict visit(void *arg, const struct walk_entry *v, struct err *e)
{
	struct walker *w = arg;
	bool alone = !w->in_item;
	int rc;

	if (v->leaving)
		return leave_dir(w, v, e) == -1 ? WALK_STOP : WALK_ON;
	if (items_excluded(w->survey->config, v->path))
		return WALK_SKIP;
	if (S_ISDIR(v->st.st_mode)) {
		rc = enter_dir(w, v, e);
		return rc == -1 ? WALK_STOP : rc == 1 ? WALK_ON : WALK_SKIP;
	}
	if (alone && begin(w, v->path, false, e) == -1)
		return WALK_STOP;
	rc = visit_file(w, v, e);
	if (rc != -1 && alone)
		rc = end(w, e);
	return rc == -1 ? WALK_STOP : WALK_ON;
}

int survey_run(const struct survey *s, struct err *e)
{
	static const struct pool_ops ops = {
		.work = work, .finish = finish, .drop = drop, .state_new = state_new, .state_free = state_free,
		.putting = "walking", .working = "hashing", .finishing = "collecting",
	};
	struct walker w = {.survey = s, .start = time(NULL)};
	int rc = -1;

	if (s->config->policy.portable_names && (w.portable = portable_open(e)) == NULL)
		return -1;
	w.pool = pool_open(&ops, &w, s->jobs, s->jobs * 4, e);
	if (w.pool == NULL)
		goto out;
	if (s->cache != NULL)
		w.ahead = cache_next(s->cache);
	rc = walk_tree(s->content, PATH_MAX_DEPTH, visit, &w, e);
	if (rc == 0)
		rc = send(&w, e);
	if (pool_close(w.pool, e) == -1)
		rc = -1;
out:
	drop(NULL, w.batch);
	portable_close(w.portable);
	return rc;
}

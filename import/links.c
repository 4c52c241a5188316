/*
 * Names for published files (import/links.h). They go in batches to workers, a directory to one worker. No two batches
 * under way have a name for the same object: a further name waits until those before it are given. Refuses nothing of
 * its own.
 */
#include "import/links.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "import/objects.h"
#include "lib/arena.h"
#include "lib/distinct.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/pool.h"

#include "lib/banned.h"

#define ENOUGH 128	/* names of a batch that may end where their directory ends */
#define BATCH 2048	/* names */
#define DIRS 8		/* directories of a batch, in all trees: each is a descriptor */
#define LATER_DIRS 64	/* of the one that waits */
#define UNDER_WAY 4	/* batches beside those that are worked on */
#define KNOWN 65536	/* objects under way that are remembered */

struct queued {
	struct record is;	/* its path is the name; its other pointers are not used */
	unsigned dir;
};
struct batch {
	struct file dirs[LATER_DIRS][LINKS_DIRS];
	size_t dirs_n, n;
	uint64_t which;		/* the last directory */
	struct arena room;	/* for names */
	struct queued names[BATCH];
};
struct links {
	struct objects *o;
	size_t dirs_n;		/* that each name is given in */
	struct pool *pool;
	struct batch *open;	/* being filled, or NULL */
	struct batch *later;	/* or NULL: further names of objects that may be under way */
	struct distinct known;	/* objects of the open batch and of those that may be under way */
};

/* Where something else may have the name. */
static int replace(struct objects *o, const struct file *dir, const char *name, const struct record *is, struct err *e)
{
	struct err cause = {0};

	if (objects_link(o, &is->sha256, is->exec, is->mtime, dir, 1, name, &cause) >= 0)
		return 0;
	if (cause.reason != ERR_FORM) {
		if (e != NULL && e->reason == ERR_NONE)
			*e = cause;
		return -1;
	}
	if (file_remove_tree_at(dir, name, e) == -1)
		return -1;
	return objects_link(o, &is->sha256, is->exec, is->mtime, dir, 1, name, e) >= 0 ? 0 : -1;
}

int links_now(struct objects *o, const struct file *dirs, size_t dirs_n, const char *name, const struct record *is, struct err *e)
{
	struct err cause = {0};

	if (objects_link(o, &is->sha256, is->exec, is->mtime, dirs, dirs_n, name, &cause) >= 0)
		return 0;
	if (cause.reason == ERR_FORM) {
		for (size_t i = 0; i < dirs_n; i++)
			if (replace(o, &dirs[i], name, is, e) == -1)
				return -1;
		return 0;
	}
	if (e != NULL && e->reason == ERR_NONE)
		*e = cause;
	return -1;
}

static int work(void *arg, void *task, void *state, struct err *e)
{
	struct links *l = arg;
	struct batch *b = task;

	(void)state;
	for (size_t i = 0; i < b->n; i++)
		if (links_now(l->o, b->dirs[b->names[i].dir], l->dirs_n, b->names[i].is.path, &b->names[i].is, e) == -1)
			return -1;
	return 0;
}

static void drop(void *arg, void *task)
{
	struct batch *b = task;

	(void)arg;
	if (b == NULL)
		return;
	for (size_t i = 0; i < b->dirs_n; i++)
		for (size_t k = 0; k < LINKS_DIRS; k++)
			file_close(&b->dirs[i][k]);
	arena_free(&b->room);
	free(b);
}

static const struct pool_ops ops = {.work = work, .drop = drop, .putting = "reading lists, directories", .working = "linking"};

struct links *links_open(struct objects *o, size_t dirs_n, struct err *e)
{
	struct links *l = calloc(1, sizeof *l);

	if (l == NULL) {
		err_mem(e);
		return NULL;
	}
	l->o = o;
	l->dirs_n = dirs_n;
	return l;
}

/* Gives a batch, or NULL, to the workers. */
static int send(struct links *l, struct batch *full, struct err *e)
{
	unsigned jobs = objects_jobs(l->o);

	if (full == NULL)
		return 0;
	if (l->pool == NULL && (l->pool = pool_open(&ops, l, jobs, jobs + UNDER_WAY, e)) == NULL) {
		drop(l, full);
		return -1;
	}
	return pool_put(l->pool, full, e);
}

static int flush(struct links *l, struct err *e)
{
	struct batch *full = l->open;

	l->open = NULL;
	return send(l, full, e);
}

/* Waits until nothing is under way. */
static int drain(struct links *l, struct err *e)
{
	int rc = flush(l, e);
	struct pool *p = l->pool;

	l->pool = NULL;
	distinct_clear(&l->known);
	return pool_close(p, e) == -1 ? -1 : rc;
}

/* Then what waited for that goes. */
static int settle(struct links *l, struct err *e)
{
	struct batch *later = l->later;

	if (drain(l, e) == -1)
		return -1;
	for (size_t i = 0; later != NULL && i < later->n; i++)
		if (distinct_add(&l->known, &later->names[i].is.sha256, e) == -1)
			return -1;
	l->later = NULL;
	return send(l, later, e);
}

/* Whether a batch takes one more name, in this directory. One directory is best left to one worker: the kernel lets only one
 * at a time into it. */
static bool has_room(const struct links *l, const struct batch *b, uint64_t which, size_t dirs, size_t enough)
{
	return b->n < BATCH && (b->which == which || (b->dirs_n * l->dirs_n < dirs && b->n < enough));
}

static struct batch *new_batch(struct err *e)
{
	struct batch *b = malloc(sizeof *b);

	if (b == NULL) {
		err_mem(e);
		return NULL;
	}
	b->dirs_n = b->n = 0;
	b->which = UINT64_MAX;
	b->room = (struct arena){0};
	return b;
}

static int copy_dirs(const struct links *l, struct batch *b, const struct file *dirs, struct err *e)
{
	struct file *copies = b->dirs[b->dirs_n++];

	for (size_t i = 0; i < LINKS_DIRS; i++)
		copies[i] = (struct file)FILE_CLOSED;
	for (size_t i = 0; i < l->dirs_n; i++) {
		copies[i] = (struct file){fcntl(dirs[i].fd, F_DUPFD_CLOEXEC, 3), strdup(dirs[i].name)};
		if (copies[i].fd == -1 || copies[i].name == NULL)
			return copies[i].fd == -1 ? err_sys(e, "%s", dirs[i].name) : err_mem(e);
	}
	return 0;
}

/* To a batch that has room. */
static int add(const struct links *l, struct batch *b, uint64_t which, const struct file *dirs, const char *name,
	       const struct record *is, struct err *e)
{
	struct queued *n = &b->names[b->n];

	if (b->which != which && copy_dirs(l, b, dirs, e) == -1)
		return -1;
	b->which = which;
	n->is = *is;
	n->is.path = arena_strndup(&b->room, name, strlen(name));
	n->dir = (unsigned)b->dirs_n - 1;
	if (n->is.path == NULL)
		return err_mem(e);
	b->n++;
	return 0;
}

/* A further name of an object that may be under way. */
static int add_later(struct links *l, uint64_t which, const struct file *dirs, const char *name, const struct record *is,
		     struct err *e)
{
	if (l->later != NULL && !has_room(l, l->later, which, LATER_DIRS, BATCH) && settle(l, e) == -1)
		return -1;
	if (l->later == NULL && (l->later = new_batch(e)) == NULL)
		return -1;
	return add(l, l->later, which, dirs, name, is, e);
}

int links_add(struct links *l, uint64_t which, const struct file *dirs, const char *name, const struct record *is, struct err *e)
{
	int rc;

	if (l->known.n >= KNOWN && settle(l, e) == -1)
		return -1;
	rc = distinct_add(&l->known, &is->sha256, e);
	if (rc != 1)
		return rc == -1 ? -1 : add_later(l, which, dirs, name, is, e);
	if (l->open != NULL && !has_room(l, l->open, which, DIRS, ENOUGH) && flush(l, e) == -1)
		return -1;
	if (l->open == NULL && (l->open = new_batch(e)) == NULL)
		return -1;
	return add(l, l->open, which, dirs, name, is, e);
}

int links_close(struct links *l, struct err *e)
{
	int rc;

	if (l == NULL)
		return 0;
	rc = settle(l, e);
	if (drain(l, e) == -1)
		rc = -1;
	drop(l, l->later);
	drop(l, l->open);
	distinct_free(&l->known);
	free(l);
	return rc;
}

/*
 * Names for published files (import/links.h). They go in batches to workers; no two batches under way have a name for the
 * same object. Refuses nothing of its own.
 */
#include "import/links.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "import/objects.h"
#include "lib/distinct.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/path.h"
#include "lib/pool.h"

#include "lib/banned.h"

#define BATCH 128	/* names */
#define DIRS 8		/* directories of a batch: each is a descriptor */
#define UNDER_WAY 4	/* batches beside those that are worked on */
#define KNOWN 8192	/* objects under way that are remembered */

struct queued {
	struct record is;	/* its path is not used, nor are its pointers */
	unsigned dir;
	char name[PATH_MAX_COMPONENT + 1];
};
struct batch {
	struct file dirs[DIRS];
	size_t dirs_n, n;
	struct queued names[BATCH];
};
struct links {
	struct objects *o;
	struct pool *pool;
	struct batch *open;	/* being filled, or NULL */
	uint64_t which;		/* its last directory */
	struct distinct known;	/* objects of the open batch and of those that may be under way */
};

int links_now(struct objects *o, const struct file *dir, const char *name, const struct record *is, struct err *e)
{
	struct err cause = {0};

	if (objects_link(o, &is->sha256, is->exec, is->mtime, dir, name, &cause) >= 0)
		return 0;
	if (cause.reason == ERR_FORM) {
		if (file_remove_tree_at(dir, name, e) == -1)
			return -1;
		return objects_link(o, &is->sha256, is->exec, is->mtime, dir, name, e) >= 0 ? 0 : -1;
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
		if (links_now(l->o, &b->dirs[b->names[i].dir], b->names[i].name, &b->names[i].is, e) == -1)
			return -1;
	return 0;
}

static void drop(void *arg, void *task)
{
	struct batch *b = task;

	(void)arg;
	for (size_t i = 0; b != NULL && i < b->dirs_n; i++)
		file_close(&b->dirs[i]);
	free(b);
}

static const struct pool_ops ops = {.work = work, .drop = drop, .putting = "reading lists, directories", .working = "linking"};

struct links *links_open(struct objects *o, struct err *e)
{
	struct links *l = calloc(1, sizeof *l);

	if (l == NULL) {
		err_mem(e);
		return NULL;
	}
	l->o = o;
	return l;
}

static int flush(struct links *l, struct err *e)
{
	unsigned jobs = objects_jobs(l->o);
	struct batch *full = l->open;

	l->open = NULL;
	if (full == NULL)
		return 0;
	if (l->pool == NULL && (l->pool = pool_open(&ops, l, jobs, jobs + UNDER_WAY, e)) == NULL) {
		drop(l, full);
		return -1;
	}
	return pool_put(l->pool, full, e);
}

/* Waits until nothing is under way. */
static int settle(struct links *l, struct err *e)
{
	int rc = flush(l, e);
	struct pool *p = l->pool;

	l->pool = NULL;
	distinct_free(&l->known);
	return pool_close(p, e) == -1 ? -1 : rc;
}

static bool in_open_batch(const struct links *l, const struct record *is)
{
	for (size_t i = 0; l->open != NULL && i < l->open->n; i++)
		if (digest_equal(&l->open->names[i].is.sha256, &is->sha256))
			return true;
	return false;
}

/* Notes the object. One that another batch may have a name for is waited for. */
static int know(struct links *l, const struct record *is, struct err *e)
{
	int rc;

	if (l->known.n >= KNOWN && settle(l, e) == -1)
		return -1;
	rc = distinct_add(&l->known, &is->sha256, e);
	if (rc != 0 || in_open_batch(l, is))
		return rc == -1 ? -1 : 0;
	return settle(l, e) == -1 || distinct_add(&l->known, &is->sha256, e) == -1 ? -1 : 0;
}

/* A batch with room for one more, whose last directory is this one. */
static int make_room(struct links *l, uint64_t which, const struct file *dir, struct err *e)
{
	bool same = l->open != NULL && l->open->dirs_n > 0 && l->which == which;
	struct file *copy;

	if (l->open != NULL && (l->open->n == BATCH || (!same && l->open->dirs_n == DIRS)) && flush(l, e) == -1)
		return -1;
	if (l->open == NULL) {
		l->open = malloc(sizeof *l->open);
		if (l->open == NULL)
			return err_mem(e);
		l->open->n = l->open->dirs_n = 0;
		same = false;
	}
	if (same)
		return 0;
	copy = &l->open->dirs[l->open->dirs_n];
	*copy = (struct file){fcntl(dir->fd, F_DUPFD_CLOEXEC, 3), strdup(dir->name)};
	l->open->dirs_n++;
	l->which = which;
	return copy->fd == -1 ? err_sys(e, "%s", dir->name) : copy->name == NULL ? err_mem(e) : 0;
}

int links_add(struct links *l, uint64_t which, const struct file *dir, const char *name, const struct record *is, struct err *e)
{
	size_t len = strlen(name);
	struct queued *n;

	if (len > PATH_MAX_COMPONENT)
		return err_set(e, ERR_INTERNAL, "\"%s\": not a name for a published tree", name);
	/* room first: what is in the open batch is asked of the one that the name goes into */
	if (make_room(l, which, dir, e) == -1 || know(l, is, e) == -1 || (l->open == NULL && make_room(l, which, dir, e) == -1))
		return -1;
	n = &l->open->names[l->open->n++];
	n->is = *is;
	n->dir = (unsigned)l->open->dirs_n - 1;
	memcpy(n->name, name, len + 1);
	return 0;
}

int links_close(struct links *l, struct err *e)
{
	int rc;

	if (l == NULL)
		return 0;
	rc = settle(l, e);
	drop(l, l->open);
	free(l);
	return rc;
}

/*
 * A published tree being changed along sorted paths: the directories from its top to where the work is stay open, so
 * that no path is resolved twice and nothing outside the tree can be reached by a link. All steps may be repeated after
 * an interruption: what is done already is fine, and something else under a name is replaced.
 */
#ifndef IMPORT_TREE_H
#define IMPORT_TREE_H

#include "import/links.h"
#include "lib/file.h"
#include "manifests/contents.h"

struct err;
struct objects;
struct tree;

enum tree_pass {
	TREE_REMOVE,	/* directories are removed on leaving them when they are empty */
	TREE_ADD	/* missing directories are made */
};

/* On dirs[..n)/tree, which exist: 1, or with TREE_ADD up to TREE_TWINS that all get the same. NULL on error. */
#define TREE_TWINS LINKS_DIRS
struct tree *tree_open(const struct file *dirs, size_t n, enum tree_pass pass, struct objects *o, struct err *e);
/* TREE_ADD: from now on files get their names on several threads, some time before tree_close returns. */
int tree_spread(struct tree *t, struct err *e);
/* Leaves all directories and frees t. NULL is a no-op. */
int tree_close(struct tree *t, struct err *e);

/* TREE_REMOVE. path: in the tree; consecutive calls go fastest in sorted order. */
int tree_remove(struct tree *t, const char *path, const struct record *was, struct err *e);
int tree_remove_all(struct tree *t, const char *path, struct err *e);	/* with all that lies below */

/* TREE_ADD. A lost object gets no name yet. */
int tree_add(struct tree *t, const char *path, const struct record *is, struct err *e);
/* Gives a file the inode of its healed object, by rename, where it has another one or is missing; takes the name away
 * where the object is lost. via: a directory of the same file system, not served. 1 where it changed something, 0, -1. */
int tree_heal(struct tree *t, const char *path, const struct record *is, const struct file *via, struct err *e);

/* What a record says its name must be, in a tree that may be served: as tree_heal; a link by rename too; a directory made. */
int tree_mend(struct tree *t, const char *path, const struct record *is, const struct file *via, struct err *e);

#endif

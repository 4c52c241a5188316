/*
 * A walk over a directory tree in the order of its paths' bytes ("a.b" comes before "a/b": a directory sorts as its
 * name with '/', an empty one as its name alone), never following links, memory bounded by the largest directory.
 */
#ifndef LIB_WALK_H
#define LIB_WALK_H

#include <stdbool.h>
#include <sys/stat.h>

struct err;
struct file;

struct walk_entry {
	const char *path;	/* relative to the top; raw bytes, whatever the disk holds */
	const char *name;	/* its last component */
	const struct file *parent;	/* the open directory it stands in: open it as (parent, name) */
	struct stat st;		/* lstat; zeroed where sys is set */
	int sys;		/* errno when it could not be read (a directory that can't be listed, say), else 0 */
	bool leaving;		/* this call is for a directory whose entries have all been seen */
	unsigned entries;	/* leaving only: number of entries that were visited in it */
};

enum walk_verdict {
	WALK_ON = 0,	/* go on; into it when it is a directory */
	WALK_SKIP,	/* don't go into this directory (no leaving call) */
	WALK_STOP	/* end with an error: visit has set e */
};

/*
 * Calls visit for every entry beneath dir (not for dir itself); a directory is visited before its entries and, as
 * `leaving`, after them. Directories deeper than max_depth components, and directories that can't be opened, get a
 * call with sys set (ELOOP for depth) and are not entered. 0, or -1.
 */
int walk_tree(const struct file *dir, unsigned max_depth,
	      enum walk_verdict (*visit)(void *arg, const struct walk_entry *w, struct err *e), void *arg, struct err *e);

#endif

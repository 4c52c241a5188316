/*
 * Opens many files beneath a directory, cheaply where they come in the order of their paths: the directory of the last
 * one stays open. By the rules of lib/file: no link is followed, nothing but regular files is opened. One thread's.
 */
#ifndef LIB_OPENER_H
#define LIB_OPENER_H

#include "lib/file.h"

struct opener {
	const struct file *root;
	struct file dir;	/* of the last file */
	size_t len;		/* of its path, without the slash */
};
#define OPENER(root) {(root), FILE_CLOSED, 0}

/* As file_open_at(root, path). */
int opener_open(struct opener *o, const char *path, struct file *out, struct err *e);
void opener_close(struct opener *o);

#endif

/*
 * publish > tree > LINKS > objects: names for files, given by several threads. What comes out is what giving them one after
 * the other would: names of one object are given in order, since the first decides about its time.
 */
#ifndef IMPORT_LINKS_H
#define IMPORT_LINKS_H

#include <stdint.h>

#include "manifests/contents.h"

struct err;
struct file;
struct objects;
struct links;

#define LINKS_DIRS 2	/* that a name is given in, at most */
struct links *links_open(struct objects *o, size_t dirs_n, struct err *e);
/*
 * Queues a name for a file (is->has_file) in each of dirs, as many as links_open was told, whose descriptors may be closed
 * afterwards. `which` tells directories apart: others have another number. Something else under that name is replaced; a lost
 * object gets no name yet.
 */
int links_add(struct links *l, uint64_t which, const struct file *dirs, const char *name, const struct record *is, struct err *e);
/* Waits for all, frees l: 0, or -1 with the first error. NULL is a no-op. */
int links_close(struct links *l, struct err *e);
/* One name, now. */
int links_now(struct objects *o, const struct file *dirs, size_t dirs_n, const char *name, const struct record *is, struct err *e);

#endif

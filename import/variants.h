/*
 * VARIANTS: inodes of their own that executables need (HEX.x), made ahead of the names. publish > build > VARIANTS > objects. Collected
 * first, so that it is known whether there is room for them before the first is written.
 */
#ifndef IMPORT_VARIANTS_H
#define IMPORT_VARIANTS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/distinct.h"

struct err;
struct file;
struct objects;

#define VARIANTS_MAX ((size_t)1 << 18)	/* collected at once, some 30 MiB; of more, each so many by themselves */

struct variant {
	struct digest sha256;
	int64_t mtime;
};
struct variants {
	struct objects *objects;
	const struct file *dir;	/* of their file system */
	/* filled here */
	struct variant *list;
	size_t n, allocated;
	uint64_t bytes;		/* that all of the list take where nothing can be shared */
	struct distinct seen;
};
/* One that is wanted: collected, once, unless it is there. 0 or -1, also as variants_make. */
int variants_add(struct variants *v, const struct digest *d, int64_t mtime, struct err *e);
/* Makes all that were collected: objects_link_prepare. ERR_NO_SPACE before the first, where copies are needed and there is no room. */
int variants_make(struct variants *v, struct err *e);
void variants_free(struct variants *v);
/* Whether there is room for so many files of so many bytes in all, were each of them an executable: then none needs to be collected. 1, 0, -1. */
int variants_have_room(const struct file *dir, uint64_t files, uint64_t bytes, struct err *e);

#endif

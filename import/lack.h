/*
 * LACK: what of a bundle this store lacks, by the bundle's indexes, and whether there is room for it. Asked before the
 * first write, and again volume by volume.
 */
#ifndef IMPORT_LACK_H
#define IMPORT_LACK_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct bundle;
struct file;
struct objects;
struct volume;

struct lack {
	uint64_t objects;	/* entries of volumes, a piece counts as one */
	uint64_t bytes;		/* their bytes */
	uint64_t room;		/* bytes they take on a disk at most */
};
/* want[i], room for volume->objects_n, becomes true where objects[i] is lacking; adds to *sum. 0 or -1. */
int lack_volume(struct objects *o, const struct volume *v, bool *want, struct lack *sum, struct err *e);
/* Parses every index of the bundle (their errors: the bundle is to be refused) and sums up. */
int lack_bundle(struct objects *o, const struct bundle *b, struct lack *out, struct err *e);
/* ERR_NO_SPACE where the store's file system has no room; unknown: a warning. */
int lack_room(const struct file *store, const struct lack *l, struct err *e);

#endif

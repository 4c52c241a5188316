/*
 * LACK: what of a bundle this store lacks, by the bundle's indexes, and whether there is room for it. Asked before the
 * first write, and again, volume by volume, where another volume may have changed the answer.
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
	uint64_t volumes_n;
	bool **volumes;		/* [n - 1][i]: whether objects[i] of volume n is lacking */
};
/* Parses every index of the bundle (their errors: the bundle is to be refused), and asks and sums up. 0 or -1; lack_free in any case. */
int lack_bundle(struct objects *o, const struct bundle *b, struct lack *out, struct err *e);
void lack_free(struct lack *l);
/*
 * want[i], room for volume->objects_n, becomes true where objects[i] is lacking now. before: what lack_bundle found for this volume;
 * the store has lost nothing since, so pieces alone are asked for again: another volume may have brought the rest of their
 * objects, while of an object that came whole in the meantime one more copy does no harm. NULL: all are asked for.
 * Returns how many are lacking; -1.
 */
int64_t lack_volume(struct objects *o, const struct volume *v, const bool *before, bool *want, struct err *e);
/* ERR_NO_SPACE where the store's file system has no room; unknown: a warning. */
int lack_room(const struct file *store, const struct lack *l, struct err *e);

#endif

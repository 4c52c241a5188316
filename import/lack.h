/*
 * LACK: what of a bundle this store lacks, by the bundle's indexes, and whether there is room for it. Asked before the
 * first write, and again, volume by volume, where another volume may have changed the answer.
 */
#ifndef IMPORT_LACK_H
#define IMPORT_LACK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/distinct.h"

struct err;
struct bundle;
struct file;
struct objects;
struct volume;

struct lack {
	uint64_t objects;	/* entries of volumes, a piece counts as one */
	uint64_t bytes;		/* their bytes */
	uint64_t room;		/* bytes they take on a disk at most */
	uint64_t largest;	/* bytes of the largest object that any of them is, or is a piece of */
	uint64_t volumes_n;
	uint8_t **volumes;	/* [n - 1][i]: an answer for objects[i] of volume n; [n - 1] NULL: none were kept */
	struct distinct sizes;	/* of all objects of the indexes, where there are no more than ARRIVALS_MAX; else empty */
};
enum lack_answer { LACK_NOTHING, LACK_IT, LACK_ASK };	/* ASK: another volume may change it */
/* Parses every index of the bundle (their errors: the bundle is to be refused), and asks and sums up. 0 or -1; lack_free in any case. */
int lack_bundle(struct objects *o, struct bundle *b, struct lack *out, struct err *e);
void lack_free(struct lack *l);
/*
 * want[i], room for volume->objects_n, becomes true where objects[i] is lacking now. before: what lack_bundle found for this volume,
 * before anything was taken in; what was to be asked again, pieces and what an earlier volume has as well, is. NULL: all are asked
 * for. Returns how many are lacking; -1.
 */
int64_t lack_volume(struct objects *o, const struct volume *v, const uint8_t *before, bool *want, struct err *e);
/* ERR_NO_SPACE where the store's file system has no room, or no files as large as an object is; unknown: a warning. */
int lack_room(const struct file *store, const struct lack *l, struct err *e);

#endif

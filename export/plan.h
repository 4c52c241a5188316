/*
 * PLAN: cuts the cargo into volumes before the first byte is written, by bytes of tar alone, so that it depends neither
 * on how well anything compresses nor on the number of threads. A volume fits its size even if all of it is stored.
 *
 * An object that fits into a volume is never cut: where it doesn't fit into what is left, the next volume begins. A
 * larger one fills what is left of the volume (unless that is less than PLAN_MIN_PIECE), then whole volumes, and what
 * follows goes on behind its last piece. At most MAX_VOLUME_OBJECTS entries in a volume. Of an object that is carried in
 * part each part is treated like an object of its own.
 */
#ifndef EXPORT_PLAN_H
#define EXPORT_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "export/cargo.h"

#define PLAN_MIN_PIECE (1ull << 20)	/* bytes of data that a cut-off piece has at least */

struct err;

struct plan {	/* where we are in the cutting */
	const struct cargo *cargo;
	uint64_t room;		/* bytes of tar in a volume */
	size_t object;		/* the next one */
	size_t part;		/* which of its parts (cargo_part) */
	uint64_t from;		/* where the rest of that part begins; 0: at its start */
	uint64_t volume;	/* the current one, from 1; 0 before the first entry */
	uint64_t used;		/* bytes of tar in it */
	size_t entries;
};
struct plan_entry {
	uint64_t volume;
	size_t object;		/* index in the cargo */
	bool piece, first, last;	/* first, last: of this object */
	uint64_t from, length;	/* all of it where it is no piece */
	uint64_t at;		/* of its first byte in the volume's tar */
};
struct plan_total {
	uint64_t volumes, entries;
	uint64_t stored;	/* size of all volumes if nothing is compressed */
	uint64_t indexes;	/* size of their indexes, at most */
	struct digest digest;	/* over all that was decided */
};

/* Bytes of tar, a multiple of 512, that a volume file of this size holds even if stored. */
uint64_t plan_room(uint64_t volume_size);
/* Size of a volume file that stores so many bytes of tar. */
uint64_t plan_stored(uint64_t tar);

void plan_start(struct plan *p, const struct cargo *c, uint64_t volume_size);
bool plan_next(struct plan *p, struct plan_entry *out);	/* false at the end */
/* Goes through all of it. ERR_TOO_LARGE beyond MAX_VOLUMES. */
int plan_total(const struct cargo *c, uint64_t volume_size, struct plan_total *out, struct err *e);

#endif

/*
 * STATION/floor.yaml: numbers that were used elsewhere before the station was restored from a backup, and are not used
 * again. Written by recover alone; a station that never went back has none.
 */
#ifndef EXPORT_FLOOR_H
#define EXPORT_FLOOR_H

#include <stdint.h>

#include "manifests/limits.h"

struct err;
struct station;

struct floor {
	uint64_t sequence;	/* highest of a bundle; 0: none known */
	uint64_t epoch, revision;	/* highest of a list; 0: none known */
};
#define FLOOR_MAX (MAX_REVISION - MAX_JUMP)	/* of a sequence or revision: there is room above */

/* Zeros where there is none. 0 or -1. */
int floor_load(const struct station *s, struct floor *out, struct err *e);
int floor_save(struct station *s, const struct floor *f, struct err *e);
/*
 * Lifts f to what was seen. R_JUMP, and f is left as it is, where that is more than MAX_JUMP above what f and `known` have, or
 * above FLOOR_MAX: a store repeats what any exporter's key made it take in, and one number must not use up all others.
 */
int floor_see_sequence(struct floor *f, const struct floor *known, uint64_t sequence, struct err *e);
int floor_see_list(struct floor *f, const struct floor *known, uint64_t epoch, uint64_t revision, struct err *e);
/* Lifts f to what is known for certain. */
void floor_lift(struct floor *f, const struct floor *known);

#endif

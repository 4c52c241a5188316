/*
 * STATION/floor.yaml: numbers that were used elsewhere before the station was restored from a backup, and are not used
 * again. Written by recover alone; a station that never went back has none.
 */
#ifndef EXPORT_FLOOR_H
#define EXPORT_FLOOR_H

#include <stdint.h>

struct err;
struct station;

struct floor {
	uint64_t sequence;	/* highest of a bundle; 0: none known */
	uint64_t epoch, revision;	/* highest of a list; 0: none known */
};
/* Zeros where there is none. 0 or -1. */
int floor_load(const struct station *s, struct floor *out, struct err *e);
int floor_save(struct station *s, const struct floor *f, struct err *e);
/* Lifts f to what was seen. */
void floor_see_sequence(struct floor *f, uint64_t sequence);
void floor_see_list(struct floor *f, uint64_t epoch, uint64_t revision);

#endif

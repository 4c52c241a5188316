/*
 * A set of ranges from..to of bytes: ascending, apart from each other, none empty. Zero-initialise; free with
 * extents_free.
 */
#ifndef LIB_EXTENTS_H
#define LIB_EXTENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

struct extent {
	uint64_t from, to;
};
struct extents {
	struct extent *list;
	size_t n, cap;
};

/* Adds from..to and joins it with what it touches. 0, or -1: out of memory. */
int extents_add(struct extents *x, uint64_t from, uint64_t to, struct err *e);
int extents_remove(struct extents *x, uint64_t from, uint64_t to, struct err *e);
bool extents_cover(const struct extents *x, uint64_t from, uint64_t to);	/* all of it; nothing is covered always */
bool extents_meet(const struct extents *x, uint64_t from, uint64_t to);	/* any of it */
uint64_t extents_within(const struct extents *x, uint64_t from, uint64_t to);	/* how many bytes of it */
uint64_t extents_sum(const struct extents *x);
void extents_free(struct extents *x);	/* empty and usable again */

#endif

/*
 * DISTINCT: a set of digests, for counting each once. Beyond DISTINCT_MAX it takes no more in and answers "new" for all that
 * it doesn't hold: memory stays bounded and counts become upper bounds.
 */
#ifndef LIB_DISTINCT_H
#define LIB_DISTINCT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/digest.h"

struct err;

#define DISTINCT_MAX ((size_t)1 << 20)	/* 64 MiB */

struct distinct {
	struct digest *slots;
	unsigned char *used;
	uint64_t *values;	/* of a set of distinct_add_valued */
	size_t room, n;		/* room: a power of two */
	uint64_t secret[4];
};
/* 1: it is new and now in; 0: it was there; -1: out of memory. */
int distinct_add(struct distinct *s, const struct digest *d, struct err *e);
/* The same, each digest with the value it first came with, which *value becomes; in a set where all are added so. */
int distinct_add_valued(struct distinct *s, const struct digest *d, uint64_t *value, struct err *e);
bool distinct_has(const struct distinct *s, const struct digest *d);
/* The value of a digest that was added with one, which may be written to until the next is added; NULL where it is not in. */
uint64_t *distinct_value(const struct distinct *s, const struct digest *d);
/* Makes room in an empty set for n digests with values (of more than DISTINCT_MAX: for so many), so that it need not grow step by step:
 * 0 or -1. Memory that is not used is not touched. */
int distinct_reserve_valued(struct distinct *s, uint64_t n, struct err *e);
void distinct_clear(struct distinct *s);	/* empty; its memory stays, for as many again */
void distinct_free(struct distinct *s);	/* empty and usable again */

#endif

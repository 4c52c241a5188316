/*
 * BLOOM: which digests were met, remembered in a fixed amount of memory whatever their number. It never forgets one, and
 * takes a few in ten million that it never met for one it did (B. H. Bloom, 1970; 8 bits of 2^29 for each, taken from the
 * digest itself). For deciding what may be dropped, where such an error keeps a little too much.
 */
#ifndef LIB_BLOOM_H
#define LIB_BLOOM_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/digest.h"

struct err;

struct bloom {
	uint8_t *bits;		/* 64 MiB, touched where used; NULL: not opened, knows nothing */
};
int bloom_open(struct bloom *b, struct err *e);
void bloom_free(struct bloom *b);
void bloom_add(struct bloom *b, const struct digest *d);
bool bloom_has(const struct bloom *b, const struct digest *d);

#endif

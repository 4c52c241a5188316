/*
 * A Bloom filter over digests, which are as good as random: whoever grinds many that collide only has them kept.
 */
#include "lib/bloom.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"

#include "lib/banned.h"

#define BITS ((size_t)1 << 29)
#define HASHES 8		/* 32 bits of the digest each */

int bloom_open(struct bloom *b, struct err *e)
{
	b->bits = calloc(BITS / 8, 1);
	return b->bits == NULL ? err_mem(e) : 0;
}

void bloom_free(struct bloom *b)
{
	free(b->bits);
	b->bits = NULL;
}

static size_t place(const struct digest *d, unsigned i)
{
	uint32_t word;

	memcpy(&word, d->bytes + (size_t)4 * i, sizeof word);
	return word % BITS;
}

void bloom_add(struct bloom *b, const struct digest *d)
{
	for (unsigned i = 0; i < HASHES; i++)
		b->bits[place(d, i) / 8] |= (uint8_t)(1u << place(d, i) % 8);
}

bool bloom_has(const struct bloom *b, const struct digest *d)
{
	for (unsigned i = 0; i < HASHES; i++)
		if (b->bits == NULL || (b->bits[place(d, i) / 8] >> place(d, i) % 8 & 1) == 0)
			return false;
	return true;
}

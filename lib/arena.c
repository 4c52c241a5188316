/*
 * Memory freed all at once: a chain of zeroed blocks that grow with the demand. Refuses single things above
 * MOST; callers bound what they ask for by `used`.
 */
#include "lib/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/banned.h"

#define ALIGN alignof(max_align_t)
#define SMALLEST 4096
#define LARGEST ((size_t)1 << 20)
#define MOST ((size_t)1 << 30)	/* for one thing; whoever needs more should stream */

struct arena_block {
	struct arena_block *next;
	size_t size, used;
	alignas(max_align_t) unsigned char data[];
};

static struct arena_block *add(struct arena *a, size_t size)
{
	struct arena_block *b;
	size_t wanted = a->blocks == NULL ? SMALLEST : a->blocks->size * 2;

	if (wanted > LARGEST)
		wanted = LARGEST;
	if (wanted < size)
		wanted = size;
	b = calloc(1, sizeof *b + wanted);
	if (b == NULL)
		return NULL;
	b->size = wanted;
	b->next = a->blocks;
	a->blocks = b;
	return b;
}

void *arena_alloc(struct arena *a, size_t size)
{
	struct arena_block *b = a->blocks;
	void *p;

	if (size == 0)
		size = 1;	/* every pointer is one of its own */
	if (size > MOST)
		return NULL;
	size = (size + ALIGN - 1) / ALIGN * ALIGN;
	if (b == NULL || b->size - b->used < size) {
		b = add(a, size);
		if (b == NULL)
			return NULL;
	}
	p = b->data + b->used;
	b->used += size;
	a->used += size;
	return p;
}

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
	char *copy;

	if (len == SIZE_MAX)
		return NULL;
	copy = arena_alloc(a, len + 1);
	if (copy != NULL && len > 0)
		memcpy(copy, s, len);
	return copy;
}

void arena_free(struct arena *a)
{
	if (a == NULL)
		return;
	while (a->blocks != NULL) {
		struct arena_block *next = a->blocks->next;

		free(a->blocks);
		a->blocks = next;
	}
	a->used = 0;
}

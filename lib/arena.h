/*
 * Memory that is freed all at once. A parsed document keeps its strings and lists in one arena.
 * Zero-initialise it. Memory from it is aligned for any type and zeroed.
 */
#ifndef LIB_ARENA_H
#define LIB_ARENA_H

#include <stddef.h>

struct arena_block;
struct arena {
	struct arena_block *blocks;
	size_t used;	/* bytes handed out, for limits */
};

void *arena_alloc(struct arena *a, size_t size);		/* NULL: out of memory */
char *arena_strndup(struct arena *a, const char *s, size_t len);	/* adds a NUL; NULL: out of memory */
void arena_free(struct arena *a);	/* frees everything; the arena is empty and usable again */

#endif

/*
 * Buffers of one size, used again and again by the threads of a pipeline: memory stays what it holds at once, and no page is
 * touched for the first time twice.
 */
#ifndef LIB_SLABS_H
#define LIB_SLABS_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct slab;

struct slabs {
	size_t size;
	pthread_mutex_t lock;
	struct slab *free;
};
#define SLABS(bytes) {.size = (bytes), .lock = PTHREAD_MUTEX_INITIALIZER}

/* A buffer of `size` bytes, whatever stands in it, as bulk_alloc gives it; NULL: out of memory. From any thread. */
uint8_t *slabs_take(struct slabs *s, struct err *e);
void slabs_give(struct slabs *s, uint8_t *slab);	/* back; NULL is a no-op */
void slabs_free(struct slabs *s);	/* those that were given back */

#endif

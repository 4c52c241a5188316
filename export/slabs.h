/*
 * Buffers of one frame each, used again and again by the threads that pack: memory stays what the pipeline holds at once,
 * and no page is touched for the first time twice.
 */
#ifndef EXPORT_SLABS_H
#define EXPORT_SLABS_H

#include <pthread.h>
#include <stdint.h>

struct err;
struct slab;

struct slabs {
	pthread_mutex_t lock;
	struct slab *free;
};
#define SLABS_EMPTY {.lock = PTHREAD_MUTEX_INITIALIZER}

/* A buffer of MAX_FRAME_STORED bytes, whatever stands in it; NULL: out of memory. From any thread. */
uint8_t *slabs_take(struct slabs *s, struct err *e);
void slabs_give(struct slabs *s, uint8_t *slab);	/* back; NULL is a no-op */
void slabs_free(struct slabs *s);	/* those that were given back */

#endif

/*
 * Buffers of one frame each, beside frame and volumes. Refuses nothing.
 */
#include "export/slabs.h"

#include <stdlib.h>

#include "lib/err.h"
#include "manifests/limits.h"

#include "lib/banned.h"

struct slab {
	struct slab *next;
};

uint8_t *slabs_take(struct slabs *s, struct err *e)
{
	struct slab *x;

	pthread_mutex_lock(&s->lock);
	x = s->free;
	if (x)
		s->free = x->next;
	pthread_mutex_unlock(&s->lock);
	if (!x)
		x = malloc(MAX_FRAME_STORED);
	if (!x)
		err_mem(e);
	return (uint8_t *)x;
}

void slabs_give(struct slabs *s, uint8_t *slab)
{
	struct slab *x = (struct slab *)(void *)slab;

	if (!x)
		return;
	pthread_mutex_lock(&s->lock);
	x->next = s->free;
	s->free = x;
	pthread_mutex_unlock(&s->lock);
}

void slabs_free(struct slabs *s)
{
	while (s->free) {
		struct slab *x = s->free;

		s->free = x->next;
		free(x);
	}
	pthread_mutex_destroy(&s->lock);
}

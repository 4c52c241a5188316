/*
 * Buffers of one size (lib/slabs.h). Refuses nothing.
 */
#include "lib/slabs.h"

#include <stdlib.h>

#include "lib/bulk.h"
#include "lib/err.h"

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
		x = bulk_alloc(s->size);
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

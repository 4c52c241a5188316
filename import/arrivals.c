/*
 * What this run put into the store (import/arrivals.h): objects > ARRIVALS. The set comes from the indexes of a bundle, where it told
 * each object once, and becomes the memory of what came of them. Refuses nothing: what it doesn't know is asked of the disk.
 */
#include "import/arrivals.h"

#include <pthread.h>
#include <stdlib.h>

#include "lib/distinct.h"
#include "lib/err.h"
#include "manifests/limits.h"

#include "lib/banned.h"

/* What became of an object stands above its size. */
#define HERE ((uint64_t)1 << 63)
#define NAMED ((uint64_t)1 << 62)
_Static_assert(MAX_OBJECT_SIZE < NAMED, "a size and two bits are one number");

struct arrivals {
	pthread_mutex_t lock;	/* guards what follows */
	struct distinct set;
};

struct arrivals *arrivals_open(struct err *e)
{
	struct arrivals *a = calloc(1, sizeof *a);

	if (a == NULL)
		err_mem(e);
	else
		pthread_mutex_init(&a->lock, NULL);
	return a;
}

void arrivals_close(struct arrivals *a)
{
	if (a == NULL)
		return;
	distinct_free(&a->set);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

void arrivals_expect(struct arrivals *a, struct distinct *set)
{
	distinct_free(&a->set);
	a->set = *set;
	*set = (struct distinct){0};
}

void arrivals_forget(struct arrivals *a)
{
	distinct_free(&a->set);
}

void arrivals_put(struct arrivals *a, const struct digest *d, uint64_t size)
{
	uint64_t *value;

	pthread_mutex_lock(&a->lock);
	value = distinct_value(&a->set, d);
	if (value != NULL)
		*value = size | HERE;
	pthread_mutex_unlock(&a->lock);
}

bool arrivals_has(struct arrivals *a, const struct digest *d, uint64_t *size)
{
	const uint64_t *value;
	bool here;

	pthread_mutex_lock(&a->lock);
	value = distinct_value(&a->set, d);
	here = value != NULL && (*value & HERE) != 0;
	if (here && size != NULL)
		*size = *value & ~(HERE | NAMED);
	pthread_mutex_unlock(&a->lock);
	return here;
}

bool arrivals_first_name(struct arrivals *a, const struct digest *d)
{
	uint64_t *value;
	bool first;

	pthread_mutex_lock(&a->lock);
	value = distinct_value(&a->set, d);
	first = value != NULL && (*value & (HERE | NAMED)) == HERE;
	if (first)
		*value |= NAMED;
	pthread_mutex_unlock(&a->lock);
	return first;
}

/*
 * Small objects, hashed and written by several threads. Part of stage. An object with wrong bytes does not end the
 * others: what is complete is kept, whatever else the signer lied about.
 */
#include "import/batch.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "import/objects.h"
#include "lib/pool.h"
#include "manifests/reason.h"

#include "lib/banned.h"

#define BATCH_BYTES BATCH_MAX_OBJECT
#define BATCH_OBJECTS 512
#define BATCH_UNDER_WAY 10	/* 40 MiB in all */

struct entry {
	struct digest digest;
	size_t at, len;
};
struct batch {
	size_t n, used;
	struct entry entries[BATCH_OBJECTS];
	uint8_t data[BATCH_BYTES];
};
struct batches {
	struct objects *objects;
	struct pool *pool;
	struct batch *open;	/* being filled, or NULL */
	size_t len;		/* of the object begun, not part of open->used yet */
	struct digest digest;
	pthread_mutex_t lock;	/* over sum */
	struct batch_sum sum;
};

static int store_batch(void *arg, void *task, void *state, struct err *e)
{
	struct batches *b = arg;
	struct batch *batch = task;
	struct batch_sum sum = {0};
	int rc = 0;

	(void)state;
	for (size_t i = 0; i < batch->n && rc == 0; i++) {
		const struct entry *n = &batch->entries[i];
		struct err why = {0};
		bool new = false;

		if (objects_put(b->objects, &n->digest, batch->data + n->at, n->len, &new, &why) == 0) {
			sum.objects += new;
			sum.bytes += new ? n->len : 0;
		} else if (why.reason == R_OBJECT_DIGEST) {
			sum.lied = sum.lied.reason == ERR_NONE ? why : sum.lied;
		} else {
			*e = why;
			rc = -1;
		}
	}
	pthread_mutex_lock(&b->lock);
	b->sum.objects += sum.objects;
	b->sum.bytes += sum.bytes;
	if (b->sum.lied.reason == ERR_NONE)
		b->sum.lied = sum.lied;
	pthread_mutex_unlock(&b->lock);
	return rc;
}

static void drop(void *arg, void *task)
{
	(void)arg;
	free(task);
}

struct batches *batch_open(struct objects *o, unsigned jobs, struct err *e)
{
	static const struct pool_ops ops = {.work = store_batch, .drop = drop};
	struct batches *b = calloc(1, sizeof *b);

	if (b == NULL) {
		err_mem(e);
		return NULL;
	}
	b->objects = o;
	pthread_mutex_init(&b->lock, NULL);
	b->pool = pool_open(&ops, b, jobs, BATCH_UNDER_WAY, e);
	if (b->pool != NULL)
		return b;
	pthread_mutex_destroy(&b->lock);
	free(b);
	return NULL;
}

static int flush(struct batches *b, struct err *e)
{
	struct batch *full = b->open;

	b->open = NULL;
	if (full == NULL || full->n == 0) {
		free(full);
		return 0;
	}
	return pool_put(b->pool, full, e);
}

int batch_begin(struct batches *b, const struct digest *d, size_t len, struct err *e)
{
	if (b->open != NULL && (b->open->n == BATCH_OBJECTS || len > BATCH_BYTES - b->open->used) && flush(b, e) == -1)
		return -1;
	if (b->open == NULL) {
		b->open = malloc(sizeof *b->open);
		if (b->open == NULL)
			return err_mem(e);
		b->open->n = b->open->used = 0;
	}
	b->digest = *d;
	b->len = len;
	return 0;
}

void batch_write(struct batches *b, size_t at, const void *data, size_t len)
{
	if (len > 0)
		memcpy(b->open->data + b->open->used + at, data, len);
}

void batch_keep(struct batches *b)
{
	b->open->entries[b->open->n++] = (struct entry){.digest = b->digest, .at = b->open->used, .len = b->len};
	b->open->used += b->len;
}

bool batch_lied(struct batches *b)
{
	bool lied;

	pthread_mutex_lock(&b->lock);
	lied = b->sum.lied.reason != ERR_NONE;
	pthread_mutex_unlock(&b->lock);
	return lied;
}

int batch_close(struct batches *b, struct batch_sum *sum, struct err *e)
{
	int rc;

	if (b == NULL)
		return 0;
	rc = flush(b, e);
	if (pool_close(b->pool, e) == -1)
		rc = -1;
	sum->objects += b->sum.objects;
	sum->bytes += b->sum.bytes;
	if (sum->lied.reason == ERR_NONE)
		sum->lied = b->sum.lied;
	pthread_mutex_destroy(&b->lock);
	free(b);
	return rc;
}

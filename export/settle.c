/*
 * Finished volumes: sync, index, reading back. volumes | SETTLE (readback) | seal.
 * Refuses what the device does not give back as it was written.
 */
#include "export/settle.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "export/building.h"
#include "export/readback.h"
#include "export/volumes.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/outfile.h"
#include "lib/pool.h"
#include "lib/progress.h"
#include "lib/timings.h"
#include "manifests/names.h"
#include "manifests/volume.h"

#include "lib/banned.h"

#define SYNCING "syncing volumes"
#define READING_BACK "reading back"

struct settle {
	const struct volumes_job *job;
	struct volumes *out;
	struct pool *pool;
	uint64_t stored;	/* bytes of the volumes that were put */
	atomic_uint_fast64_t back;	/* of those that were read back */
	atomic_bool alone;	/* packing is over, so that progress is ours */
	atomic_bool in_vain;	/* it failed */
};

static int count(void *arg, uint64_t n, struct err *e)
{
	struct settle *s = arg;

	s->back += n;
	if (s->alone)
		progress_add(n);
	return s->in_vain ? err_set(e, ERR_INTERNAL, "packing failed") : 0;
}

static int put_index(const struct volumes_job *j, const struct volume *index, struct buf *bytes, struct err *e)
{
	char name[32];

	names_volume_index(index->volume, name);
	if (schema_encode(&volume_schema, index, bytes, e) == -1 || buf_ok(bytes, e) == -1)
		return err_prefix(e, "%s", name);
	if (outfile_put(j->copies, name, 0644, bytes->data, bytes->len, e) == -1)
		return -1;
	return medium_put(j->medium, name, bytes->data, bytes->len, e);
}

static int describe(struct settle *s, struct building *b, const struct buf *index, struct err *e)
{
	struct volumes *v = s->out;
	struct volumes_one *list = realloc(v->list, (v->n + 1) * sizeof *list), *one;

	if (!list)
		return err_mem(e);
	v->list = list;
	one = &list[v->n];
	*one = (struct volumes_one){
		.size = volume_file_size(&b->index), .has_sha256 = b->hash != NULL, .index_size = index->len
	};
	if ((b->hash && digest_final(b->hash, &one->sha256, e) == -1) || digest_of(index->data, index->len, &one->index_sha256, e) == -1)
		return -1;
	v->n++;
	v->stored += one->size;
	return 0;
}

/* One worker, so nothing here runs twice at once. */
static int work(void *arg, void *task, void *state, struct err *e)
{
	struct settle *s = arg;
	struct building *b = task;
	struct buf index = {0};
	uint64_t since = timings_now();
	int rc = -1;

	(void)state;
	if (medium_finish(&b->file, e) == -1 || put_index(s->job, &b->index, &index, e) == -1)
		goto out;
	since = timings_busy(SYNCING, since);
	if (describe(s, b, &index, e) == -1 ||
	    (s->job->read_back && readback_volume(s->job->medium, &b->index, &index, count, s, e) == -1))
		goto out;
	if (s->job->read_back)
		timings_busy(READING_BACK, since);
	rc = 0;
out:
	buf_free(&index);
	return rc;
}

static void drop(void *arg, void *task)
{
	(void)arg;
	building_free(task);
}

static const struct pool_ops ops = {.work = work, .drop = drop};

struct settle *settle_open(const struct volumes_job *j, struct volumes *out, struct err *e)
{
	struct settle *s = calloc(1, sizeof *s);

	if (!s) {
		err_mem(e);
		return NULL;
	}
	s->job = j;
	s->out = out;
	s->pool = pool_open(&ops, s, 1, 1, e);
	if (s->pool)
		return s;
	free(s);
	return NULL;
}

int settle_put(struct settle *s, struct building *b, struct err *e)
{
	s->stored += volume_file_size(&b->index);
	return pool_put(s->pool, b, e);
}

int settle_close(struct settle *s, bool in_vain, struct err *e)
{
	int rc;

	if (!s)
		return 0;
	s->in_vain = in_vain;
	if (s->job->read_back)
		progress_phase(READING_BACK, s->stored - s->back, 1);
	s->alone = true;
	rc = pool_close(s->pool, e);
	progress_end();
	free(s);
	return rc;
}

/*
 * Reading back. medium | READBACK.
 * Refuses a volume whose frames don't come back from the device as they were written.
 */
#include "export/readback.h"

#include <inttypes.h>
#include <stdlib.h>

#include "export/medium.h"
#include "export/volumes.h"
#include "lib/buf.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "lib/pool.h"
#include "lib/progress.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"
#include "manifests/volume.h"

#include "lib/banned.h"

struct reading {
	struct file file;
	const struct volume *index;
};
struct task {
	size_t frame;
	uint8_t *bytes;
};

static void drop(void *arg, void *task)
{
	struct task *t = task;

	(void)arg;
	free(t->bytes);
	free(t);
}

static int compare(void *arg, void *task, void *state, struct err *e)
{
	const struct reading *r = arg;
	const struct task *t = task;
	const struct volume_frame *f = &r->index->frames[t->frame];
	struct digest d;

	(void)state;
	if (digest_of(t->bytes, (size_t)f->size, &d, e) == -1)
		return -1;
	if (digest_equal(&d, &f->sha256))
		return 0;
	err_set(e, R_READ_BACK, "%s: frame %zu at %" PRIu64 ": reads back differently from what was written", r->file.name,
		t->frame + 1, f->at);
	return err_hint(e, "use another medium");
}

static const struct pool_ops ops = {.work = compare, .drop = drop};

static struct task *read_frame(const struct reading *r, size_t i, struct err *e)
{
	const struct volume_frame *f = &r->index->frames[i];
	struct task *t = calloc(1, sizeof *t);

	if (t)
		t->bytes = malloc((size_t)f->size);
	if (!t || !t->bytes) {
		free(t);
		err_mem(e);
		return NULL;
	}
	t->frame = i;
	if (file_pread(&r->file, t->bytes, (size_t)f->size, f->at, e) == 0)
		return t;
	drop(NULL, t);
	if (e->reason != ERR_MEMORY)
		e->reason = R_READ_BACK;
	err_prefix(e, "frame %zu", i + 1);
	err_hint(e, "use another medium");
	return NULL;
}

static int read_frames(struct reading *r, unsigned jobs, struct err *e)
{
	struct pool *p = pool_open(&ops, r, jobs, 2 * jobs, e);
	struct err ended = {0};
	int rc = p ? 0 : -1;

	for (size_t i = 0; rc == 0 && i < r->index->frames_n; i++) {
		struct task *t = read_frame(r, i, e);

		rc = t ? pool_put(p, t, e) : -1;
		progress_add(r->index->frames[i].size);
	}
	if (pool_close(p, &ended) == -1) {
		rc = -1;
		if (e->reason == ERR_NONE)
			*e = ended;
	}
	return rc;
}

static int check_size(const struct reading *r, struct err *e)
{
	struct stat st;

	if (file_stat(&r->file, &st, e) == -1)
		return -1;
	if ((uint64_t)st.st_size == volume_file_size(r->index))
		return 0;
	return err_set(e, R_READ_BACK, "%s: %lld bytes, and %" PRIu64 " were written", r->file.name, (long long)st.st_size,
		       volume_file_size(r->index));
}

static int read_volume(const struct volumes_job *j, uint64_t volume, struct err *e)
{
	struct reading r = {.file = FILE_CLOSED};
	struct volume *index = NULL;
	struct buf bytes = {0};
	char name[32];
	int rc = -1;

	names_volume_index(volume, name);
	if (file_read_all_at(j->copies, name, MAX_VOLUME_INDEX_SIZE, &bytes, e) == -1 ||
	    medium_check(j->medium, name, bytes.data, bytes.len, e) == -1)
		goto out;
	index = volume_parse(bytes.data, bytes.len, e);
	buf_free(&bytes);
	if (!index) {
		err_prefix(e, "%s/%s", j->copies->name, name);
		goto out;
	}
	r.index = index;
	if (medium_reopen(j->medium, names_volume(volume, name), &r.file, e) == -1 || check_size(&r, e) == -1)
		goto out;
	rc = read_frames(&r, j->jobs, e);
out:
	file_close(&r.file);
	volume_free(index);
	buf_free(&bytes);
	return rc;
}

int readback_volumes(const struct volumes_job *j, const struct volumes *v, struct err *e)
{
	int rc = 0;

	progress_phase("reading back", v->stored, 1);
	for (uint64_t n = 1; n <= v->n && rc == 0; n++)
		rc = read_volume(j, n, e);
	progress_end();
	return rc;
}

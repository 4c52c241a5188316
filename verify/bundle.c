/*
 * What is done with an authenticated bundle (verify/bundle.h): its indexes and its list. Refuses indexes that belong
 * elsewhere, and lists that the approvers of the newest root did not sign.
 */
#include "verify/bundle.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/pool.h"
#include "lib/timings.h"
#include "manifests/limits.h"
#include "manifests/reason.h"
#include "verify/report.h"
#include "verify/unseal.h"

#include "lib/banned.h"

struct bundle_ahead {		/* one index that a thread is at */
	const struct bundle *bundle;
	uint64_t number;
	struct pool *pool;
	struct volume *volume;	/* NULL: it is no good, */
	struct err why;		/* for this reason */
};

/* Waits for it, and forgets it. NULL, with *e where the index is no good; NULL, too, when there is none. */
static struct volume *ahead_end(struct bundle *b, struct err *e)
{
	struct bundle_ahead *a = b->ahead;
	struct volume *v = NULL;

	if (a == NULL)
		return NULL;
	if (pool_close(a->pool, e) == 0) {
		v = a->volume;
		if (v == NULL && e != NULL)
			*e = a->why;
	} else {
		volume_free(a->volume);
	}
	b->ahead = NULL;
	free(a);
	return v;
}

void bundle_free(struct bundle *b)
{
	if (b == NULL)
		return;
	volume_free(ahead_end(b, NULL));
	buf_free(&b->list);
	signatures_free(&b->list_signatures);
	for (uint64_t n = 0; b->indexes != NULL && n < b->manifest->volumes; n++)
		spooled_free(&b->indexes[n]);
	free(b->indexes);
	spool_close(&b->spool);
	manifest_free(b->manifest);
	free(b);
}

static int check_index(const struct bundle *b, uint64_t n, const struct volume *v, struct err *e)
{
	const struct manifest_file *file;
	char name[32];

	if (strcmp(v->stream, b->manifest->stream) != 0 || v->sequence != b->manifest->sequence || v->volume != n)
		return err_set(e, R_DOCUMENT_FORM, "it is the index of volume %llu of %s, bundle %llu",
			       (unsigned long long)v->volume, v->stream, (unsigned long long)v->sequence);
	file = manifest_find(b->manifest, names_volume(n, name));
	if (file == NULL || volume_file_size(v) != file->size)
		return err_set(e, R_DOCUMENT_FORM, "its frames come to %llu bytes, which is not what the manifest says",
			       (unsigned long long)volume_file_size(v));
	return 0;
}

static struct volume *parse(const struct bundle *b, uint64_t n, struct err *e)
{
	const struct spooled *index = &b->indexes[n - 1];
	uint64_t since = timings_now();
	struct volume *v = NULL;
	struct buf room = {0};
	const uint8_t *bytes;
	char name[32];

	bytes = spool_see(&b->spool, index, &room, e);
	if (bytes != NULL)
		v = volume_parse(bytes, index->len, e);
	if (v != NULL && check_index(b, n, v, e) == -1) {
		volume_free(v);
		v = NULL;
	}
	if (v == NULL)
		err_prefix(e, "%s/%s", b->name, names_volume_index(n, name));
	buf_free(&room);
	timings_busy("indexes", since);
	return v;
}

/* By the bytes alone, so that an index without pieces need not be parsed: only a piece has a field of that name (FORMAT 8.3). */
static int tells_of_pieces(const struct bundle *b, const struct spooled *index, struct err *e)
{
	static const char field[] = ", length: ";
	struct buf room = {0};
	const uint8_t *bytes = spool_see(&b->spool, index, &room, e);
	int rc = bytes == NULL ? -1 : memmem(bytes, index->len, field, sizeof field - 1) != NULL;

	buf_free(&room);
	return rc;
}

int bundle_each_cut(const struct bundle *b, int (*each)(void *arg, const struct volume *index, struct err *e), void *arg,
		    struct err *e)
{
	for (uint64_t n = 1; n <= b->manifest->volumes; n++) {
		int rc = tells_of_pieces(b, &b->indexes[n - 1], e);
		struct err why = {0};
		struct volume *v = rc == 1 ? parse(b, n, &why) : NULL;

		if (v == NULL && report_is_fatal(&why))
			rc = err_set(e, why.reason, "%s", why.text);
		if (v != NULL)
			rc = each(arg, v, e);
		volume_free(v);
		if (rc == -1)
			return -1;
	}
	return 0;
}

static int parse_ahead(void *arg, void *task, void *state, struct err *e)
{
	struct bundle_ahead *a = task;

	(void)arg;
	(void)state;
	(void)e;
	a->volume = parse(a->bundle, a->number, &a->why);
	return 0;
}

static void leave_it(void *arg, void *task)	/* ahead_end takes it */
{
	(void)arg;
	(void)task;
}

int bundle_begin_volume(struct bundle *b, uint64_t n, struct err *e)
{
	static const struct pool_ops ops = {.work = parse_ahead, .drop = leave_it};
	struct bundle_ahead *a;

	if (n > b->manifest->volumes)
		return 0;
	volume_free(ahead_end(b, NULL));
	a = calloc(1, sizeof *a);
	if (a == NULL)
		return err_mem(e);
	a->bundle = b;
	a->number = n;
	a->pool = pool_open(&ops, NULL, 1, 1, e);
	if (a->pool == NULL) {
		free(a);
		return -1;
	}
	b->ahead = a;
	return pool_put(a->pool, a, e);
}

void bundle_end_volume(struct bundle *b, uint64_t n)
{
	spooled_free(&b->indexes[n - 1]);
}

struct volume *bundle_volume(struct bundle *b, uint64_t n, struct err *e)
{
	struct volume *v;

	if (n < 1 || n > b->manifest->volumes) {
		err_set(e, ERR_INTERNAL, "no volume %llu", (unsigned long long)n);
		return NULL;
	}
	v = b->ahead != NULL && b->ahead->number == n ? ahead_end(b, e) : parse(b, n, e);
	if (v != NULL && bundle_begin_volume(b, n + 1, e) == -1) {
		volume_free(v);
		return NULL;
	}
	return v;
}

static int judge_list(const struct bundle *b, const struct approvals *a, const struct trust *root, struct err *e)
{
	const struct manifest_approvals *said = &b->manifest->approvals;

	if (strcmp(a->stream, b->manifest->stream) != 0)
		return err_set(e, R_DOCUMENT_FORM, "it is of the stream %s", a->stream);
	if (a->epoch != said->epoch || a->revision != said->revision)
		return err_set(e, R_DOCUMENT_FORM, "it is revision %llu of epoch %llu, which is not what the manifest says",
			       (unsigned long long)a->revision, (unsigned long long)a->epoch);
	if (a->epoch != root->epoch)
		return err_set(e, R_JUMP, "it is of epoch %llu, and trust root %llu says %llu", (unsigned long long)a->epoch,
			       (unsigned long long)root->version, (unsigned long long)root->epoch);
	return 0;
}

int bundle_list(const struct bundle *b, const struct trust_chain *chain, int64_t now, struct approvals **out, struct err *e)
{
	const struct trust *root = trust_chain_newest(chain);
	struct approvals *a;

	*out = NULL;
	if (!b->manifest->has_approvals)
		return 0;
	a = unseal_list(b->list.data, b->list.len, &b->list_signatures, root, e);
	if (a != NULL && judge_list(b, a, root, e) == 0 && approvals_check_time(a, now, e) == 0) {
		*out = a;
		return 0;
	}
	err_prefix(e, "%s/%s", b->name, NAMES_APPROVALS);
	if (e->reason == R_EXPIRED)
		*out = a;
	else
		approvals_free(a);
	return -1;
}

/*
 * What pack finds of its own. reservation | SEALED | shipment.
 * Refuses a bundle that is not the one which was asked for, or of which anything is missing or differs.
 */
#include "export/sealed.h"

#include <string.h>

#include "export/medium.h"
#include "export/readback.h"
#include "export/station.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/num.h"
#include "lib/outfile.h"
#include "lib/progress.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"
#include "manifests/volume.h"

#include "lib/banned.h"

/* ---- whether it is sealed ---- */

/* Only signatures that are good, of exporters; how many. */
static size_t keep_good(const struct station *st, const struct buf *b, struct signatures *sigs)
{
	struct digest who[MAX_KEYS];
	size_t n = trust_count(trust_chain_newest(&st->chain), ROLE_EXPORTER, b->data, b->len, sigs, who), kept = 0;

	for (size_t i = 0; i < sigs->n; i++)
		for (size_t k = 0; k < n; k++)
			if (digest_equal(&sigs->list[i].key, &who[k])) {
				sigs->list[kept++] = sigs->list[i];
				break;
			}
	sigs->n = kept;
	return n;
}

/* 1 with the manifest's bytes and its good signatures; 0 where it is not sealed; -1. */
static int load(const struct station *st, const struct medium *there, struct buf *b, struct signatures *sigs, struct err *e)
{
	struct err why = {0};

	if (file_read_all_at(&there->bundle, NAMES_MANIFEST, MAX_MANIFEST_SIZE, b, &why) == -1) {
		if (why.reason == ERR_MISSING || why.reason == ERR_TOO_LARGE || why.reason == ERR_FILE_TYPE)
			return 0;
		*e = why;
		return -1;
	}
	if (signatures_collect(sigs, trust_chain_newest(&st->chain), ROLE_EXPORTER, NAMES_MANIFEST, station_signature,
			       (void *)(uintptr_t)&there->bundle, e) == -1)
		return -1;
	return keep_good(st, b, sigs) > 0 ? 1 : 0;
}

int sealed_is(const struct station *s, const struct medium *m, const char *bundle, struct err *e)
{
	struct medium there = MEDIUM_CLOSED;
	struct signatures sigs = {0};
	struct buf b = {0};
	int rc = -1;

	if (medium_enter(m, bundle, &there, e) == 0)
		rc = load(s, &there, &b, &sigs, e);
	if (rc == -1 && e->reason == ERR_IO)
		err_hint(e, "whether it is a bundle can't be told; use another medium");
	medium_close(&there);
	signatures_free(&sigs);
	buf_free(&b);
	return rc;
}

/* ---- whether it is whole ---- */

static bool is_wanted(const struct manifest *m, const struct manifest *w)
{
	if (m->sequence != w->sequence || m->created != w->created || strcmp(m->stream, w->stream) != 0 ||
	    m->objects.count != w->objects.count || m->objects.bytes != w->objects.bytes ||
	    !digest_equal(&m->trust.sha256, &w->trust.sha256) || m->has_approvals != w->has_approvals ||
	    (w->has_approvals && !digest_equal(&m->approvals.sha256, &w->approvals.sha256)) ||
	    m->destinations_n != w->destinations_n)
		return false;
	for (size_t i = 0; i < w->destinations_n; i++)
		if (strcmp(m->destinations[i], w->destinations[i]) != 0)
			return false;
	return true;
}

/* What it takes, counted as when it is written. */
static int check_limit(const struct sealed *s, const struct medium *there, struct err *e)
{
	uint64_t takes = medium_takes(there, 0, 0) + medium_file_takes(there, s->manifest->bytes.len);
	char size[24], limit[24];

	for (size_t i = 0; i < s->manifest->files_n; i++)
		takes += medium_file_takes(there, s->manifest->files[i].size);
	for (size_t i = 0; i < s->signatures.n; i++)
		takes += medium_file_takes(there, s->signatures.list[i].len);
	if (there->limit == 0 || takes <= there->limit)
		return 0;
	err_set(e, ERR_NO_SPACE, "%s: is whole, and takes %s, more than %s", there->bundle.name, num_format_size(takes, size),
		num_format_size(there->limit, limit));
	return err_hint(e, "give a larger --medium-size to have it in the station's books");
}

/* A small file as the manifest has it, from the device. */
static int read_file(const struct medium *there, const struct manifest_file *f, struct buf *out, struct err *why)
{
	struct file file = FILE_CLOSED;
	struct digest d;
	int rc = medium_reopen(there, f->name, &file, why);

	if (rc == 0)
		rc = file_read_all(&file, (size_t)f->size, out, why);
	if (rc == 0)
		rc = digest_of(out->data, out->len, &d, why);
	if (rc == 0 && (out->len != f->size || !digest_equal(&d, &f->sha256)))
		rc = err_set(why, R_FILE_DIGEST, "%s: another digest than the manifest says", file.name);
	file_close(&file);
	return rc;
}

static int count(void *arg, uint64_t n, struct err *e)
{
	(void)arg;
	(void)e;
	progress_add(n);
	return 0;
}

/* The n-th volume by its index, of which a copy is made. 0, 1 with why, -1. */
static int take_volume(const struct sealed *s, const struct medium *there, uint64_t n, struct err *why, struct err *e)
{
	char name[32];
	const struct manifest_file *volume = manifest_find(s->manifest, names_volume(n, name));
	const struct manifest_file *index = manifest_find(s->manifest, names_volume_index(n, name));
	struct volume *v = NULL;
	struct buf b = {0};
	int rc = 1;

	if (read_file(there, index, &b, why) == -1 || (v = volume_parse(b.data, b.len, why)) == NULL)
		goto out;
	if (volume_file_size(v) != volume->size)
		err_set(why, R_FILE_DIGEST, "%s: frames of another size than the manifest says", name);
	else if (readback_volume(there, v, &b, count, NULL, why) == 0)
		rc = outfile_put(s->copies, name, 0644, b.data, b.len, e);
out:
	volume_free(v);
	buf_free(&b);
	return rc;
}

static int take_files(struct sealed *s, const struct medium *there, struct err *why, struct err *e)
{
	const struct manifest *m = s->manifest;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < m->files_n; i++) {
		struct buf b = {0};

		if (strncmp(m->files[i].name, "vol-", 4) != 0)
			rc = read_file(there, &m->files[i], &b, why) == 0 ? 0 : 1;
		buf_free(&b);
	}
	for (uint64_t n = 1; rc == 0 && n <= m->volumes; n++)
		rc = take_volume(s, there, n, why, e);
	return rc;
}

int sealed_take(struct sealed *s, const struct medium *there, struct err *why, struct err *e)
{
	struct buf b = {0};
	char name[32];
	int rc = load(s->station, there, &b, &s->signatures, why);

	if (rc == 1)
		s->manifest = manifest_parse(b.data, b.len, why);
	else if (rc == 0)
		err_set(why, R_SIGNATURE_MISSING, NAMES_MANIFEST ": is not signed any more");
	buf_free(&b);
	rc = 1;
	if (s->manifest != NULL && !is_wanted(s->manifest, s->wanted))
		err_set(why, R_READ_BACK, NAMES_MANIFEST ": is that of another bundle");
	else if (s->manifest != NULL && (rc = check_limit(s, there, e)) == 0) {
		for (uint64_t n = 1; n <= s->manifest->volumes; n++)
			s->stored += manifest_find(s->manifest, names_volume(n, name))->size;
		progress_phase("reading back", s->stored, 1);
		rc = take_files(s, there, why, e);
		progress_end();
	}
	if (rc == 1 && why->reason == ERR_MEMORY)
		rc = err_mem(e);
	return rc;
}

void sealed_free(struct sealed *s)
{
	manifest_free(s->manifest);
	s->manifest = NULL;
	signatures_free(&s->signatures);
}

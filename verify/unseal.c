/*
 * UNSEAL: the one place where bytes of a medium become a `struct bundle` (verify/unseal.h). Trust roots first, then the
 * manifest's signatures over its raw bytes, and only then its meaning; what it names is compared before anything else
 * is done with it. Refuses everything that is not signed by the threshold, not of this name, or not as the manifest says.
 */
#include "verify/unseal.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/num.h"
#include "manifests/limits.h"
#include "manifests/reason.h"
#include "verify/reader.h"
#include "verify/seen.h"

#include "lib/banned.h"

/* ---- find ---- */

struct finding {
	const char *stream;
	struct found *found;
	size_t room;
};

static int take_name(void *arg, const char *name, bool is_dir, struct err *e)
{
	struct finding *f = arg;
	char stream[MAX_NAME_LEN + 1];
	uint64_t sequence;

	if (!is_dir || names_bundle_parse(name, stream, &sequence) == -1)
		return 0;
	if (f->stream != NULL && strcmp(f->stream, stream) != 0)
		return 0;
	if (f->found->n == f->room) {
		void *more = realloc(f->found->names, (f->room * 2 + 16) * sizeof *f->found->names);

		if (more == NULL)
			return err_mem(e);
		f->found->names = more;
		f->room = f->room * 2 + 16;
	}
	memcpy(f->found->names[f->found->n++], name, strlen(name) + 1);
	return 0;
}

static int by_sequence(const void *a, const void *b)
{
	char stream_a[MAX_NAME_LEN + 1], stream_b[MAX_NAME_LEN + 1];
	uint64_t n_a = 0, n_b = 0;
	int c;

	names_bundle_parse(a, stream_a, &n_a);
	names_bundle_parse(b, stream_b, &n_b);
	c = strcmp(stream_a, stream_b);
	return c != 0 ? c : (n_a > n_b) - (n_a < n_b);
}

int unseal_find(struct reader *r, const char *stream, struct found *out, struct err *e)
{
	struct finding f = {.stream = stream, .found = out};

	*out = (struct found){0};
	if (reader_names(r, NULL, take_name, &f, e) == -1) {
		unseal_found_free(out);
		return err_prefix(e, "%s/%s", reader_medium(r), NAMES_MEDIUM_DIR);
	}
	if (out->n > 0)
		qsort(out->names, out->n, sizeof *out->names, by_sequence);
	return 0;
}

void unseal_found_free(struct found *f)
{
	free(f->names);
	*f = (struct found){0};
}

/* ---- trust ---- */

static int interrupted(const struct seen *seen, struct err *e)
{
	return err_set(e, R_BUNDLE_INTERRUPTED, "%s: it has no %s: packing was interrupted", seen->bundle, NAMES_MANIFEST);
}

/* 0, or -1: without a manifest the bundle was never finished, and trust roots beside it may be half written. Nothing is read. */
static int check_finished(const struct seen *seen, struct err *e)
{
	struct err why = {0};
	struct buf none = {0};
	int rc = reader_file(seen->reader, seen->bundle, NAMES_MANIFEST, 0, &none, &why);

	buf_free(&none);
	return rc == 1 ? interrupted(seen, e) : 0;	/* any other fault of it waits until good roots are in */
}

int unseal_roots(struct seen *seen, struct trust_chain *chain, uint64_t trust_max, struct err *e)
{
	struct buf bytes = {0};
	char name[32];
	int rc;

	if (trust_chain_newest(chain) == NULL || strlen(seen->bundle) >= NAMES_BUNDLE_LEN)
		return err_set(e, ERR_INTERNAL, "unseal: no trust root, or no name of a bundle");
	rc = check_finished(seen, e);
	while (rc == 0) {
		uint64_t version = trust_chain_newest(chain)->version + 1;

		if (trust_max != 0 && version > trust_max)
			break;
		buf_clear(&bytes);
		rc = seen_read(seen, names_trust(version, name), MAX_TRUST_SIZE, &bytes, e);
		if (rc == -1 && e->reason == ERR_TOO_LARGE)
			e->reason = R_DOCUMENT_TOO_LARGE;
		if (rc == 0 && trust_chain_extend(chain, bytes.data, bytes.len, seen_signature, seen, e) == -1)
			rc = err_prefix(e, "%s", seen->bundle);
	}
	buf_free(&bytes);
	return rc == -1 ? -1 : 0;
}

/* The roots that the manifest names must be ours, as far as we have them. */
static int compare_chain(const struct manifest *m, const struct trust_chain *chain, struct err *e)
{
	char name[32];

	for (size_t i = 0; i < chain->n; i++) {
		const struct trust *ours = chain->roots[i];
		const struct manifest_file *f = manifest_find(m, names_trust(ours->version, name));

		if (f != NULL && !digest_equal(&f->sha256, &ours->digest))
			return err_set(e, R_TRUST_CHAIN, "%s is not the trust root of that version that is known here", name);
		if (ours->version == m->trust.version && !digest_equal(&m->trust.sha256, &ours->digest))
			return err_set(e, R_TRUST_CHAIN, "trust root %llu is not the one that is known here",
				       (unsigned long long)ours->version);
	}
	return 0;
}

/* ---- manifest ---- */

static int check_name(const struct manifest *m, const char *name, struct err *e)
{
	char is[NAMES_BUNDLE_LEN];

	if (strcmp(names_bundle(m->stream, m->sequence, is), name) != 0)
		return err_set(e, R_NAME, "it is the manifest of %s", is);
	return 0;
}

static int check_created(const struct manifest *m, int64_t now, struct err *e)
{
	char when[32], today[32];

	if (m->created - now <= MAX_CLOCK_AHEAD)
		return 0;
	err_set(e, R_CLOCK, "it was created in the future, at %s", num_format_time(m->created, when));
	return err_hint(e, "judged at %s: is the clock right, here and where it was made?", num_format_time(now, today));
}

struct strangers {
	const struct trust *root;
	bool found;
};

/* By its name alone, which anybody may have given it: this is for a hint. */
static int look_for_stranger(void *arg, const char *name, bool is_dir, struct err *e)
{
	struct strangers *s = arg;
	const struct trust_role *role = &s->root->roles.role[ROLE_EXPORTER];
	const size_t head = strlen(NAMES_MANIFEST "."), tail = strlen(".sig"), len = strlen(name);
	char known[NAMES_SIGNATURE_LEN];

	(void)e;
	if (is_dir || len != head + NAMES_PREFIX + tail || strncmp(name, NAMES_MANIFEST ".", head) != 0 ||
	    strspn(name + head, "0123456789abcdef") != NAMES_PREFIX || strcmp(name + len - tail, ".sig") != 0)
		return 0;
	for (size_t i = 0; i < role->keys_n; i++)
		if (strcmp(names_signature(NAMES_MANIFEST, &role->keys[i], known), name) == 0)
			return 0;
	s->found = true;
	return 0;
}

/* No exporter's signature is there: it was never written, or the manifest is signed by somebody else. */
static void explain_missing(const struct seen *seen, const struct trust *root, struct err *e)
{
	struct strangers s = {.root = root};
	struct err why = {0};

	if (reader_names(seen->reader, seen->bundle, look_for_stranger, &s, &why) != 0)
		return;	/* the refusal stands without a hint */
	if (s.found)
		err_hint(e, "the signatures beside it are by keys that are no exporter's in trust root %llu: it is of another site, of a "
			 "root not known here yet, or of a key that was removed", (unsigned long long)root->version);
	else
		err_hint(e, "packing may have been interrupted: run pack again");
}

/* Whether a manifest that the newest root refuses was taken for good before, as its digest says: 1, 0, -1. */
static int is_known(const struct unseal *u, int refusal, struct err *e)
{
	const struct seen_file *f = seen_find(u->seen, NAMES_MANIFEST);

	if (u->known == NULL || f == NULL || (refusal != R_SIGNATURE_MISSING && refusal != R_SIGNATURE_THRESHOLD))
		return 0;
	return u->known(u->arg, &f->sha256, e);
}

/* The manifest's signatures over its raw bytes: 0; 1 where they do not do, as *e says, but it is known; -1. */
static int judge_signatures(const struct unseal *u, const struct buf *bytes, struct err *e)
{
	const struct trust *root = trust_chain_newest(u->chain);
	struct signatures found = {0};
	struct err why = {0};
	int rc = signatures_collect(&found, root, ROLE_EXPORTER, NAMES_MANIFEST, seen_signature, u->seen, e);

	if (rc == 0 && trust_require(root, ROLE_EXPORTER, bytes->data, bytes->len, &found, e) == -1) {
		if (e->reason == R_SIGNATURE_MISSING)
			explain_missing(u->seen, root, e);
		err_prefix(e, "%s/%s", u->seen->bundle, NAMES_MANIFEST);
		rc = is_known(u, e->reason, &why);
		if (rc == -1)
			*e = why;
		rc = rc == 1 ? 1 : -1;
	}
	signatures_free(&found);
	return rc;
}

static struct manifest *open_manifest(const struct unseal *u, const struct buf *bytes, struct err *e)
{
	struct manifest *m = manifest_parse(bytes->data, bytes->len, e);

	if (m != NULL && (check_name(m, u->seen->bundle, e) == -1 || check_created(m, u->now, e) == -1 ||
			  compare_chain(m, u->chain, e) == -1)) {
		manifest_free(m);
		m = NULL;
	}
	if (m == NULL)
		err_prefix(e, "%s/%s", u->seen->bundle, NAMES_MANIFEST);
	return m;
}

/* ---- files ---- */

static int compare_file(const struct manifest_file *f, uint64_t size, const struct digest *d, struct err *e)
{
	if (size != f->size)
		return err_set(e, R_FILE_SIZE, "it has %llu bytes, the manifest says %llu", (unsigned long long)size,
			       (unsigned long long)f->size);
	if (!digest_equal(d, &f->sha256))
		return err_set(e, R_FILE_DIGEST, "its digest is not the one in the manifest");
	return 0;
}

/* Reads a file of the manifest (appended to out) and compares. wanted: its bytes are, though it was read before. */
static int check_file(struct seen *seen, const struct manifest_file *f, struct buf *out, bool wanted, struct err *e)
{
	const struct seen_file *known = seen_find(seen, f->name);
	int rc;

	if (known == NULL || wanted) {
		if (buf_reserve(out, f->size) == -1)
			return err_mem(e);
		rc = seen_read(seen, f->name, f->size, out, e);
		if (rc == -1 && e->reason == ERR_TOO_LARGE)
			e->reason = R_FILE_SIZE;
		if (rc == -1)
			return -1;
		if (rc == 1)
			err_set(e, R_FILE_MISSING, "it is not there");
		known = seen_find(seen, f->name);
	}
	if (known == NULL || compare_file(f, known->size, &known->sha256, e) == -1)
		return err_prefix(e, "%s/%s", seen->bundle, f->name);
	return 0;
}

static int take_indexes(const struct unseal *u, struct bundle *b, struct seen *seen, struct err *e)
{
	struct buf bytes = {0};
	char name[32];
	int rc = 0;

	for (uint64_t n = 1; rc == 0 && n <= b->manifest->volumes; n++) {
		buf_clear(&bytes);
		rc = check_file(seen, manifest_find(b->manifest, names_volume_index(n, name)), &bytes, true, e);
		if (rc == 0)
			rc = spool_keep(&b->spool, &bytes, &b->indexes[n - 1], e);
		if (rc == 0 && n == 1 && !u->look_ahead)	/* parsed while the others come */
			rc = bundle_begin_volume(b, n, e);
	}
	buf_free(&bytes);
	return rc;
}

/* All files but the volumes and VERIFY.txt; approvals.yaml and the indexes are kept. */
static int take_files(const struct unseal *u, struct bundle *b, struct seen *seen, struct err *e)
{
	struct buf bytes = {0};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < b->manifest->files_n; i++) {
		const struct manifest_file *f = &b->manifest->files[i];
		bool is_list = strcmp(f->name, NAMES_APPROVALS) == 0;

		if (strncmp(f->name, "vol-", 4) == 0 || strcmp(f->name, NAMES_VERIFY) == 0)
			continue;
		buf_clear(&bytes);
		rc = check_file(seen, f, is_list ? &b->list : &bytes, is_list, e);
	}
	buf_free(&bytes);
	return rc == 0 ? take_indexes(u, b, seen, e) : -1;
}

static int check_newest(const struct unseal *u, const struct bundle *b, struct err *e)
{
	uint64_t ours = trust_chain_newest(u->chain)->version, its = b->manifest->trust.version;

	if (its <= ours || (u->trust_max != 0 && its > u->trust_max))
		return 0;
	return err_set(e, R_TRUST_CHAIN, "%s: it was made under trust root %llu, and the chain ends at %llu", b->name,
		       (unsigned long long)its, (unsigned long long)ours);
}

/* ---- bundles ---- */

static struct bundle *make(const struct unseal *u, struct manifest *m, struct err *e)
{
	struct bundle *b = calloc(1, sizeof *b);

	if (b == NULL) {
		manifest_free(m);
		err_mem(e);
		return NULL;
	}
	memcpy(b->name, u->seen->bundle, strlen(u->seen->bundle) + 1);
	b->reader = u->seen->reader;
	b->manifest = m;
	spool_open(&b->spool, u->spool_dir);
	b->indexes = calloc(m->volumes + 1, sizeof *b->indexes);
	if (b->indexes == NULL) {
		bundle_free(b);
		err_mem(e);
		return NULL;
	}
	return b;
}

struct listed {			/* signatures of the list count only where the manifest names them (FORMAT 7.8) */
	struct seen *seen;
	const struct manifest *manifest;
};

static int listed_signature(void *arg, const char *name, struct buf *out, struct err *e)
{
	struct listed *l = arg;

	return manifest_find(l->manifest, name) == NULL ? 1 : seen_signature(l->seen, name, out, e);
}

static int open_bundle(const struct unseal *u, const struct buf *bytes, struct bundle **out, struct err *e)
{
	struct manifest *m = open_manifest(u, bytes, e);
	struct bundle *b = m == NULL ? NULL : make(u, m, e);
	struct listed listed = {u->seen, m};

	if (b == NULL)
		return -1;
	if (take_files(u, b, u->seen, e) == -1 || check_newest(u, b, e) == -1 ||
	    (m->has_approvals && signatures_collect(&b->list_signatures, trust_chain_newest(u->chain), ROLE_APPROVER,
						    NAMES_APPROVALS, listed_signature, &listed, e) == -1)) {
		bundle_free(b);
		return -1;
	}
	*out = b;
	return 0;
}

/* Of a bundle that the newest root refuses, as *e says; whatever else is wrong with it, that stands. */
static int open_known(const struct unseal *u, const struct buf *bytes, struct bundle **out, struct err *e)
{
	struct err why = {0};

	if (open_bundle(u, bytes, out, &why) == 0)
		return 1;
	if (why.reason == ERR_MEMORY)
		*e = why;
	return -1;
}

int unseal(const struct unseal *u, struct bundle **out, struct err *e)
{
	struct buf bytes = {0};
	int rc;

	*out = NULL;
	if (trust_chain_newest(u->chain) == NULL || strlen(u->seen->bundle) >= NAMES_BUNDLE_LEN)
		return err_set(e, ERR_INTERNAL, "unseal: no trust root, or no name of a bundle");
	rc = seen_read(u->seen, NAMES_MANIFEST, MAX_MANIFEST_SIZE, &bytes, e);
	if (rc == 1)
		rc = interrupted(u->seen, e);
	else if (rc == -1 && e->reason == ERR_TOO_LARGE)
		e->reason = R_DOCUMENT_TOO_LARGE;
	if (rc == 0 && trust_chain_check_time(u->chain, u->now, e) == -1)
		rc = err_prefix(e, "%s", u->seen->bundle);
	if (rc == 0)
		rc = judge_signatures(u, &bytes, e);
	if (rc != -1)
		rc = rc == 1 ? open_known(u, &bytes, out, e) : open_bundle(u, &bytes, out, e);
	buf_free(&bytes);
	return rc;
}

struct approvals *unseal_list(const void *data, size_t len, const struct signatures *s, const struct trust *root, struct err *e)
{
	if (trust_require(root, ROLE_APPROVER, data, len, s, e) == -1)
		return NULL;
	return approvals_parse(data, len, e);
}

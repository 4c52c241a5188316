/*
 * Files that import never opens (verify/audit_files.h). Reports a wrong VERIFY.txt, volumes whose own digest differs, and
 * every name that nothing signed accounts for.
 */
#include "verify/audit_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "lib/progress.h"
#include "manifests/limits.h"
#include "manifests/reason.h"
#include "verify/bundle.h"
#include "verify/reader.h"
#include "verify/report.h"
#include "verify/seen.h"

#include "lib/banned.h"

/* Errors that concern one file become findings; others end the audit. */
static int settle(struct report *r, const char *place, const char *name, struct err *cause, struct err *e)
{
	if (report_is_fatal(cause) || cause->reason == R_READER || cause->reason == R_MEDIUM_TIMEOUT)
		return err_set(e, cause->reason, "%s/%s: %s", place, name, cause->text);
	err_prefix(cause, "%s", name);
	report_err(r, place, cause);
	return 0;
}

struct hashed {
	struct digest_ctx *ctx;
	uint64_t size;
};

static int hash(void *arg, const void *data, size_t len, struct err *e)
{
	struct hashed *h = arg;

	(void)e;
	digest_update(h->ctx, data, len);
	h->size += len;
	progress_add(len);
	return 0;
}

/* Compares a whole file with the manifest. */
static int compare(const struct bundle *b, const struct manifest_file *f, struct digest_ctx *ctx, struct err *e)
{
	struct hashed h = {.ctx = ctx};
	struct digest d;
	int rc = reader_stream(b->reader, b->name, f->name, f->size, hash, &h, e);

	if (rc == -1 && e->reason == ERR_TOO_LARGE)
		e->reason = R_FILE_SIZE;
	if (rc == 1)
		rc = err_set(e, R_FILE_MISSING, "it is not there");
	if (digest_final(ctx, &d, e) == -1 || rc == -1)
		return -1;
	if (h.size != f->size)
		return err_set(e, R_FILE_SIZE, "it has %llu bytes, the manifest says %llu", (unsigned long long)h.size,
			       (unsigned long long)f->size);
	if (!digest_equal(&d, &f->sha256))
		return err_set(e, R_FILE_DIGEST, "its digest is not the one in the manifest");
	return 0;
}

/* differs: the reason for another digest. */
static int compare_named(const struct bundle *b, const char *name, int differs, struct report *r, const char *place,
			 struct err *e)
{
	const struct manifest_file *f = manifest_find(b->manifest, name);
	struct err cause = {0};
	struct digest_ctx *ctx;
	int rc;

	if (f == NULL)
		return 0;
	if (!f->has_sha256) {
		report_note(r, place, "%s: the manifest has no digest of it", name);
		return 0;
	}
	ctx = digest_open(e);
	if (ctx == NULL)
		return -1;
	rc = compare(b, f, ctx, &cause);
	digest_close(ctx);
	if (cause.reason == R_FILE_DIGEST)
		cause.reason = differs;
	return rc == -1 ? settle(r, place, name, &cause, e) : 0;
}

int audit_files_verify_txt(const struct bundle *b, struct report *r, const char *place, struct err *e)
{
	return compare_named(b, NAMES_VERIFY, R_FILE_DIGEST, r, place, e);
}

int audit_files_volumes(const struct bundle *b, bool damaged, struct report *r, const char *place, struct err *e)
{
	char name[32];

	for (uint64_t n = 1; n <= b->manifest->volumes; n++)
		if (compare_named(b, names_volume(n, name), damaged ? R_FRAME_DIGEST : R_FILE_DIGEST, r, place, e) == -1)
			return -1;
	return 0;
}

/* ---- extras ---- */

struct names {
	char (*list)[256];
	size_t n, room;
};

static int keep_name(void *arg, const char *name, bool is_dir, struct err *e)
{
	struct names *k = arg;

	(void)is_dir;
	if (k->n == k->room) {
		void *more = realloc(k->list, (k->room * 2 + 64) * sizeof *k->list);

		if (more == NULL)
			return err_mem(e);
		k->list = more;
		k->room = k->room * 2 + 64;
	}
	snprintf(k->list[k->n++], sizeof *k->list, "%s", name);
	return 0;
}

/* The exporter whose signature of the manifest would bear this name: the only files that may be added later. */
static const struct trust_key *signer(const struct trust *root, const char *name)
{
	char expected[NAMES_SIGNATURE_LEN];

	for (size_t i = 0; root != NULL && i < root->roles.role[ROLE_EXPORTER].keys_n; i++) {
		const struct digest *id = &root->roles.role[ROLE_EXPORTER].keys[i];

		if (strcmp(names_signature(NAMES_MANIFEST, id, expected), name) == 0)
			return trust_find(root, id);
	}
	return NULL;
}

static int good_signature(const struct bundle *b, struct seen *seen, const struct trust *root, const char *name, bool *good,
			  struct err *e)
{
	const struct trust_key *key = signer(root, name);
	const struct buf *bytes = &b->manifest->bytes;
	struct buf sig = {0};
	int rc = 0;

	*good = false;
	if (key != NULL)
		rc = seen_signature(seen, name, &sig, e);
	if (key != NULL && rc == 0)
		*good = pubkey_verify(key->key, bytes->data, bytes->len, sig.data, sig.len);
	if (rc == -1 && e->reason == R_FILE_TYPE) {
		err_clear(e);
		rc = 0;
	}
	buf_free(&sig);
	return rc == -1 ? -1 : 0;
}

static int judge_names(const struct bundle *b, struct seen *seen, const struct trust_chain *chain, const struct names *k, struct report *r,
		       const char *place, struct err *e)
{
	for (size_t i = 0; i < k->n; i++) {
		const char *name = k->list[i];
		struct err cause = {0};
		bool good;

		if (strcmp(name, NAMES_MANIFEST) == 0 || manifest_find(b->manifest, name) != NULL)
			continue;
		if (good_signature(b, seen, trust_chain_newest(chain), name, &good, &cause) == -1) {
			if (settle(r, place, name, &cause, e) == -1)
				return -1;
		} else if (!good) {
			report_finding(r, R_FILE_EXTRA, place, "%s: the manifest doesn't name it, and it is no good signature of it",
				       name);
		}
	}
	return 0;
}

int audit_files_extra(const struct bundle *b, struct seen *seen, const struct trust_chain *chain, struct report *r,
		      const char *place, struct err *e)
{
	struct names k = {0};
	struct err cause = {0};
	int rc = reader_names(b->reader, b->name, keep_name, &k, &cause);

	if (rc == -1)
		rc = settle(r, place, ".", &cause, e);
	else
		rc = judge_names(b, seen, chain, &k, r, place, e);
	free(k.list);
	return rc;
}

struct looking {
	struct report *report;
	const char *medium;
};

static int judge_top(void *arg, const char *name, bool is_dir, struct err *e)
{
	const struct looking *l = arg;
	char stream[MAX_NAME_LEN + 1];
	uint64_t sequence;

	(void)e;
	if (is_dir && (strcmp(name, "receipts") == 0 || names_bundle_parse(name, stream, &sequence) == 0))
		return 0;
	report_finding(l->report, R_FILE_EXTRA, l->medium, "%s/%s: neither a bundle nor receipts", NAMES_MEDIUM_DIR, name);
	return 0;
}

int audit_files_medium(struct reader *reader, struct report *r, struct err *e)
{
	struct looking l = {r, reader_medium(reader)};

	return reader_names(reader, NULL, judge_top, &l, e) == -1 ? -1 : 0;
}

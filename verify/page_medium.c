/*
 * A medium on a page (verify/page.h): its bundles, what they name, and whether their signatures hold. Read through the caged
 * reader as in an import. With --trust by unseal, else with UNVERIFIED in front of everything; no volume is opened.
 */
#include "verify/page.h"

#include <string.h>
#include <unistd.h>

#include "lib/digest.h"
#include "lib/err.h"
#include "lib/num.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"
#include "verify/gather.h"
#include "verify/reader.h"
#include "verify/report.h"
#include "verify/seen.h"
#include "verify/terms.h"
#include "verify/unseal.h"

#include "lib/banned.h"

struct telling {
	struct page *page;
	const struct terms *terms;
	struct trust_chain chain;	/* empty: no --trust; else with the roots of all bundles */
	struct gather gather;		/* of one medium, */
	struct reader *reader;		/* and its reader */
};

/* ---- what a bundle names ---- */

static void put_files(struct page *p, const struct manifest *m)
{
	char hex[DIGEST_HEX + 1];

	page_table(p, "file|bytes|SHA-256");
	for (size_t i = 0; i < m->files_n; i++) {
		page_row(p);
		page_cell(p, "%s", m->files[i].name);
		page_cell(p, "%llu", (unsigned long long)m->files[i].size);
		page_cell(p, "%s", m->files[i].has_sha256 ? digest_hex(&m->files[i].sha256, hex) : "none; its frames have");
	}
	page_table_end(p, m->files_n);
}

static void put_manifest(struct page *p, const struct manifest *m)
{
	char size[24], when[32], hex[DIGEST_HEX + 1];

	page_line(p, "Bundle %llu of stream %s, created %s under trust root %llu: %s, %s, in %s.",
		  (unsigned long long)m->sequence, m->stream, num_format_time(m->created, when),
		  (unsigned long long)m->trust.version, num_of(m->objects.count, "object"),
		  num_format_size(m->objects.bytes, size), num_of(m->volumes, "volume"));
	page_line(p, "Manifest: SHA-256 %s", digest_hex(&m->digest, hex));
	if (m->destinations_n == 0)
		page_line(p, "For any store that follows the stream.");
	for (size_t i = 0; i < m->destinations_n; i++)
		page_line(p, "For: %s", m->destinations[i]);
	if (m->has_approvals)
		page_line(p, "It brings list %llu of epoch %llu, SHA-256 %s.", (unsigned long long)m->approvals.revision,
			  (unsigned long long)m->approvals.epoch, digest_hex(&m->approvals.sha256, hex));
	else
		page_line(p, "It brings no list.");
	put_files(p, m);
}

/* ---- bundles ---- */

static bool ends_all(const struct err *why)
{
	return report_is_fatal(why) || why->reason == R_READER || why->reason == R_MEDIUM_TIMEOUT;
}

static int fault(struct telling *t, struct err *why, struct err *e)
{
	if (ends_all(why))
		return err_set(e, why->reason, "%s", why->text);
	return page_fault_of(t->page, why, e);
}

/* The list as it lies there, which nothing proves. */
static int read_list(struct seen *seen, const struct manifest *m, struct page *p, struct err *why)
{
	struct approvals *a = NULL;
	struct buf bytes = {0};
	int rc = seen_read(seen, NAMES_APPROVALS, MAX_APPROVALS_SIZE, &bytes, why);

	if (rc == 1)
		rc = err_set(why, R_FILE_MISSING, "%s/%s: it is not there", seen->bundle, NAMES_APPROVALS);
	else if (rc == 0 && !digest_equal(&seen_find(seen, NAMES_APPROVALS)->sha256, &m->approvals.sha256))
		rc = err_set(why, R_FILE_DIGEST, "%s/%s: its digest is not the one in the manifest", seen->bundle, NAMES_APPROVALS);
	if (rc == 0 && (a = approvals_parse(bytes.data, bytes.len, why)) == NULL)
		rc = err_prefix(why, "%s/%s", seen->bundle, NAMES_APPROVALS);
	if (rc == 0)
		page_decisions(p, a);
	approvals_free(a);
	buf_free(&bytes);
	return rc;
}

static int tell_unverified(struct telling *t, const char *name, struct err *e)
{
	struct seen seen = {.reader = t->reader, .bundle = name};
	struct manifest *m = NULL;
	struct buf bytes = {0};
	struct err why = {0};
	int rc = seen_read(&seen, NAMES_MANIFEST, MAX_MANIFEST_SIZE, &bytes, &why);

	page_warn(t->page, "UNVERIFIED: %s. Whoever had the medium can have written what follows.",
		  t->chain.n == 0 ? "no --trust was given" : "the signatures don't hold");
	if (rc == 1)
		rc = err_set(&why, R_BUNDLE_INTERRUPTED, "%s: it has no %s: packing was interrupted", name, NAMES_MANIFEST);
	if (rc == 0 && (m = manifest_parse(bytes.data, bytes.len, &why)) == NULL)
		rc = err_prefix(&why, "%s/%s", name, NAMES_MANIFEST);
	if (rc == 0) {
		put_manifest(t->page, m);
		rc = m->has_approvals ? read_list(&seen, m, t->page, &why) : 0;
	}
	if (rc == -1)
		rc = fault(t, &why, e);
	manifest_free(m);
	buf_free(&bytes);
	seen_free(&seen);
	return rc;
}

static int tell_verified(struct telling *t, const struct bundle *b, struct err *e)
{
	struct approvals *a = NULL;
	struct err why = {0};
	int rc = 0;

	page_line(t->page, "Verified: the manifest is signed by the exporters of trust root %llu, and all files but the volumes "
		  "are as it says.", (unsigned long long)trust_chain_newest(&t->chain)->version);
	put_manifest(t->page, b->manifest);
	if (bundle_list(b, &t->chain, t->terms->now, &a, &why) == -1)
		rc = fault(t, &why, e);
	else if (a != NULL)
		page_line(t->page, "Verified: the list is signed by the approvers of that root, and in force.");
	if (rc == 0 && a != NULL)
		page_decisions(t->page, a);
	approvals_free(a);
	return rc;
}

static int tell_bundle(struct telling *t, struct gathered *found, struct err *e)
{
	struct unseal u = {.chain = &t->chain, .now = t->terms->now, .trust_max = t->terms->trust_max};
	struct bundle *b = NULL;
	struct err why = {0};
	int rc;

	page_heading(t->page, "Bundle %s", found->name);
	if (t->chain.n == 0)
		return tell_unverified(t, found->name, e);
	if (gather_unseal(found, t->reader, &u, &b, &why) == -1) {
		bool interrupted = why.reason == R_BUNDLE_INTERRUPTED;

		rc = fault(t, &why, e);
		return rc == -1 || interrupted ? rc : tell_unverified(t, found->name, e);
	}
	rc = tell_verified(t, b, e);
	bundle_free(b);
	return rc;
}

/* ---- the medium ---- */

static int gather(struct telling *t, const char *path, struct err *e)
{
	t->gather.ask.jobs = 1;
	t->gather.chain = &t->chain;
	t->gather.trust_max = t->terms->trust_max;
	if (gather_medium(&t->gather, path, e) == -1 || gather_roots(&t->gather, e) == -1)
		return -1;
	t->reader = gather_reader(&t->gather, 0, e);
	return t->reader == NULL ? -1 : 0;
}

/* What --trust-version names must be there: nothing is good by a root that isn't. */
static void check_trust_version(const struct telling *t)
{
	uint64_t newest = t->chain.n == 0 ? 0 : trust_chain_newest(&t->chain)->version;

	if (t->chain.n > 0 && t->terms->trust_max > newest)
		page_fault(t->page, R_TRUST_CHAIN, "--trust-version: trust root %llu is not here, the chain ends at %llu",
			   (unsigned long long)t->terms->trust_max, (unsigned long long)newest);
}

static int tell_all(struct telling *t, struct err *e)
{
	struct gather_medium *m = &t->gather.media[0];
	int rc = 0;

	if (!reader_caged(t->reader))
		page_line(t->page, "The process that read it was not fully caged.");
	if (m->n == 0)
		page_fault(t->page, R_NO_BUNDLE, "no bundle in %s/%s%s", reader_medium(t->reader), NAMES_MEDIUM_DIR,
			   names_inside_medium(reader_medium(t->reader)) ? "; name the medium itself" : "");
	for (size_t i = 0; rc == 0 && i < m->n; i++) {
		rc = tell_bundle(t, &m->bundles[i], e);
		gather_end(&m->bundles[i]);
	}
	return rc;
}

int page_medium(struct page *p, const struct terms *terms, const char *path, const char *trust, struct err *e)
{
	struct telling t = {.page = p, .terms = terms};
	int rc = -1;

	if ((trust != NULL && terms_pin(terms, trust, &t.chain, e) == -1) || gather(&t, path, e) == -1)
		goto out;
	page_begin(p, "Medium", path, terms->now);
	if (trust == NULL)
		page_warn(p, "UNVERIFIED: no --trust was given, so no signature on this medium was judged.");
	page_line(p, "Read for this page: manifests, lists, trust roots and indexes. Volumes were not opened: "
		  "'satchel-verify bundle' does that.");
	check_trust_version(&t);
	rc = tell_all(&t, e);
	if (rc == 0 && t.chain.n > 0)
		page_trust(p, &t.chain, terms->now);
	if (rc == 0)
		page_end(p);
out:
	gather_free(&t.gather);
	trust_chain_free(&t.chain);
	return rc;
}

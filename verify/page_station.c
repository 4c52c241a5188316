/*
 * A station on a page (verify/page.h): its lists and who signed them, what the newest one decides, the receipts it holds, its
 * trust and its ledger. Drafts are not read: what counts is what was frozen and signed.
 */
#include "verify/page.h"

#include <string.h>

#include "lib/digest.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/num.h"
#include "manifests/approvals.h"
#include "manifests/limits.h"
#include "manifests/reason.h"
#include "verify/proof.h"
#include "verify/side.h"
#include "verify/signers.h"
#include "verify/state.h"
#include "verify/terms.h"

#include "lib/banned.h"

#define LISTS 50	/* the newest lists told of: a station keeps all it ever froze */

/* "42.yaml", "2-42.yaml" */
static bool is_list(const char *name, struct list_ref *out)
{
	size_t len = strlen(name);
	const char *dash = strchr(name, '-'), *number = dash == NULL ? name : dash + 1;
	char spelled[SIDE_LIST_NAME];

	*out = (struct list_ref){.epoch = 1};
	if (len < 6 || strcmp(name + len - 5, ".yaml") != 0 ||
	    (dash != NULL && num_parse(name, (size_t)(dash - name), 1, MAX_REVISION, &out->epoch) == -1) ||
	    num_parse(number, (size_t)(name + len - 5 - number), 1, MAX_REVISION, &out->revision) == -1)
		return false;
	return strcmp(side_list_name(out->epoch, out->revision, spelled), name) == 0;
}

static int newest_first(const void *a, const void *b)
{
	struct list_ref x, y;

	is_list(*(char *const *)a, &x);
	is_list(*(char *const *)b, &y);
	return -state_compare(&x, &y);
}

static bool is_any_list(const char *name)
{
	struct list_ref ref;

	return is_list(name, &ref);
}

/* ---- lists ---- */

struct telling {
	struct page *page;
	const struct proof *proof;
	struct approvals *newest;	/* with enough signatures, by the threshold of `root` */
	uint64_t root;
	int64_t now;
};

static struct approvals *load_list(const struct file *dir, const char *name, struct err *why)
{
	struct approvals *a = NULL;
	struct buf bytes = {0};
	struct list_ref ref;

	is_list(name, &ref);
	if (file_read_all_at(dir, name, MAX_APPROVALS_SIZE, &bytes, why) == 0)
		a = approvals_parse(bytes.data, bytes.len, why);
	if (a != NULL && (a->epoch != ref.epoch || a->revision != ref.revision)) {
		err_set(why, R_STATION_DAMAGED, "it is list %llu of epoch %llu", (unsigned long long)a->revision,
			(unsigned long long)a->epoch);
		approvals_free(a);
		a = NULL;
	}
	if (a == NULL)
		err_prefix(why, "lists/%s", name);
	buf_free(&bytes);
	return a;
}

static int tell_list(struct telling *t, const struct file *dir, const char *name, struct err *why)
{
	struct approvals *a = load_list(dir, name, why);
	char from[32], to[32], hex[DIGEST_HEX + 1];
	struct buf signers = {0};
	uint64_t root = 0;

	if (a == NULL)
		return -1;
	if (signers_name(&t->proof->chain, dir, name, a, &signers, &root, why) == 0) {
		page_row(t->page);
		page_cell(t->page, "%llu", (unsigned long long)a->epoch);
		page_cell(t->page, "%llu", (unsigned long long)a->revision);
		if (root != 0)
			page_cell(t->page, "signed, by root %llu", (unsigned long long)root);
		else
			page_cell(t->page, "below its threshold");
		page_cell(t->page, "%s", (const char *)signers.data);
		page_cell(t->page, "%s", num_format_time(a->issued, from));
		page_cell(t->page, "%s%s", num_format_time(a->expires, to), a->expires <= t->now ? " EXPIRED" : "");
		page_cell(t->page, "%zu", a->items_n);
		page_cell(t->page, "%zu", a->revoked_n);
		page_cell(t->page, "%s", digest_hex(&a->digest, hex));
	}
	buf_free(&signers);
	if (root != 0 && t->newest == NULL) {
		t->newest = a;
		t->root = root;
	} else {
		approvals_free(a);
	}
	return why->reason == ERR_NONE ? 0 : -1;
}

static int tell_lists(struct telling *t, const struct file *dir, struct err *e)
{
	struct err why[LISTS] = {{0}};
	struct page_names names = {0};
	size_t n;
	int rc = page_names_read(dir, is_any_list, newest_first, &names, e);

	n = names.n < LISTS ? names.n : LISTS;
	page_heading(t->page, "Lists");
	page_line(t->page, "%s kept%s", num_of(names.n, "list"), n < names.n ? "; the newest of them:" : ":");
	page_table(t->page, "epoch|revision|state|signed by|issued|expires|entries|revoked|SHA-256");
	for (size_t i = 0; rc == 0 && i < n; i++)
		tell_list(t, dir, names.list[i], &why[i]);
	page_table_end(t->page, n);
	for (size_t i = 0; rc == 0 && i < n; i++)
		if (why[i].reason != ERR_NONE)
			rc = page_fault_of(t->page, &why[i], e);
	if (rc == 0 && t->newest != NULL) {
		page_heading(t->page, "Decisions of the newest list that is signed");
		if (t->root != trust_chain_newest(&t->proof->chain)->version)
			page_warn(t->page, "Its signatures suffice by trust root %llu, and not by the newest one.",
				  (unsigned long long)t->root);
		page_decisions(t->page, t->newest);
	}
	page_names_free(&names);
	return rc;
}

/* ---- the station ---- */

static int tell_dir(struct telling *t, const struct file *station, const char *name, struct err *e)
{
	struct file dir = FILE_CLOSED;
	struct err why = {0};
	int rc;

	if (file_open_dir_at(station, name, &dir, &why) == -1)
		rc = page_fault_of(t->page, &why, e);
	else
		rc = strcmp(name, "lists") == 0 ? tell_lists(t, &dir, e) : page_receipts(t->page, &dir, e);
	file_close(&dir);
	return rc;
}

int page_station(struct page *p, const struct terms *terms, const char *path, const char *trust, struct err *e)
{
	struct proof proof = {.dir = FILE_CLOSED};
	struct telling t = {.page = p, .proof = &proof, .now = terms->now};
	struct file station = FILE_CLOSED;
	int rc = -1;

	if (file_open_dir(path, &station, e) == -1 || proof_open_station(terms, &station, &proof, e) == -1)
		goto out;
	page_begin(p, "Station", path, terms->now);
	page_line(p, "Read for this page: lists with their signatures, receipts, trust roots and ledger. Kept objects were not hashed.");
	rc = page_compare_trust(p, terms, trust, &proof.chain, e);
	if (rc == 0)
		rc = tell_dir(&t, &station, "lists", e);
	if (rc == 0)
		rc = tell_dir(&t, &station, "receipts", e);
	if (rc == 0) {
		page_trust(p, &proof.chain, terms->now);
		rc = page_journal(p, &station, "ledger.jsonl", e);
	}
	if (rc == 0)
		page_end(p);
out:
	approvals_free(t.newest);
	proof_close(&proof);
	file_close(&station);
	return rc;
}

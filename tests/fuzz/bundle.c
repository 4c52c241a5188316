/*
 * A whole bundle whose every byte may have been changed before it was signed: judged as `satchel-verify bundle` does it,
 * unseal to contents lists, over the wire. Section 0 is the pinned root.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/digest.h"
#include "manifests/limits.h"
#include "tests/fuzz/kit/fuzz.h"
#include "tests/fuzz/kit/medium.h"
#include "tests/fuzz/kit/sections.h"
#include "verify/audit_pieces.h"
#include "verify/audit_volume.h"
#include "verify/carried.h"
#include "verify/pieces.h"
#include "verify/report.h"
#include "verify/seen.h"
#include "verify/unseal.h"

#define BUNDLE "updates-00000017"
#define NOW 1795341600	/* 2026-11-22T10:00:00Z */
#define MOST_BYTES (8u << 20)	/* objects beyond that are for benchmarks */

static __attribute__((constructor)) void hush(void)
{
	if (getenv("FUZZ_TALK") == NULL)
		MUST(freopen("/dev/null", "w", stdout) != NULL);
}

static void look_at_volumes(struct bundle *b, struct carried *carried, struct report *r)
{
	struct err e = {0};
	struct pieces *pieces = pieces_open(MAX_CONTENTS_SIZE, &e);
	struct audit_volume a = {.report = r, .carried = carried, .pieces = pieces, .bundle = b, .jobs = 1};
	uint64_t unproven;

	MUST(pieces != NULL && audit_pieces_of(pieces, b, b, &e) == 0);

	for (uint64_t n = 1; n <= b->manifest->volumes; n++) {
		struct volume *index = bundle_volume(b, n, &e);

		if (index == NULL)
			fuzz_refused(&e);
		else if (volume_tar_size(index) <= MOST_BYTES)
			MUST(audit_volume(&a, b, index, "volume", &e) == 0);
		volume_free(index);
	}
	MUST(audit_pieces_tell(pieces, b, a.unexpected, r, "bundle", &unproven, &e) == 0);
	pieces_close(pieces);
}

static void look_inside(struct bundle *b, const struct trust_chain *chain)
{
	struct report r = REPORT_EMPTY;
	struct approvals *list = NULL;
	struct carried_lack lack;
	struct carried carried;
	struct err e = {0};

	if (bundle_list(b, chain, NOW, &list, &e) == -1)
		fuzz_refused(&e);
	carried_open(&carried);
	look_at_volumes(b, &carried, &r);
	MUST(carried_settle(&carried, &e) == 0);
	if (list != NULL)
		MUST(carried_compare(&carried, list, 1, &r, "bundle", &lack, &e) == 0);
	carried_close(&carried);
	approvals_free(list);
}

static void judge(const struct sections *s, struct trust_chain *chain)
{
	struct medium *m = medium_open(s);
	struct seen seen = {.reader = medium_reader(m), .bundle = BUNDLE};
	struct unseal u = {.seen = &seen, .chain = chain, .now = NOW};
	struct bundle *b = NULL;
	struct err e = {0};

	if (unseal_roots(&seen, chain, 0, &e) == -1 || unseal(&u, &b, &e) == -1)
		fuzz_refused(&e);
	else
		look_inside(b, chain);
	seen_free(&seen);
	bundle_free(b);
	medium_close(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct trust_chain chain = {0};
	struct sections s;
	struct err e = {0};
	struct trust *first;

	sections_read(&s, data, len);
	first = s.n == 0 ? NULL : trust_parse(s.list[0].bytes.data, s.list[0].bytes.len, &e);
	if (first != NULL && trust_chain_pin(&chain, first, &e) == 0)
		judge(&s, &chain);
	trust_chain_free(&chain);
	sections_free(&s);
	return 0;
}

/*
 * The plain list of digests beside a receipt: the same verdict however its bytes are cut into pieces.
 */
#include "manifests/receipt.h"
#include "tests/fuzz/kit/fuzz.h"

static int judge(const uint8_t *data, size_t len, size_t step, struct receipt_objects *said)
{
	struct receipt_held h = {.at = 0};
	struct err e = {0};
	int rc = 0;

	for (size_t at = 0; rc == 0 && at < len; at += step)
		rc = receipt_held_add(&h, data + at, len - at < step ? len - at : step, &e);
	said->count = said->count == 0 ? h.count : said->count;
	if (rc == 0)
		rc = receipt_held_end(&h, said, &e);
	if (rc == -1)
		fuzz_refused(&e);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct receipt_objects said = {.size = len};
	struct err e = {0};
	int rc;

	MUST(digest_of(data, len, &said.sha256, &e) == 0);
	rc = judge(data, len, len + 1, &said);
	MUST(judge(data, len, 1, &said) == rc && judge(data, len, 67, &said) == rc);
	MUST(rc == -1 || len == said.count * RECEIPT_LINE);
	return 0;
}

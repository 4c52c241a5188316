/*
 * Receipts.
 */
#include "lib/buf.h"
#include "manifests/receipt.h"
#include "tests/fuzz/kit/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct err e = {0};
	struct buf again = {0};
	struct receipt *v = receipt_parse(data, len, &e);

	if (v == NULL) {
		fuzz_refused(&e);
	} else {
		MUST(receipt_encode(v, &again, &e) == 0);
		fuzz_same(&again, data, len);
		fuzz_json(&receipt_schema, v);
	}
	receipt_free(v);
	return 0;
}

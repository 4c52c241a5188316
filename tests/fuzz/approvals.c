/*
 * Approval lists.
 */
#include "lib/buf.h"
#include "manifests/approvals.h"
#include "tests/fuzz/kit/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct err e = {0};
	struct buf again = {0};
	struct approvals *v = approvals_parse(data, len, &e);

	if (v == NULL) {
		fuzz_refused(&e);
	} else {
		MUST(approvals_encode(v, &again, &e) == 0);
		fuzz_same(&again, data, len);
		fuzz_json(&approvals_schema, v);
	}
	approvals_free(v);
	return 0;
}

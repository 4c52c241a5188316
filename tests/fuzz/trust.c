/*
 * Trust roots: what trust_parse accepts has one form, and keys that load.
 */
#include "lib/buf.h"
#include "manifests/trust.h"
#include "tests/fuzz/kit/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct err e = {0};
	struct buf again = {0};
	struct trust *v = trust_parse(data, len, &e);

	if (v == NULL) {
		fuzz_refused(&e);
	} else {
		MUST(trust_encode(v, &again, &e) == 0);
		fuzz_same(&again, data, len);
		fuzz_json(&trust_schema, v);
	}
	trust_free(v);
	return 0;
}

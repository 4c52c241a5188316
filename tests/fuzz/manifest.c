/*
 * Manifests.
 */
#include "lib/buf.h"
#include "manifests/manifest.h"
#include "tests/fuzz/kit/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct err e = {0};
	struct buf again = {0};
	struct manifest *v = manifest_parse(data, len, &e);

	if (v == NULL) {
		fuzz_refused(&e);
	} else {
		MUST(manifest_encode(v, &again, &e) == 0);
		fuzz_same(&again, data, len);
		fuzz_json(&manifest_schema, v);
	}
	manifest_free(v);
	return 0;
}

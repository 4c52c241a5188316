/*
 * store.yaml and station.yaml, which people write, and libyaml as both read it.
 */
#include <string.h>

#include "export/config.h"
#include "lib/yaml.h"
#include "manifests/limits.h"
#include "tests/fuzz/kit/fuzz.h"
#include "verify/store.h"

static void events(const uint8_t *data, size_t len, bool lenient)
{
	struct err e = {0};
	struct yaml *y = yaml_open(data, len, MAX_DOCUMENT_DEPTH, lenient, &e);
	struct yaml_item item = {0};
	int rc = y == NULL ? -1 : 0;

	while (rc == 0 && item.type != YAML_DONE) {
		rc = yaml_next(y, &item, &e);
		if (rc == 0 && item.type == YAML_SCALAR)
			MUST(item.value[item.len] == '\0' && item.line > 0);
	}
	if (rc == -1)
		fuzz_refused(&e);
	yaml_close(y);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	events(data, len, false);
	events(data, len, true);
	fuzz_config(&store_config_schema, data, len);
	fuzz_config(&config_schema, data, len);
	return 0;
}

/*
 * Documents whose whole judgement is their schema: contents lists and parts (head and scanner of records), and what store and
 * station write for themselves: state.yaml, rollback.yaml, scanned.yaml, draft.yaml. The type line chooses.
 */
#include <string.h>

#include "export/draft.h"
#include "manifests/contents.h"
#include "tests/fuzz/kit/fuzz.h"
#include "verify/rollback.h"
#include "verify/scanned.h"
#include "verify/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct schema *const schemas[] = {&contents_schema, &contents_part_schema, &state_schema,
						       &rollback_schema, &scanned_schema, &draft_schema};
	char type[32];

	if (schema_type_of(data, len, type) == -1)
		return 0;
	for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++)
		if (strcmp(type, schemas[i]->type) == 0)
			fuzz_document(schemas[i], data, len);
	return 0;
}

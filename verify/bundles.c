/*
 * The index of bundles taken in, as a document (verify/bundles.h). Written by import, judged by audit. One that is not canonical, or
 * out of order, counts as none.
 */
#include "verify/bundles.h"

#include <stdio.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/file.h"
#include "manifests/names.h"
#include "manifests/reason.h"
#include "verify/store.h"

#include "lib/banned.h"


static const struct field record_fields[] = {
	{.name = "sequence", .kind = FIELD_NUMBER, .at = offsetof(struct bundles_record, sequence), .min = 1,
	 .max = MAX_REVISION},
	{.name = "manifest", .kind = FIELD_DIGEST, .at = offsetof(struct bundles_record, manifest)},
	{.name = "created", .kind = FIELD_TIME, .at = offsetof(struct bundles_record, created)},
	{.name = "arrived", .kind = FIELD_TIME, .at = offsetof(struct bundles_record, arrived)},
	{0},
};
static const struct schema bundle_schema = {.size = sizeof(struct bundles_record), .fields = record_fields};

static const struct field bundles_fields[] = {
	{.name = "stream", .kind = FIELD_TEXT, .at = offsetof(struct bundles, stream), .min = 1, .max = MAX_NAME_LEN,
	 .check = names_check},
	{.name = "since", .kind = FIELD_TIME, .at = offsetof(struct bundles, since)},
	{.name = "bundles", .kind = FIELD_RECORDS, .at = offsetof(struct bundles, list),
	 .count_at = offsetof(struct bundles, n), .max_count = BUNDLES_MAX, .sub = &bundle_schema},
	{0},
};
const struct schema bundles_schema = {.type = "bundles", .size = sizeof(struct bundles), .fields = bundles_fields};

static int compare(const struct bundles_record *a, uint64_t sequence, const struct digest *manifest)
{
	if (a->sequence != sequence)
		return a->sequence < sequence ? -1 : 1;
	return digest_compare(&a->manifest, manifest);
}

size_t bundles_place(const struct bundles *b, uint64_t sequence, const struct digest *manifest)
{
	size_t low = 0, high = b->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (compare(&b->list[mid], sequence, manifest) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool sorted(const struct bundles *b)
{
	for (size_t i = 1; i < b->n; i++)
		if (compare(&b->list[i - 1], b->list[i].sequence, &b->list[i].manifest) >= 0)
			return false;
	return true;
}

const char *bundles_path(const char *stream, char out[BUNDLES_PATH])
{
	snprintf(out, BUNDLES_PATH, "streams/%s/bundles", stream);
	return out;
}

int bundles_read(const struct store *s, const char *stream, struct bundles *out, struct err *e)
{
	char path[BUNDLES_PATH];
	struct err why = {0};
	struct buf bytes = {0};
	struct arena a = {0};
	int rc = 0;

	*out = (struct bundles){0};
	if (file_read_all_at(&s->dir, bundles_path(stream, path), BUNDLES_MAX_SIZE, &bytes, &why) == 0 &&
	    schema_parse(&bundles_schema, bytes.data, bytes.len, out, &a, &why) == 0 && strcmp(out->stream, stream) == 0 &&
	    sorted(out))
		rc = 1;
	else if (why.reason == ERR_MEMORY) {
		*e = why;
		rc = -1;
	}
	out->arena = a;
	buf_free(&bytes);
	return rc;
}

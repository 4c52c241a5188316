/*
 * Approval lists: the document that says which bytes may be published where. Tables, parsing and questions stand here,
 * the rules between entries in approvals_check.c.
 */
#include "manifests/approvals.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/num.h"
#include "lib/path.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"

#include "lib/banned.h"

static const struct field contents_ref_fields[] = {
	{.name = "sha256", .kind = FIELD_DIGEST, .at = offsetof(struct contents_ref, sha256)},
	{.name = "size", .kind = FIELD_NUMBER, .at = offsetof(struct contents_ref, size), .min = 1,
	 .max = MAX_CONTENTS_SIZE},
	{.name = "files", .kind = FIELD_NUMBER, .at = offsetof(struct contents_ref, files),
	 .max = (uint64_t)MAX_PARTS * MAX_PART_RECORDS},
	{.name = "bytes", .kind = FIELD_NUMBER, .at = offsetof(struct contents_ref, bytes), .max = MAX_SUM},
	{0},
};
const struct schema contents_ref_schema = {.size = sizeof(struct contents_ref), .fields = contents_ref_fields};

static const struct field approval_fields[] = {
	{.name = "item", .kind = FIELD_TEXT, .at = offsetof(struct approval, item), .min = 1, .max = PATH_MAX_LEN,
	 .check = path_check},
	{.name = "revision", .kind = FIELD_NUMBER, .at = offsetof(struct approval, revision), .min = 1, .max = MAX_REVISION},
	{.name = "rings", .kind = FIELD_TEXTS, .at = offsetof(struct approval, rings),
	 .count_at = offsetof(struct approval, rings_n), .min = 1, .max = MAX_NAME_LEN, .max_count = MAX_RINGS,
	 .check = names_check},
	{.name = "contents", .kind = FIELD_MAP, .at = offsetof(struct approval, contents), .sub = &contents_ref_schema},
	{.name = "title", .kind = FIELD_TEXT, .at = offsetof(struct approval, title), .optional = true, .min = 1,
	 .max = MAX_TITLE_LEN},
	{.name = "requires", .kind = FIELD_TEXTS, .at = offsetof(struct approval, requires),
	 .count_at = offsetof(struct approval, requires_n), .optional = true, .min = 1, .max = PATH_MAX_LEN,
	 .max_count = MAX_REQUIRES, .check = path_check},
	{.name = "supersedes", .kind = FIELD_TEXTS, .at = offsetof(struct approval, supersedes),
	 .count_at = offsetof(struct approval, supersedes_n), .optional = true, .min = 1, .max = PATH_MAX_LEN,
	 .max_count = MAX_REQUIRES, .check = path_check},
	{.name = "urgent", .kind = FIELD_FLAG, .at = offsetof(struct approval, urgent), .optional = true},
	{.name = "deadline", .kind = FIELD_TIME, .at = offsetof(struct approval, deadline), .optional = true,
	 .present_at = offsetof(struct approval, has_deadline)},
	{.name = "note", .kind = FIELD_TEXT, .at = offsetof(struct approval, note), .optional = true, .min = 1,
	 .max = MAX_TITLE_LEN},
	{0},
};
const struct schema approval_schema = {.size = sizeof(struct approval), .fields = approval_fields};

static const struct field revocation_fields[] = {
	{.name = "item", .kind = FIELD_TEXT, .at = offsetof(struct revocation, item), .min = 1, .max = PATH_MAX_LEN,
	 .check = path_check},
	{.name = "revision", .kind = FIELD_NUMBER, .at = offsetof(struct revocation, revision), .min = 1,
	 .max = MAX_REVISION},
	{.name = "contents", .kind = FIELD_DIGEST, .at = offsetof(struct revocation, contents)},
	{.name = "since", .kind = FIELD_NUMBER, .at = offsetof(struct revocation, since), .min = 1, .max = MAX_REVISION},
	{.name = "note", .kind = FIELD_TEXT, .at = offsetof(struct revocation, note), .optional = true, .min = 1,
	 .max = MAX_TITLE_LEN},
	{0},
};
const struct schema revocation_schema = {.size = sizeof(struct revocation), .fields = revocation_fields};

static const struct field approvals_fields[] = {
	{.name = "stream", .kind = FIELD_TEXT, .at = offsetof(struct approvals, stream), .min = 1, .max = MAX_NAME_LEN,
	 .check = names_check},
	{.name = "epoch", .kind = FIELD_NUMBER, .at = offsetof(struct approvals, epoch), .min = 1, .max = MAX_REVISION},
	{.name = "revision", .kind = FIELD_NUMBER, .at = offsetof(struct approvals, revision), .min = 1,
	 .max = MAX_REVISION},
	{.name = "issued", .kind = FIELD_TIME, .at = offsetof(struct approvals, issued)},
	{.name = "expires", .kind = FIELD_TIME, .at = offsetof(struct approvals, expires)},
	{.name = "items", .kind = FIELD_ENTRIES, .at = offsetof(struct approvals, items),
	 .count_at = offsetof(struct approvals, items_n), .max_count = MAX_ITEMS, .sub = &approval_schema},
	{.name = "revoked", .kind = FIELD_RECORDS, .at = offsetof(struct approvals, revoked),
	 .count_at = offsetof(struct approvals, revoked_n), .max_count = MAX_ITEMS, .sub = &revocation_schema},
	{0},
};
static int check_document(const void *value, struct err *e)
{
	return approvals_check(value, e);
}
const struct schema approvals_schema = {
	.type = "approvals", .size = sizeof(struct approvals), .fields = approvals_fields, .check = check_document,
};

static int by_bytes(const void *a, const void *b)
{
	return digest_compare(a, b);
}

static int index_revoked(struct approvals *a, struct err *e)
{
	a->revoked_index = arena_alloc(&a->arena, a->revoked_n * sizeof *a->revoked_index);
	if (a->revoked_index == NULL)
		return err_mem(e);
	for (size_t i = 0; i < a->revoked_n; i++)
		a->revoked_index[i] = a->revoked[i].contents;
	qsort(a->revoked_index, a->revoked_n, sizeof *a->revoked_index, by_bytes);
	return 0;
}

static int load(struct approvals *a, const void *data, size_t len, struct err *e)
{
	if (len > MAX_APPROVALS_SIZE)
		return err_set(e, R_DOCUMENT_TOO_LARGE, "%zu bytes, at most %u are allowed", len, MAX_APPROVALS_SIZE);
	if (schema_parse(&approvals_schema, data, len, a, &a->arena, e) == -1 || index_revoked(a, e) == -1)
		return -1;
	return digest_of(data, len, &a->digest, e);
}

struct approvals *approvals_take(struct buf *bytes, struct err *e)
{
	struct approvals *a = calloc(1, sizeof *a);

	if (a == NULL) {
		err_mem(e);
		return NULL;
	}
	if (load(a, bytes->data, bytes->len, e) == 0) {
		a->bytes = *bytes;
		*bytes = (struct buf){0};
		return a;
	}
	buf_free(bytes);
	approvals_free(a);
	return NULL;
}

struct approvals *approvals_parse(const void *data, size_t len, struct err *e)
{
	struct approvals *a = NULL;
	struct buf bytes = {0};

	if (len > MAX_APPROVALS_SIZE) {
		err_set(e, R_DOCUMENT_TOO_LARGE, "%zu bytes, at most %u are allowed", len, MAX_APPROVALS_SIZE);
		return NULL;
	}
	buf_append(&bytes, data, len);
	if (buf_ok(&bytes, e) == 0)
		a = approvals_take(&bytes, e);
	buf_free(&bytes);
	return a;
}

void approvals_free(struct approvals *a)
{
	if (a == NULL)
		return;
	arena_free(&a->arena);
	buf_free(&a->bytes);
	free(a);
}

int approvals_encode(const struct approvals *a, struct buf *out, struct err *e)
{
	size_t before = out->len;

	if (schema_encode(&approvals_schema, a, out, e) == -1)
		return -1;
	if (out->len - before > MAX_APPROVALS_SIZE)
		return err_set(e, R_DOCUMENT_TOO_LARGE, "the list takes %zu bytes, at most %u are allowed", out->len - before,
			       MAX_APPROVALS_SIZE);
	return 0;
}

int approvals_check_time(const struct approvals *a, int64_t now, struct err *e)
{
	char when[32], today[32];

	if (a->issued - now > MAX_CLOCK_AHEAD) {
		err_set(e, R_CLOCK, "list %llu is issued in the future, at %s", (unsigned long long)a->revision,
			num_format_time(a->issued, when));
		return err_hint(e, "judged at %s: is the clock right, here and where it was made?", num_format_time(now, today));
	}
	if (a->expires <= now)
		return err_set(e, R_EXPIRED, "list %llu expired at %s", (unsigned long long)a->revision,
			       num_format_time(a->expires, when));
	return 0;
}

int approvals_compare(const struct approvals *a, const struct approvals *b)
{
	if (a->epoch != b->epoch)
		return a->epoch < b->epoch ? -1 : 1;
	return a->revision == b->revision ? 0 : a->revision < b->revision ? -1 : 1;
}

/* First entry whose item does not sort before (or, with `after`, behind) this name. */
static size_t bound(const struct approvals *a, const char *item, int after)
{
	size_t low = 0, high = a->items_n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(a->items[middle].item, item) < after)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

size_t approvals_find(const struct approvals *a, const char *item, size_t *count)
{
	size_t first = bound(a, item, 0), end = first;

	if (first < a->items_n && strcmp(a->items[first].item, item) == 0)
		end = bound(a, item, 1);
	*count = end - first;
	return first;
}

bool approval_in_rings(const struct approval *p, char *const *rings, size_t rings_n)
{
	for (size_t i = 0; i < p->rings_n; i++)
		for (size_t j = 0; j < rings_n; j++)
			if (strcmp(p->rings[i], rings[j]) == 0)
				return true;
	return false;
}

const struct approval *approvals_entry(const struct approvals *a, const char *item, char *const *rings, size_t rings_n)
{
	size_t count, first = approvals_find(a, item, &count);

	while (count-- > 0)
		if (approval_in_rings(&a->items[first + count], rings, rings_n))
			return &a->items[first + count];
	return NULL;
}

bool approvals_revokes(const struct approvals *a, const struct digest *contents)
{
	if (a->revoked_index != NULL)
		return bsearch(contents, a->revoked_index, a->revoked_n, sizeof *contents, by_bytes) != NULL;
	for (size_t i = 0; i < a->revoked_n; i++)
		if (digest_equal(&a->revoked[i].contents, contents))
			return true;
	return false;
}

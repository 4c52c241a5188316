/*
 * Rollbacks as documents (verify/rollback.h). Written by import, judged by audit. Refuses one whose lists are not in
 * order.
 */
#include "verify/rollback.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/path.h"
#include "manifests/journal.h"
#include "manifests/names.h"
#include "manifests/reason.h"
#include "manifests/schema.h"

#include "lib/banned.h"

static int check_rollback(const void *value, struct err *e)
{
	const struct rollback *r = value;

	if (state_compare(&r->list, &r->complete) > 0 || state_compare(&r->complete, &r->newest) > 0)
		return err_set(e, R_DOCUMENT_FORM, "its lists are not in order");
	for (size_t i = 1; i < r->with_revoked_n; i++)
		if (strcmp(r->with_revoked[i - 1], r->with_revoked[i]) >= 0)
			return err_set(e, R_DOCUMENT_FORM, "`with_revoked` is not in order at \"%s\"", r->with_revoked[i]);
	return 0;
}

static const struct field fields[] = {
	{.name = "stream", .kind = FIELD_TEXT, .at = offsetof(struct rollback, stream), .min = 1, .max = MAX_NAME_LEN,
	 .check = names_check},
	{.name = "time", .kind = FIELD_TIME, .at = offsetof(struct rollback, time)},
	{.name = "list", .kind = FIELD_MAP, .at = offsetof(struct rollback, list), .sub = &state_ref_schema},
	{.name = "complete", .kind = FIELD_MAP, .at = offsetof(struct rollback, complete), .sub = &state_ref_schema},
	{.name = "newest", .kind = FIELD_MAP, .at = offsetof(struct rollback, newest), .sub = &state_ref_schema},
	{.name = "with_revoked", .kind = FIELD_TEXTS, .at = offsetof(struct rollback, with_revoked),
	 .count_at = offsetof(struct rollback, with_revoked_n), .min = 1, .max = PATH_MAX_LEN,
	 .max_count = MAX_WITH_REVOKED, .check = path_check},
	{0}
};
const struct schema rollback_schema = {
	.type = "rollback", .size = sizeof(struct rollback), .fields = fields, .check = check_rollback
};

char *rollback_path(const char *stream, char out[ROLLBACK_PATH])
{
	snprintf(out, ROLLBACK_PATH, "streams/%s/rollback.yaml", stream);
	return out;
}

static struct rollback *parse(const struct buf *bytes, const char *stream, struct err *e)
{
	struct rollback *r = calloc(1, sizeof *r);

	if (r == NULL) {
		err_mem(e);
		return NULL;
	}
	if (schema_parse(&rollback_schema, bytes->data, bytes->len, r, &r->arena, e) == 0 &&
	    digest_of(bytes->data, bytes->len, &r->sha256, e) == 0) {
		if (strcmp(r->stream, stream) == 0)
			return r;
		err_set(e, R_STORE_DAMAGED, "it is of the stream %s", r->stream);
	}
	rollback_free(r);
	return NULL;
}

int rollback_load(const struct store *s, const char *stream, struct rollback **out, struct err *e)
{
	char path[ROLLBACK_PATH];
	struct buf bytes = {0};
	int rc = file_read_all_at(&s->dir, rollback_path(stream, path), MAX_ROLLBACK_SIZE, &bytes, e);

	*out = NULL;
	if (rc == -1 && e->reason == ERR_MISSING) {
		err_clear(e);
		rc = 1;
	} else if (rc == 0) {
		*out = parse(&bytes, stream, e);
		if (*out == NULL)
			rc = err_prefix(e, "%s/%s", s->dir.name, path);
	}
	buf_free(&bytes);
	return rc;
}

void rollback_free(struct rollback *r)
{
	if (r == NULL)
		return;
	arena_free(&r->arena);
	free(r);
}

struct asked {
	const char *stream;
	bool *ended;
};

/* journal_read */
static int note(void *arg, uint64_t n, const struct digest *line, const json_t *o, struct err *e)
{
	const struct asked *a = arg;
	const char *event = json_get_text(o, "event"), *stream = json_get_text(o, "stream");

	(void)n;
	(void)line;
	(void)e;
	if (event == NULL || stream == NULL || strcmp(stream, a->stream) != 0)
		return 0;
	if (strcmp(event, "rollback-ended") == 0)
		*a->ended = true;
	else if (strcmp(event, "rollback") == 0 && json_object_get(o, "list") != NULL)
		*a->ended = false;
	return 0;
}

int rollback_ended(const struct store *s, const char *stream, bool *out, struct err *e)
{
	struct asked a = {stream, out};
	struct err why = {0};

	*out = false;
	if (journal_read(&s->dir, "journal.jsonl", note, &a, NULL, NULL, &why) == 0)
		return 0;
	*out = false;
	if (why.reason == R_JOURNAL || why.reason == ERR_MISSING)
		return 0;
	*e = why;
	return -1;
}

static int compare_name(const void *key, const void *name)
{
	return strcmp(key, *(char *const *)name);
}

bool rollback_names(const struct rollback *r, const char *item)
{
	return r != NULL && r->with_revoked_n > 0 &&
	       bsearch(item, r->with_revoked, r->with_revoked_n, sizeof *r->with_revoked, compare_name) != NULL;
}

static bool same_ref(const struct list_ref *a, const struct list_ref *b)
{
	return state_compare(a, b) == 0 && digest_equal(&a->sha256, &b->sha256);
}

bool rollback_equal(const struct rollback *a, const struct rollback *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	if (!same_ref(&a->list, &b->list) || !same_ref(&a->complete, &b->complete) || !same_ref(&a->newest, &b->newest) ||
	    a->with_revoked_n != b->with_revoked_n)
		return false;
	for (size_t i = 0; i < a->with_revoked_n; i++)
		if (strcmp(a->with_revoked[i], b->with_revoked[i]) != 0)
			return false;
	return true;
}

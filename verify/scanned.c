/*
 * Verdicts of the scan hook as a document (verify/scanned.h). Written by import, judged by audit. Refuses records out of
 * order; passes over what another command than the present one said.
 */
#include "verify/scanned.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/path.h"
#include "manifests/names.h"
#include "manifests/reason.h"
#include "manifests/schema.h"

#include "lib/banned.h"

static const char *const verdicts[] = {"passed", "refused", "failed", NULL};

static const struct field record_fields[] = {
	{.name = "item", .kind = FIELD_TEXT, .at = offsetof(struct scanned_record, item), .min = 1, .max = PATH_MAX_LEN,
	 .check = path_check},
	{.name = "revision", .kind = FIELD_NUMBER, .at = offsetof(struct scanned_record, revision), .min = 1,
	 .max = MAX_REVISION},
	{.name = "contents", .kind = FIELD_DIGEST, .at = offsetof(struct scanned_record, contents)},
	{.name = "verdict", .kind = FIELD_CHOICE, .at = offsetof(struct scanned_record, verdict), .words = verdicts},
	{.name = "time", .kind = FIELD_TIME, .at = offsetof(struct scanned_record, time)},
	{0}
};
static const struct schema record_schema = {.size = sizeof(struct scanned_record), .fields = record_fields};

static int check_scanned(const void *value, struct err *e)
{
	const struct scanned *s = value;

	for (size_t i = 1; i < s->records_n; i++)
		if (digest_compare(&s->records[i - 1].contents, &s->records[i].contents) >= 0)
			return err_set(e, R_DOCUMENT_FORM, "contents of \"%s\" are there twice, or not in order", s->records[i].item);
	return 0;
}

static const struct field fields[] = {
	{.name = "stream", .kind = FIELD_TEXT, .at = offsetof(struct scanned, stream), .min = 1, .max = MAX_NAME_LEN,
	 .check = names_check},
	{.name = "hook", .kind = FIELD_DIGEST, .at = offsetof(struct scanned, hook)},
	{.name = "records", .kind = FIELD_RECORDS, .at = offsetof(struct scanned, records),
	 .count_at = offsetof(struct scanned, records_n), .max_count = 2 * MAX_ITEMS, .sub = &record_schema},
	{0}
};
const struct schema scanned_schema = {
	.type = "scanned", .size = sizeof(struct scanned), .fields = fields, .check = check_scanned
};

char *scanned_path(const char *stream, char out[SCANNED_PATH])
{
	snprintf(out, SCANNED_PATH, "streams/%s/scanned.yaml", stream);
	return out;
}

static int digest_words(char *const *words, size_t n, struct digest *out, struct err *e)
{
	struct buf all = {0};
	int rc;

	for (size_t i = 0; i < n; i++)
		buf_append(&all, words[i], strlen(words[i]) + 1);
	rc = buf_ok(&all, e) == -1 ? -1 : digest_of(all.data, all.len, out, e);
	buf_free(&all);
	return rc;
}

/* The document, whatever command said it. */
static int load(const struct store *s, const char *stream, struct scanned *out, struct err *e)
{
	char path[SCANNED_PATH];
	struct buf bytes = {0};
	int rc = file_read_all_at(&s->dir, scanned_path(stream, path), MAX_SCANNED_SIZE, &bytes, e);

	if (rc == -1 && e->reason == ERR_MISSING) {
		err_clear(e);
		rc = 1;
	} else if (rc == 0) {
		rc = schema_parse(&scanned_schema, bytes.data, bytes.len, out, &out->arena, e);
		if (rc == 0 && strcmp(out->stream, stream) != 0)
			rc = err_set(e, R_STORE_DAMAGED, "it is of the stream %s", out->stream);
		if (rc == -1) {
			err_prefix(e, "%s/%s", s->dir.name, path);
			err_hint(e, "remove it, and what it held is scanned again");
		}
	}
	buf_free(&bytes);
	return rc;
}

int scanned_read(const struct store *s, const char *stream, struct scanned *out, bool *present, struct err *e)
{
	const struct store_hooks *h = &s->config.hooks;
	struct digest hook;
	int rc;

	*out = (struct scanned){0};
	*present = false;
	if (h->scan_n > 0 && digest_words(h->scan, h->scan_n, &hook, e) == -1)
		return -1;
	rc = load(s, stream, out, e);
	*present = rc == 0 && h->scan_n > 0 && digest_equal(&out->hook, &hook);
	return rc;
}

int scanned_load(const struct store *s, const char *stream, struct scanned *out, struct err *e)
{
	const struct store_hooks *h = &s->config.hooks;
	struct digest hook;
	int rc;

	*out = (struct scanned){0};
	if (h->scan_n == 0)
		return 1;
	if (digest_words(h->scan, h->scan_n, &hook, e) == -1)
		return -1;
	rc = load(s, stream, out, e);
	if (rc == 1 || (rc == 0 && !digest_equal(&out->hook, &hook))) {
		scanned_free(out);
		rc = 1;
	}
	out->hook = hook;
	return rc;
}

void scanned_free(struct scanned *s)
{
	arena_free(&s->arena);
	*s = (struct scanned){0};
}

static int compare(const void *key, const void *record)
{
	return digest_compare(key, &((const struct scanned_record *)record)->contents);
}

const struct scanned_record *scanned_find(const struct scanned *s, const struct digest *contents)
{
	return s->records_n == 0 ? NULL : bsearch(contents, s->records, s->records_n, sizeof *s->records, compare);
}

bool scanned_holds(const struct scanned *s, const struct digest *contents)
{
	const struct scanned_record *r = scanned_find(s, contents);

	return r != NULL && r->verdict != SCANNED_PASSED;
}

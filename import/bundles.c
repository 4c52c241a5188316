/*
 * The index of bundles taken in. apply asks it before a volume is opened, and adds to it when the objects are durable
 * and the journal says so. Refuses nothing: a damaged one is made again from the journal, which is chained.
 */
#include "import/bundles.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/json.h"
#include "lib/num.h"
#include "lib/outfile.h"
#include "manifests/journal.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"
#include "verify/state.h"

#include "lib/banned.h"

#define RECORD_SIZE 200		/* more than a record's line takes */

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

/* Index of the first record that does not come before (sequence, manifest). */
static size_t place(const struct bundles *b, uint64_t sequence, const struct digest *manifest)
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

static int grow(struct bundles *b, struct err *e)
{
	size_t room = 2 * (b->n + 1);
	struct bundles_record *more = arena_alloc(&b->arena, room * sizeof *more);

	if (more == NULL)
		return err_mem(e);
	if (b->n > 0)
		memcpy(more, b->list, b->n * sizeof *more);
	b->list = more;
	b->room = room;
	return 0;
}

/* Puts a record into its place in memory. */
static int insert(struct bundles *b, const struct bundles_record *r, struct err *e)
{
	size_t at = place(b, r->sequence, &r->manifest);

	if (at < b->n && compare(&b->list[at], r->sequence, &r->manifest) == 0) {
		b->list[at].arrived = r->arrived;
		return 0;
	}
	if (b->n + 1 > b->room && grow(b, e) == -1)
		return -1;
	memmove(&b->list[at + 1], &b->list[at], (b->n - at) * sizeof *b->list);
	b->list[at] = *r;
	b->n++;
	if (b->n > BUNDLES_MAX)
		memmove(b->list, b->list + 1, --b->n * sizeof *b->list);
	return 0;
}

static const char *path_of(const char *stream, char out[MAX_NAME_LEN + 32])
{
	snprintf(out, MAX_NAME_LEN + 32, "streams/%s/bundles", stream);
	return out;
}

/* An event of the journal: those named "bundle" tell of bundles taken in. */
static int replay(void *arg, uint64_t n, const struct digest *line, const json_t *o, struct err *e)
{
	struct bundles *b = arg;
	struct bundles_record r = {0};
	const char *event = json_get_text(o, "event"), *time = json_get_text(o, "time"), *stream, *manifest, *created;

	(void)line;
	if (event == NULL || time == NULL || num_parse_time(time, strlen(time), &r.arrived) == -1)
		return 0;
	if (n == 1)
		b->since = r.arrived;
	if (strcmp(event, "bundle") != 0)
		return 0;
	stream = json_get_text(o, "stream");
	manifest = json_get_text(o, "manifest");
	created = json_get_text(o, "created");
	if (stream == NULL || strcmp(stream, b->stream) != 0 || manifest == NULL || created == NULL ||
	    json_get_number(o, "sequence", &r.sequence) == -1 ||
	    digest_parse(manifest, strlen(manifest), &r.manifest) == -1 ||
	    num_parse_time(created, strlen(created), &r.created) == -1)
		return 0;
	return insert(b, &r, e);
}

static int rebuild(const struct store *s, const char *stream, struct bundles *b, struct err *e)
{
	arena_free(&b->arena);
	*b = (struct bundles){0};
	b->stream = arena_strndup(&b->arena, stream, strlen(stream));
	if (b->stream == NULL)
		return err_mem(e);
	return journal_read(&s->dir, "journal.jsonl", replay, b, NULL, NULL, e);
}

/* 1: as read; 0: not there or not usable; -1 on error. */
static int read_document(const struct store *s, const char *stream, struct bundles *b, struct err *e)
{
	char path[MAX_NAME_LEN + 32];
	struct err why = {0};
	struct buf bytes = {0};
	struct arena a = {0};
	int rc = 0;

	if (file_read_all_at(&s->dir, path_of(stream, path), (size_t)BUNDLES_MAX * RECORD_SIZE, &bytes, &why) == 0 &&
	    schema_parse(&bundles_schema, bytes.data, bytes.len, b, &a, &why) == 0 && strcmp(b->stream, stream) == 0 &&
	    sorted(b))
		rc = 1;
	else if (why.reason == ERR_MEMORY) {
		*e = why;
		rc = -1;
	}
	b->arena = a;
	buf_free(&bytes);
	return rc;
}

struct bundles *bundles_load(const struct store *s, const char *stream, struct err *e)
{
	struct bundles *b = calloc(1, sizeof *b);
	int there;

	if (b == NULL) {
		err_mem(e);
		return NULL;
	}
	there = read_document(s, stream, b, e);
	if (there == 1 || (there == 0 && rebuild(s, stream, b, e) == 0))
		return b;
	bundles_free(b);
	return NULL;
}

void bundles_free(struct bundles *b)
{
	if (b == NULL)
		return;
	arena_free(&b->arena);
	free(b);
}

static int write_document(const struct bundles *b, const struct file *store, struct err *e)
{
	char path[MAX_NAME_LEN + 32];
	struct buf bytes = {0};
	int rc = schema_encode(&bundles_schema, b, &bytes, e);

	if (rc == 0)
		rc = outfile_put(store, path_of(b->stream, path), 0644, bytes.data, bytes.len, e);
	buf_free(&bytes);
	return rc;
}

int bundles_init(const struct file *store, const char *stream, int64_t since, struct err *e)
{
	struct bundles b = {.since = since};
	int rc;

	b.stream = arena_strndup(&b.arena, stream, strlen(stream));
	if (b.stream == NULL)
		return err_mem(e);
	rc = write_document(&b, store, e);
	arena_free(&b.arena);
	return rc;
}

bool bundles_known(const struct bundles *b, uint64_t sequence, const struct digest *manifest)
{
	size_t at = place(b, sequence, manifest);

	return at < b->n && compare(&b->list[at], sequence, manifest) == 0;
}

const struct bundles_record *bundles_other(const struct bundles *b, uint64_t sequence, const struct digest *manifest)
{
	static const struct digest lowest;

	for (size_t i = place(b, sequence, &lowest); i < b->n && b->list[i].sequence == sequence; i++)
		if (!digest_equal(&b->list[i].manifest, manifest))
			return &b->list[i];
	return NULL;
}

int64_t bundles_created(const struct bundles *b)
{
	int64_t newest = 0;

	for (size_t i = 0; i < b->n; i++)
		newest = b->list[i].created > newest ? b->list[i].created : newest;
	return newest;
}

int64_t bundles_arrived(const struct bundles *b)
{
	int64_t newest = 0;

	for (size_t i = 0; i < b->n; i++)
		newest = b->list[i].arrived > newest ? b->list[i].arrived : newest;
	return newest;
}

int bundles_add(struct bundles *b, const struct store *s, const struct bundles_record *r, struct err *e)
{
	return insert(b, r, e) == -1 ? -1 : write_document(b, &s->dir, e);
}

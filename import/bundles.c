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
#include "verify/state.h"

#include "lib/banned.h"

static bool is_at(const struct bundles *b, size_t i, uint64_t sequence, const struct digest *manifest)
{
	return i < b->n && b->list[i].sequence == sequence && digest_equal(&b->list[i].manifest, manifest);
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
	size_t at = bundles_place(b, r->sequence, &r->manifest);

	if (is_at(b, at, r->sequence, &r->manifest)) {
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

/* Whether the journal's first line, that of init, names the stream. One that was added to store.yaml is followed from later on. */
static bool begins_with(const json_t *init, const char *stream)
{
	const json_t *list = json_object_get(init, "streams");

	for (size_t i = 0; i < json_array_size(list); i++)
		if (json_is_string(json_array_get(list, i)) && strcmp(json_string_value(json_array_get(list, i)), stream) == 0)
			return true;
	return false;
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
	if (n == 1 && begins_with(o, b->stream))
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

struct bundles *bundles_load(const struct store *s, const char *stream, struct err *e)
{
	struct bundles *b = calloc(1, sizeof *b);
	int there;

	if (b == NULL) {
		err_mem(e);
		return NULL;
	}
	there = bundles_read(s, stream, b, e);
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
	char path[BUNDLES_PATH];
	struct buf bytes = {0};
	int rc = schema_encode(&bundles_schema, b, &bytes, e);

	if (rc == 0)
		rc = outfile_put(store, bundles_path(b->stream, path), 0644, bytes.data, bytes.len, e);
	buf_free(&bytes);
	return rc;
}

int bundles_recover(const struct store *s, const char *stream, int64_t now, struct err *e)
{
	struct bundles b = {0};
	int rc = bundles_read(s, stream, &b, e);

	if (rc == 0) {
		rc = rebuild(s, stream, &b, e);
		if (rc == 0 && b.since == 0)
			b.since = b.n > 0 ? b.list[0].arrived : now;
		if (rc == 0)
			rc = write_document(&b, &s->dir, e);
	}
	arena_free(&b.arena);
	return rc == -1 ? -1 : 0;
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
	size_t at = bundles_place(b, sequence, manifest);

	return is_at(b, at, sequence, manifest);
}

const struct bundles_record *bundles_other(const struct bundles *b, uint64_t sequence, const struct digest *manifest)
{
	static const struct digest lowest;

	for (size_t i = bundles_place(b, sequence, &lowest); i < b->n && b->list[i].sequence == sequence; i++)
		if (!digest_equal(&b->list[i].manifest, manifest))
			return &b->list[i];
	return NULL;
}

uint64_t bundles_highest(const struct bundles *b)
{
	return b->n == 0 ? 0 : b->list[b->n - 1].sequence;
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

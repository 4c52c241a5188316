/*
 * Receipts (FORMAT 14): tables, parsing, and the questions a station asks of them. What a store says is believed about
 * that store alone, and only after its key's signature; refused is what contradicts itself. Whether a receipt follows
 * the one before is receipt_compare's to say.
 */
#include "manifests/receipt.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/path.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"

#include "lib/banned.h"

#define MAX_READ_LEN 64
#define MAX_WORD_LEN 64

#define NUMBER(type, member, least, most) \
	{.name = #member, .kind = FIELD_NUMBER, .at = offsetof(struct type, member), .min = least, .max = most}
#define DIGEST(type, member) {.name = #member, .kind = FIELD_DIGEST, .at = offsetof(struct type, member)}
#define TIME(type, member) {.name = #member, .kind = FIELD_TIME, .at = offsetof(struct type, member)}
#define NAME(type, member) \
	{.name = #member, .kind = FIELD_TEXT, .at = offsetof(struct type, member), .min = 1, .max = MAX_NAME_LEN, .check = names_check}
#define NOTE(type, member) \
	{.name = #member, .kind = FIELD_TEXT, .at = offsetof(struct type, member), .optional = true, .min = 1, .max = MAX_TITLE_LEN}
#define RECORDS(member, most, schema) \
	{.name = #member, .kind = FIELD_RECORDS, .at = offsetof(struct receipt, member), \
	 .count_at = offsetof(struct receipt, member##_n), .max_count = most, .sub = &schema}

static const struct field list_fields[] = {
	NUMBER(receipt_list, epoch, 1, MAX_REVISION),
	NUMBER(receipt_list, revision, 1, MAX_REVISION),
	DIGEST(receipt_list, sha256),
	{0}
};
static const struct schema list_schema = {.size = sizeof(struct receipt_list), .fields = list_fields};

static const struct field trust_fields[] = {
	NUMBER(receipt_trust, version, 1, MAX_REVISION),
	DIGEST(receipt_trust, sha256),
	{0}
};
static const struct schema trust_sub = {.size = sizeof(struct receipt_trust), .fields = trust_fields};

static const struct field objects_fields[] = {
	NUMBER(receipt_objects, count, 0, MAX_HELD),
	NUMBER(receipt_objects, size, 0, MAX_HELD * RECEIPT_LINE),
	DIGEST(receipt_objects, sha256),
	{0}
};
static const struct schema objects_sub = {.size = sizeof(struct receipt_objects), .fields = objects_fields};

#define LIST(member) \
	{.name = #member, .kind = FIELD_MAP, .at = offsetof(struct receipt_stream, member), .optional = true, \
	 .present_at = offsetof(struct receipt_stream, has_##member), .sub = &list_schema}
static const struct field stream_fields[] = {
	NAME(receipt_stream, stream),
	{.name = "rings", .kind = FIELD_TEXTS, .at = offsetof(struct receipt_stream, rings),
	 .count_at = offsetof(struct receipt_stream, rings_n), .min = 1, .max = MAX_NAME_LEN, .max_count = MAX_RINGS,
	 .check = names_check},
	LIST(newest),
	LIST(complete),
	LIST(rollback),
	NUMBER(receipt_stream, sequence, 0, MAX_REVISION),
	{.name = "arrived", .kind = FIELD_TIME, .at = offsetof(struct receipt_stream, arrived), .optional = true,
	 .present_at = offsetof(struct receipt_stream, has_arrived)},
	NUMBER(receipt_stream, waiting, 0, MAX_ITEMS),
	NUMBER(receipt_stream, missing, 0, MAX_SUM),
	NUMBER(receipt_stream, bytes, 0, MAX_SUM),
	{0}
};
static const struct schema stream_schema = {.size = sizeof(struct receipt_stream), .fields = stream_fields};

static const struct field bundle_fields[] = {
	NAME(receipt_bundle, stream),
	NUMBER(receipt_bundle, sequence, 1, MAX_REVISION),
	DIGEST(receipt_bundle, manifest),
	TIME(receipt_bundle, arrived),
	{0}
};
static const struct schema bundle_schema = {.size = sizeof(struct receipt_bundle), .fields = bundle_fields};

static const struct field waiting_fields[] = {
	NAME(receipt_waiting, stream),
	{.name = "item", .kind = FIELD_TEXT, .at = offsetof(struct receipt_waiting, item), .min = 1, .max = PATH_MAX_LEN,
	 .check = path_check},
	NUMBER(receipt_waiting, revision, 1, MAX_REVISION),
	NUMBER(receipt_waiting, objects, 0, MAX_SUM),
	NUMBER(receipt_waiting, bytes, 0, MAX_SUM),
	{.name = "why", .kind = FIELD_TEXT, .at = offsetof(struct receipt_waiting, why), .min = 1, .max = PATH_MAX_LEN + 64},
	{0}
};
static const struct schema waiting_schema = {.size = sizeof(struct receipt_waiting), .fields = waiting_fields};

#define EXTENT(member, least) \
	{.name = #member, .kind = FIELD_NUMBER, .at = offsetof(struct receipt_missing, member), .optional = true, \
	 .present_at = offsetof(struct receipt_missing, has_##member), .min = least, .max = MAX_OBJECT_SIZE}
static const struct field missing_fields[] = {
	DIGEST(receipt_missing, sha256),
	EXTENT(size, 0),
	EXTENT(from, 0),
	EXTENT(length, 1),
	{0}
};
static const struct schema missing_schema = {.size = sizeof(struct receipt_missing), .fields = missing_fields};

static const char *const events[] = {"refused", "failed", "alarm", NULL};	/* in order of RECEIPT_REFUSED ... */
static const struct field refusal_fields[] = {
	TIME(receipt_refusal, time),
	{.name = "event", .kind = FIELD_CHOICE, .at = offsetof(struct receipt_refusal, event), .words = events},
	{.name = "reason", .kind = FIELD_TEXT, .at = offsetof(struct receipt_refusal, reason), .min = 1, .max = MAX_WORD_LEN},
	NOTE(receipt_refusal, bundle),
	NOTE(receipt_refusal, text),
	{0}
};
static const struct schema refusal_schema = {.size = sizeof(struct receipt_refusal), .fields = refusal_fields};

static const struct field history_fields[] = {
	NUMBER(receipt_history, counter, 1, MAX_REVISION),
	NUMBER(receipt_history, length, 1, MAX_SUM),
	DIGEST(receipt_history, head),
	{0}
};
static const struct schema history_schema = {.size = sizeof(struct receipt_history), .fields = history_fields};

/* ---- rules between fields ---- */

static int check_texts(char *const *list, size_t n, const char *what, struct err *e)
{
	for (size_t i = 1; i < n; i++)
		if (strcmp(list[i - 1], list[i]) >= 0)
			return err_set(e, R_DOCUMENT_FORM, "%s: \"%s\" comes twice, or not in order", what, list[i]);
	return 0;
}

static int check_streams(const struct receipt *r, struct err *e)
{
	for (size_t i = 0; i < r->streams_n; i++) {
		const struct receipt_stream *s = &r->streams[i];

		if (i > 0 && strcmp(s[-1].stream, s->stream) >= 0)
			return err_set(e, R_DOCUMENT_FORM, "streams: \"%s\" comes twice, or not in order", s->stream);
		if (s->rings_n == 0)
			return err_set(e, R_DOCUMENT_FORM, "streams: \"%s\" has no ring", s->stream);
		if (check_texts(s->rings, s->rings_n, "rings", e) == -1)
			return err_prefix(e, "streams: \"%s\"", s->stream);
	}
	return 0;
}

static int compare_bundles(const struct receipt_bundle *a, const struct receipt_bundle *b)
{
	int c = strcmp(a->stream, b->stream);

	if (c != 0)
		return c;
	if (a->sequence != b->sequence)
		return a->sequence < b->sequence ? -1 : 1;
	return digest_compare(&a->manifest, &b->manifest);
}

static int check_bundles(const struct receipt *r, struct err *e)
{
	for (size_t i = 0; i < r->bundles_n; i++) {
		const struct receipt_bundle *b = &r->bundles[i];
		const struct receipt_stream *s = receipt_stream(r, b->stream);

		if (i > 0 && compare_bundles(b - 1, b) >= 0)
			return err_set(e, R_DOCUMENT_FORM, "bundles: %llu of \"%s\" comes twice, or not in order",
				       (unsigned long long)b->sequence, b->stream);
		if (s == NULL || b->sequence > s->sequence)
			return err_set(e, R_DOCUMENT_FORM, "bundles: %llu of \"%s\" does not fit what `streams` says",
				       (unsigned long long)b->sequence, b->stream);
	}
	return 0;
}

/* The extent of a record: all of the object where it names none. */
static int check_extent(const struct receipt_missing *m, struct err *e)
{
	if (m->has_from != m->has_length || (m->has_from && !m->has_size))
		return err_set(e, R_DOCUMENT_FORM, "`from`, `length` and `size` belong together");
	if (m->has_from && (m->length >= m->size || m->from > m->size - m->length))
		return err_set(e, R_DOCUMENT_FORM, "an extent that is not a part of the object");
	return 0;
}

static int check_missing(const struct receipt *r, struct err *e)
{
	uint64_t objects = 0;
	char hex[DIGEST_HEX + 1];

	for (size_t i = 0; i < r->missing_n; i++) {
		const struct receipt_missing *m = &r->missing[i], *last = m - 1;
		int order = i == 0 ? -1 : digest_compare(&last->sha256, &m->sha256);

		objects += order != 0;
		if (check_extent(m, e) == -1)
			return err_prefix(e, "missing: %s", digest_hex(&m->sha256, hex));
		if (order < 0)
			continue;
		if (order > 0 || !last->has_from || !m->has_from || m->size != last->size || m->from < last->from + last->length)
			return err_set(e, R_DOCUMENT_FORM, "missing: %s is there twice, or not in order",
				       digest_hex(&m->sha256, hex));
	}
	if (objects > r->lacks)
		return err_set(e, R_DOCUMENT_FORM, "missing: more objects than `lacks` says");
	return 0;
}

static int check_history(const struct receipt *r, struct err *e)
{
	for (size_t i = 1; i < r->history_n; i++)
		if (r->history[i - 1].counter >= r->history[i].counter || r->history[i - 1].length >= r->history[i].length)
			return err_set(e, R_DOCUMENT_FORM, "history: counter %llu is out of order",
				       (unsigned long long)r->history[i].counter);
	if (r->history_n == 0 || r->history[r->history_n - 1].counter != r->counter)
		return err_set(e, R_DOCUMENT_FORM, "history: does not end with this receipt");
	return 0;
}

static int check_receipt(const void *value, struct err *e)
{
	const struct receipt *r = value;

	if (r->has_objects && r->objects.size != r->objects.count * RECEIPT_LINE)
		return err_set(e, R_DOCUMENT_FORM, "objects: %llu of them do not take %llu bytes",
			       (unsigned long long)r->objects.count, (unsigned long long)r->objects.size);
	for (size_t i = 1; i < r->waiting_n; i++) {
		int c = strcmp(r->waiting[i - 1].stream, r->waiting[i].stream);

		if (c > 0 || (c == 0 && strcmp(r->waiting[i - 1].item, r->waiting[i].item) > 0))
			return err_set(e, R_DOCUMENT_FORM, "waiting: \"%s\" is out of order", r->waiting[i].item);
	}
	if (check_texts(r->reads, r->reads_n, "reads", e) == -1 || check_streams(r, e) == -1 || check_bundles(r, e) == -1 ||
	    check_missing(r, e) == -1)
		return -1;
	return check_history(r, e);
}

static const struct field receipt_fields[] = {
	NAME(receipt, store),
	NUMBER(receipt, counter, 1, MAX_REVISION),
	TIME(receipt, time),
	{.name = "trust", .kind = FIELD_MAP, .at = offsetof(struct receipt, trust), .sub = &trust_sub},
	{.name = "reads", .kind = FIELD_TEXTS, .at = offsetof(struct receipt, reads),
	 .count_at = offsetof(struct receipt, reads_n), .min = 1, .max = MAX_READ_LEN, .max_count = MAX_READS},
	{.name = "sandbox", .kind = FIELD_TEXT, .at = offsetof(struct receipt, sandbox), .optional = true, .min = 1,
	 .max = RECEIPT_MAX_SANDBOX},
	{.name = "objects", .kind = FIELD_MAP, .at = offsetof(struct receipt, objects), .optional = true,
	 .present_at = offsetof(struct receipt, has_objects), .sub = &objects_sub},
	NUMBER(receipt, lacks, 0, MAX_SUM),
	{.name = "streams", .kind = FIELD_ENTRIES, .at = offsetof(struct receipt, streams),
	 .count_at = offsetof(struct receipt, streams_n), .max_count = MAX_STREAMS, .sub = &stream_schema},
	RECORDS(bundles, MAX_RECEIPT_BUNDLES, bundle_schema),
	RECORDS(waiting, MAX_RECEIPT_WAITING, waiting_schema),
	RECORDS(missing, MAX_RECEIPT_MISSING, missing_schema),
	RECORDS(refusals, MAX_RECEIPT_REFUSALS, refusal_schema),
	RECORDS(history, MAX_RECEIPT_HISTORY, history_schema),
	{0}
};
const struct schema receipt_schema = {
	.type = "receipt", .size = sizeof(struct receipt), .fields = receipt_fields, .check = check_receipt
};

/* ---- the whole ---- */

static int load(struct receipt *r, const void *data, size_t len, struct err *e)
{
	if (len > MAX_RECEIPT_SIZE)
		return err_set(e, R_DOCUMENT_TOO_LARGE, "%zu bytes, and a receipt has at most %u", len, MAX_RECEIPT_SIZE);
	if (schema_parse(&receipt_schema, data, len, r, &r->arena, e) == -1)
		return -1;
	buf_append(&r->bytes, data, len);
	if (buf_ok(&r->bytes, e) == -1)
		return -1;
	return digest_of(data, len, &r->digest, e);
}

struct receipt *receipt_parse(const void *data, size_t len, struct err *e)
{
	struct receipt *r = calloc(1, sizeof *r);

	if (r == NULL) {
		err_mem(e);
		return NULL;
	}
	if (load(r, data, len, e) == 0)
		return r;
	receipt_free(r);
	return NULL;
}

void receipt_free(struct receipt *r)
{
	if (r == NULL)
		return;
	arena_free(&r->arena);
	buf_free(&r->bytes);
	free(r);
}

int receipt_encode(const struct receipt *r, struct buf *out, struct err *e)
{
	size_t before = out->len;

	if (schema_encode(&receipt_schema, r, out, e) == -1)
		return -1;
	if (out->len - before > MAX_RECEIPT_SIZE)
		return err_set(e, R_DOCUMENT_TOO_LARGE, "the receipt takes %zu bytes, at most %u are allowed",
			       out->len - before, MAX_RECEIPT_SIZE);
	return 0;
}

/* ---- questions ---- */

const struct receipt_stream *receipt_stream(const struct receipt *r, const char *stream)
{
	for (size_t i = 0; i < r->streams_n; i++)
		if (strcmp(r->streams[i].stream, stream) == 0)
			return &r->streams[i];
	return NULL;
}

bool receipt_has_bundle(const struct receipt *r, const char *stream, uint64_t sequence, const struct digest *manifest)
{
	bool first = true;

	for (size_t i = 0; i < r->bundles_n; i++) {
		const struct receipt_bundle *b = &r->bundles[i];

		if (strcmp(b->stream, stream) != 0)
			continue;
		/* a full list may have lost those with lower sequences */
		if (first && r->bundles_n == MAX_RECEIPT_BUNDLES && sequence < b->sequence)
			return true;
		first = false;
		if (b->sequence == sequence && digest_equal(&b->manifest, manifest))
			return true;
	}
	return false;
}

size_t receipt_find_missing(const struct receipt *r, const struct digest *d, size_t *count)
{
	size_t low = 0, high = r->missing_n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (digest_compare(&r->missing[middle].sha256, d) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*count = 0;
	while (low + *count < r->missing_n && digest_equal(&r->missing[low + *count].sha256, d))
		++*count;
	return low;
}

const struct receipt_history *receipt_history(const struct receipt *r, uint64_t counter)
{
	for (size_t i = 0; i < r->history_n; i++)
		if (r->history[i].counter == counter)
			return &r->history[i];
	return NULL;
}

static bool same_history(const struct receipt_history *a, const struct receipt_history *b)
{
	return a->length == b->length && digest_equal(&a->head, &b->head);
}

/* Whether what both histories tell of is the same. */
static bool agree(const struct receipt *a, const struct receipt *b)
{
	for (size_t i = 0; i < a->history_n; i++) {
		const struct receipt_history *h = receipt_history(b, a->history[i].counter);

		if (h != NULL && !same_history(&a->history[i], h))
			return false;
	}
	return true;
}

/* Whether `late` tells of the receipt `early`: 1; 0 where its history ends before; -1 where it would have to. */
static int tells_of(const struct receipt *late, const struct receipt *early)
{
	if (receipt_history(late, early->counter) != NULL)
		return 1;
	return late->history[0].counter < early->counter || late->history_n < MAX_RECEIPT_HISTORY ? -1 : 0;
}

enum receipt_order receipt_compare(const struct receipt *last, const struct receipt *next)
{
	int told;

	if (next->counter == last->counter)
		return digest_equal(&next->digest, &last->digest) ? RECEIPT_SAME : RECEIPT_FORKED;
	told = next->counter > last->counter ? tells_of(next, last) : tells_of(last, next);
	if (told == -1 || !agree(last, next))
		return RECEIPT_FORKED;
	if (next->counter < last->counter)
		return RECEIPT_OLDER;
	return told == 1 ? RECEIPT_NEXT : RECEIPT_APART;
}

/* ---- the file of digests ---- */

static int judge_line(struct receipt_held *h, struct err *e)
{
	struct digest d;

	if (h->line[RECEIPT_LINE - 1] != '\n' || digest_parse(h->line, DIGEST_HEX, &d) == -1)
		return err_set(e, R_DOCUMENT_FORM, "line %llu: no digest of 64 digits and a line feed",
			       (unsigned long long)h->count + 1);
	if (h->count > 0 && digest_compare(&h->last, &d) >= 0)
		return err_set(e, R_DOCUMENT_FORM, "line %llu: twice, or not in order", (unsigned long long)h->count + 1);
	h->last = d;
	h->count++;
	h->at = 0;
	return 0;
}

int receipt_held_add(struct receipt_held *h, const void *data, size_t len, struct err *e)
{
	const char *p = data;

	while (len > 0) {
		size_t n = RECEIPT_LINE - h->at < len ? RECEIPT_LINE - h->at : len;

		memcpy(h->line + h->at, p, n);
		h->at += n;
		p += n;
		len -= n;
		if (h->at == RECEIPT_LINE && judge_line(h, e) == -1)
			return -1;
	}
	return 0;
}

int receipt_held_end(const struct receipt_held *h, const struct receipt_objects *o, struct err *e)
{
	if (h->at != 0)
		return err_set(e, R_DOCUMENT_FORM, "the last line is not whole");
	if (h->count != o->count)
		return err_set(e, R_DOCUMENT_FORM, "%llu lines, and the receipt says %llu", (unsigned long long)h->count,
			       (unsigned long long)o->count);
	return 0;
}

/*
 * Reading contents lists: documents are fetched one at a time and records handed out from memory. Nothing is believed
 * that the digest in a ref does not bind. Refuses documents with other bytes, lists that are cut otherwise than the
 * one way, records out of order or below another across parts, and counts that differ from what was approved.
 */
#include "manifests/contents.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/num.h"
#include "manifests/limits.h"
#include "manifests/order.h"
#include "manifests/reason.h"

#include "lib/banned.h"

struct contents_reader {
	char *item;
	struct contents_ref ref;
	contents_fetch *fetch;
	void *arg;
	struct digest_ctx *ctx;
	struct arena list_arena, part_arena;
	struct contents_document list;
	struct contents_part_document part;
	struct buf bytes;	/* of the document last fetched */
	struct order order;	/* across parts */
	const struct record *records;	/* of the list itself, or of the part that is open */
	size_t records_n, at;
	size_t next_part;	/* index of the first part not met yet */
	uint64_t files, sum;
	bool gap;	/* a part was not there, or skipped */
	bool failed;
};

/* 0; 1 where it isn't there; -1. What was fetched is what the digest names, or it is refused. */
static int fetch(struct contents_reader *r, const struct digest *d, uint64_t size, struct err *e)
{
	struct digest got;
	int rc;

	buf_clear(&r->bytes);
	rc = r->fetch(r->arg, d, size, &r->bytes, e);
	if (rc != 0)
		return rc;
	if (r->bytes.len != size)
		return err_set(e, R_OBJECT_DIGEST, "has %zu bytes, not %llu", r->bytes.len, (unsigned long long)size);
	digest_update(r->ctx, r->bytes.data, r->bytes.len);
	if (digest_final(r->ctx, &got, e) == -1)
		return -1;
	return digest_equal(&got, d) ? 0 : err_set(e, R_OBJECT_DIGEST, "its bytes do not have its digest");
}

static int count(struct contents_reader *r, struct err *e)
{
	for (size_t i = 0; i < r->records_n; i++) {
		r->files += r->records[i].has_file;
		if (r->records[i].has_file && (num_add(r->sum, r->records[i].size, &r->sum) || r->sum > MAX_SUM))
			return err_set(e, R_DOCUMENT_FORM, "its files come to more than %llu bytes", MAX_SUM);
	}
	return 0;
}

/* Whether a list holds its records itself: that stands in its third line. */
static bool has_records(const struct buf *b)
{
	static const char field[] = "\nfiles:";
	const char *p = b->len > 0 ? memchr(b->data, '\n', b->len) : NULL, *end = (const char *)b->data + b->len;

	p = p ? memchr(p + 1, '\n', (size_t)(end - p - 1)) : NULL;
	return p && (size_t)(end - p) >= sizeof field - 1 && memcmp(p, field, sizeof field - 1) == 0;
}

static int load_list(struct contents_reader *r, bool only_parts, struct err *e)
{
	int rc;

	if (r->ref.size > MAX_CONTENTS_SIZE)
		return err_set(e, R_DOCUMENT_TOO_LARGE, "%llu bytes, at most %u are allowed", (unsigned long long)r->ref.size,
			       MAX_CONTENTS_SIZE);
	rc = fetch(r, &r->ref.sha256, r->ref.size, e);
	if (rc != 0)
		return rc;
	if (only_parts && has_records(&r->bytes))
		return 0;
	if (schema_parse(&contents_schema, r->bytes.data, r->bytes.len, &r->list, &r->list_arena, e) == -1)
		return -1;
	buf_free(&r->bytes);	/* parts are much smaller than a long list of them */
	if (strcmp(r->list.item, r->item) != 0)
		return err_set(e, R_DOCUMENT_FORM, "is of the item \"%s\"", r->list.item);
	r->records = r->list.files;
	r->records_n = r->list.files_n;
	return count(r, e);
}

static int open_list(const struct contents_ref *ref, const char *item, bool only_parts, contents_fetch *get, void *arg,
		     struct contents_reader **out, struct err *e)
{
	struct contents_reader *r = calloc(1, sizeof *r);
	int rc = -1;

	*out = NULL;
	if (r == NULL)
		return err_mem(e);
	r->ref = *ref;
	r->fetch = get;
	r->arg = arg;
	r->item = strdup(item);
	r->ctx = digest_open(e);
	if (r->item == NULL)
		err_mem(e);
	if (r->item != NULL && r->ctx != NULL)
		rc = load_list(r, only_parts, e);
	if (rc == 0) {
		*out = r;
		return 0;
	}
	if (rc == -1)
		err_prefix(e, "contents list of \"%s\"", item);
	contents_reader_close(r);
	return rc;
}

int contents_reader_open(const struct contents_ref *ref, const char *item, contents_fetch *get, void *arg,
			 struct contents_reader **out, struct err *e)
{
	return open_list(ref, item, false, get, arg, out, e);
}

int contents_parts(const struct contents_ref *ref, const char *item, contents_fetch *get, void *arg,
		   int (*each)(void *arg, const struct contents_part *p, struct err *e), void *each_arg, struct err *e)
{
	struct contents_reader *r;
	int rc = open_list(ref, item, true, get, arg, &r, e);

	for (size_t i = 0; rc == 0 && i < r->list.parts_n; i++)
		rc = each(each_arg, &r->list.parts[i], e);
	contents_reader_close(r);
	return rc;
}

void contents_reader_close(struct contents_reader *r)
{
	if (r == NULL)
		return;
	arena_free(&r->list_arena);
	arena_free(&r->part_arena);
	buf_free(&r->bytes);
	digest_close(r->ctx);
	free(r->item);
	free(r);
}

/* What the part alone can't tell: its place in the list, and that its end is one of the places where lists are cut. */
static int judge_part(struct contents_reader *r, const struct contents_part *p, struct err *e)
{
	const struct contents_part_document *d = &r->part;
	bool cut;

	if (d->files_n != p->records || strcmp(d->files[0].path, p->first) != 0)
		return err_set(e, R_DOCUMENT_FORM, "is not the part that the list says: %zu records from \"%s\" on", d->files_n,
			       d->files[0].path);
	for (size_t i = 0; i < d->files_n; i++)
		if (record_check_place(&d->files[i], r->item, e) == -1 || order_next(&r->order, d->files[i].path, e) == -1)
			return -1;
	if (r->next_part == r->list.parts_n || d->files_n == MAX_PART_RECORDS)
		return 0;
	if (contents_cut(r->ctx, d->files[d->files_n - 1].path, &cut, e) == -1)
		return -1;
	return cut ? 0 : err_set(e, R_DOCUMENT_FORM, "the part must not end after \"%s\"", d->files[d->files_n - 1].path);
}

/* The first record of a part that stays unread is known by the list: what follows is judged against it. */
static int pass_over(struct contents_reader *r, const struct contents_part *p, struct err *e)
{
	r->gap = true;
	r->records_n = r->at = 0;
	return order_next(&r->order, p->first, e);
}

static int load_part(struct contents_reader *r, struct err *e)
{
	const struct contents_part *p = &r->list.parts[r->next_part++];
	int rc = fetch(r, &p->sha256, p->size, e);

	if (rc == -1)
		return -1;
	if (rc == 1)
		return pass_over(r, p, e) == -1 ? -1 : 2;
	arena_free(&r->part_arena);
	if (schema_parse(&contents_part_schema, r->bytes.data, r->bytes.len, &r->part, &r->part_arena, e) == -1 ||
	    judge_part(r, p, e) == -1)
		return -1;
	r->records = r->part.files;
	r->records_n = r->part.files_n;
	r->at = 0;
	return count(r, e);
}

static int end(struct contents_reader *r, struct err *e)
{
	if (r->gap || (r->files == r->ref.files && r->sum == r->ref.bytes))
		return 0;
	return err_set(e, R_DOCUMENT_FORM, "has %llu files of %llu bytes, and %llu of %llu were approved",
		       (unsigned long long)r->files, (unsigned long long)r->sum, (unsigned long long)r->ref.files,
		       (unsigned long long)r->ref.bytes);
}

static int next(struct contents_reader *r, struct err *e)
{
	char hex[DIGEST_HEX + 1];
	int rc;

	if (r->at < r->records_n)
		return 1;
	if (r->next_part == r->list.parts_n)
		return end(r, e) == -1 ? err_prefix(e, "contents list of \"%s\"", r->item) : 0;
	rc = load_part(r, e);
	if (rc == -1)
		return err_prefix(e, "contents list of \"%s\": part %s", r->item,
				  digest_hex(&contents_reader_part(r)->sha256, hex));
	return rc == 0 ? 1 : 2;
}

int contents_reader_next(struct contents_reader *r, const struct record **out, struct err *e)
{
	int rc;

	if (r->failed)
		return err_set(e, ERR_INTERNAL, "contents list of \"%s\": read on after an error", r->item);
	rc = next(r, e);
	r->failed = rc == -1;
	*out = rc == 1 ? &r->records[r->at++] : NULL;
	return rc;
}

const struct contents_part *contents_reader_parts(const struct contents_reader *r, size_t *n)
{
	*n = r->list.parts_n;
	return *n > 0 ? r->list.parts : NULL;
}

const struct contents_part *contents_reader_part(const struct contents_reader *r)
{
	return r->next_part > 0 ? &r->list.parts[r->next_part - 1] : NULL;
}

const struct contents_part *contents_reader_ahead(const struct contents_reader *r)
{
	return r->at < r->records_n || r->next_part == r->list.parts_n ? NULL : &r->list.parts[r->next_part];
}

const char *contents_reader_peek(const struct contents_reader *r)
{
	const struct contents_part *p = contents_reader_ahead(r);

	if (p != NULL)
		return p->first;
	return r->at < r->records_n ? r->records[r->at].path : NULL;
}

int contents_reader_skip(struct contents_reader *r, struct err *e)
{
	const struct contents_part *p = contents_reader_ahead(r);

	if (p == NULL)
		return err_set(e, ERR_INTERNAL, "contents list of \"%s\": no part to skip here", r->item);
	r->next_part++;
	if (pass_over(r, p, e) == 0)
		return 0;
	r->failed = true;
	return err_prefix(e, "contents list of \"%s\"", r->item);
}

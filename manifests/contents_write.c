/*
 * Writing contents lists: records come in one by one, documents go out as they are done. Holds back the first
 * MAX_PART_RECORDS records, for a list of no more than these has no parts; after them, one part. Refuses records out
 * of order, and lists that no reader would take for their size.
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

struct run {	/* records that make a part */
	char *first;
	size_t len;	/* of their lines */
	uint64_t records;
};

struct contents_writer {
	char *item;
	contents_put *put;
	void *arg;
	struct digest_ctx *ctx;
	struct order order;
	struct buf lines;	/* of the runs that wait, then of the run that grows */
	struct run waiting[MAX_PART_RECORDS];
	size_t waiting_n;
	struct run run;
	struct contents_part *parts;	/* those put so far */
	size_t parts_n, parts_cap;
	uint64_t records, files, bytes;
	bool failed;
};

struct contents_writer *contents_writer_open(const char *item, contents_put *put, void *arg, struct err *e)
{
	struct contents_writer *w = calloc(1, sizeof *w);

	if (w == NULL) {
		err_mem(e);
		return NULL;
	}
	w->put = put;
	w->arg = arg;
	w->item = strdup(item);
	w->ctx = digest_open(e);
	if (w->item == NULL)
		err_mem(e);
	if (w->item != NULL && w->ctx != NULL)
		return w;
	contents_writer_free(w);
	return NULL;
}

void contents_writer_free(struct contents_writer *w)
{
	if (w == NULL)
		return;
	for (size_t i = 0; i < w->waiting_n; i++)
		free(w->waiting[i].first);
	for (size_t i = 0; i < w->parts_n; i++)
		free(w->parts[i].first);
	free(w->parts);
	free(w->run.first);
	free(w->item);
	digest_close(w->ctx);
	buf_free(&w->lines);
	free(w);
}

static int put_document(struct contents_writer *w, const struct buf *b, size_t max, struct digest *d, struct err *e)
{
	if (buf_ok(b, e) == -1)
		return -1;
	if (b->len > max)
		return err_set(e, R_DOCUMENT_TOO_LARGE, "item \"%s\": a document of its contents list takes %zu bytes, at most "
			       "%zu are allowed", w->item, b->len, max);
	digest_update(w->ctx, b->data, b->len);
	if (digest_final(w->ctx, d, e) == -1)
		return -1;
	return w->put(w->arg, d, b->data, b->len, e);
}

static int grow_parts(struct contents_writer *w, struct err *e)
{
	size_t cap = w->parts_cap == 0 ? 64 : w->parts_cap * 2;
	struct contents_part *more;

	if (w->parts_n == MAX_PARTS)
		return err_set(e, R_DOCUMENT_TOO_LARGE, "item \"%s\": more than %d parts of its contents list", w->item, MAX_PARTS);
	if (w->parts_n < w->parts_cap)
		return 0;
	more = realloc(w->parts, cap * sizeof *more);
	if (more == NULL)
		return err_mem(e);
	w->parts = more;
	w->parts_cap = cap;
	return 0;
}

/* Puts the part made of these lines. Takes run->first over. */
static int put_part(struct contents_writer *w, struct run *run, const uint8_t *lines, struct err *e)
{
	static const struct contents_part_document none;
	struct contents_part part = {.first = run->first, .records = run->records};
	struct buf b = {0};
	int rc = -1;

	if (grow_parts(w, e) == -1 || schema_encode_head(&contents_part_schema, &none, &b, e) == -1)
		goto out;
	schema_encode_list("files", false, &b);
	buf_append(&b, lines, run->len);
	if (put_document(w, &b, MAX_PART_SIZE, &part.sha256, e) == -1)
		goto out;
	part.size = b.len;
	w->parts[w->parts_n++] = part;
	*run = (struct run){0};
	rc = 0;
out:
	buf_free(&b);
	return rc;
}

/* The list is longer than one without parts may be: what was held back goes out. */
static int put_waiting(struct contents_writer *w, struct err *e)
{
	size_t at = 0, i = 0;
	int rc = 0;

	for (; i < w->waiting_n && rc == 0; i++) {
		size_t len = w->waiting[i].len;

		rc = put_part(w, &w->waiting[i], w->lines.data + at, e);
		at += len;
	}
	if (rc == -1)
		return -1;
	w->waiting_n = 0;
	memmove(w->lines.data, w->lines.data + at, w->lines.len - at);
	w->lines.len -= at;
	return 0;
}

static int end_run(struct contents_writer *w, struct err *e)
{
	if (w->records <= MAX_PART_RECORDS) {
		w->waiting[w->waiting_n++] = w->run;
		w->run = (struct run){0};
		return 0;
	}
	if (put_part(w, &w->run, w->lines.data, e) == -1)
		return -1;
	buf_clear(&w->lines);
	return 0;
}

static int append(struct contents_writer *w, const struct record *r, struct err *e)
{
	size_t before;
	bool cut;

	if (w->records == MAX_PART_RECORDS && put_waiting(w, e) == -1)
		return -1;
	before = w->lines.len;
	schema_encode_record(&record_schema, r, &w->lines);
	if (buf_ok(&w->lines, e) == -1 || contents_cut(w->ctx, r->path, &cut, e) == -1)
		return -1;
	if (w->run.records == 0 && (w->run.first = strdup(r->path)) == NULL)
		return err_mem(e);
	w->run.len += w->lines.len - before;
	w->run.records++;
	w->records++;
	w->files += r->has_file;
	if (r->has_file && (num_add(w->bytes, r->size, &w->bytes) || w->bytes > MAX_SUM))
		return err_set(e, R_DOCUMENT_TOO_LARGE, "item \"%s\": its files come to more than %llu bytes", w->item, MAX_SUM);
	return cut || w->run.records == MAX_PART_RECORDS ? end_run(w, e) : 0;
}

int contents_writer_add(struct contents_writer *w, const struct record *r, struct err *e)
{
	if (w->failed)
		return err_set(e, ERR_INTERNAL, "contents list of \"%s\": written to after an error", w->item);
	if (record_check(r, w->item, e) == -1 || order_next(&w->order, r->path, e) == -1)
		return -1;
	w->failed = append(w, r, e) == -1;
	return w->failed ? -1 : 0;
}

static int put_list(struct contents_writer *w, struct contents_ref *ref, struct err *e)
{
	const struct contents_document head = {.item = w->item};
	struct buf b = {0};
	int rc = -1;

	if (schema_encode_head(&contents_schema, &head, &b, e) == -1)
		goto out;
	schema_encode_list(w->parts_n > 0 ? "parts" : "files", false, &b);
	if (w->parts_n == 0)
		buf_append(&b, w->lines.data, w->lines.len);
	for (size_t i = 0; i < w->parts_n; i++)
		schema_encode_record(&contents_part_ref_schema, &w->parts[i], &b);
	*ref = (struct contents_ref){.size = b.len, .files = w->files, .bytes = w->bytes};
	rc = put_document(w, &b, MAX_CONTENTS_SIZE, &ref->sha256, e);
out:
	buf_free(&b);
	return rc;
}

int contents_writer_finish(struct contents_writer *w, struct contents_ref *ref, struct err *e)
{
	if (w->failed)
		return err_set(e, ERR_INTERNAL, "contents list of \"%s\": ended after an error", w->item);
	w->failed = true;	/* whatever comes of it, nothing may follow */
	if (w->records == 0)
		return err_set(e, R_DOCUMENT_FORM, "item \"%s\": a contents list has at least one record", w->item);
	if (w->records > MAX_PART_RECORDS && w->run.records > 0 && end_run(w, e) == -1)
		return -1;
	return put_list(w, ref, e);
}

/*
 * Contents lists: the tables of their documents, the judge of one record, and what one document alone can tell.
 * Refuses records that would publish anything outside their item or a link that leaves the published tree, records
 * that stand below another, and lists that are cut into parts in any other way than the one (FORMAT 6).
 */
#include "manifests/contents.h"

#include <string.h>

#include "lib/err.h"
#include "lib/path.h"
#include "manifests/limits.h"
#include "manifests/order.h"
#include "manifests/reason.h"

#include "lib/banned.h"

/* As far as it can be told without the item; record_check_place knows how deep the link stands. */
static int check_target(const char *target, size_t len, struct err *e)
{
	return path_check_link(target, len, PATH_MAX_DEPTH, e);
}

static int check_kind(const void *value, struct err *e)
{
	const struct record *r = value;

	if (r->has_sha256 != r->has_file || r->has_mtime != r->has_file)
		return err_set(e, R_DOCUMENT_FORM, "\"%s\": size, sha256 and mtime stand together or not at all", r->path);
	if (r->has_file + (r->link != NULL) + r->dir != 1)
		return err_set(e, R_DOCUMENT_FORM, "\"%s\": must be a file, a link or an empty directory, one of them", r->path);
	if (r->exec && !r->has_file)
		return err_set(e, R_DOCUMENT_FORM, "\"%s\": exec, and it is no file", r->path);
	return 0;
}

static const struct field record_fields[] = {
	{.name = "path", .kind = FIELD_TEXT, .at = offsetof(struct record, path), .min = 1, .max = PATH_MAX_LEN,
	 .check = path_check},
	{.name = "size", .kind = FIELD_NUMBER, .at = offsetof(struct record, size), .optional = true,
	 .present_at = offsetof(struct record, has_file), .max = MAX_OBJECT_SIZE},
	{.name = "sha256", .kind = FIELD_DIGEST, .at = offsetof(struct record, sha256), .optional = true,
	 .present_at = offsetof(struct record, has_sha256)},
	{.name = "mtime", .kind = FIELD_TIME, .at = offsetof(struct record, mtime), .optional = true,
	 .present_at = offsetof(struct record, has_mtime)},
	{.name = "exec", .kind = FIELD_FLAG, .at = offsetof(struct record, exec), .optional = true},
	{.name = "link", .kind = FIELD_TEXT, .at = offsetof(struct record, link), .optional = true, .min = 1,
	 .max = PATH_MAX_LEN, .check = check_target},
	{.name = "dir", .kind = FIELD_FLAG, .at = offsetof(struct record, dir), .optional = true},
	{0},
};
const struct schema record_schema = {.size = sizeof(struct record), .fields = record_fields, .check = check_kind};

static const struct field part_ref_fields[] = {
	{.name = "first", .kind = FIELD_TEXT, .at = offsetof(struct contents_part, first), .min = 1, .max = PATH_MAX_LEN,
	 .check = path_check},
	{.name = "records", .kind = FIELD_NUMBER, .at = offsetof(struct contents_part, records), .min = 1,
	 .max = MAX_PART_RECORDS},
	{.name = "sha256", .kind = FIELD_DIGEST, .at = offsetof(struct contents_part, sha256)},
	{.name = "size", .kind = FIELD_NUMBER, .at = offsetof(struct contents_part, size), .min = 1, .max = MAX_PART_SIZE},
	{0},
};
const struct schema contents_part_ref_schema = {.size = sizeof(struct contents_part), .fields = part_ref_fields};

static int check_document(const void *value, struct err *e);
static const struct field contents_fields[] = {
	{.name = "item", .kind = FIELD_TEXT, .at = offsetof(struct contents_document, item), .min = 1, .max = PATH_MAX_LEN,
	 .check = path_check},
	{.name = "files", .kind = FIELD_RECORDS, .at = offsetof(struct contents_document, files), .optional = true,
	 .count_at = offsetof(struct contents_document, files_n), .max_count = MAX_PART_RECORDS, .sub = &record_schema},
	{.name = "parts", .kind = FIELD_RECORDS, .at = offsetof(struct contents_document, parts), .optional = true,
	 .count_at = offsetof(struct contents_document, parts_n), .max_count = MAX_PARTS,
	 .sub = &contents_part_ref_schema},
	{0},
};
const struct schema contents_schema = {
	.type = "contents", .size = sizeof(struct contents_document), .fields = contents_fields, .check = check_document,
};

static int check_part(const void *value, struct err *e);
static const struct field part_fields[] = {
	{.name = "files", .kind = FIELD_RECORDS, .at = offsetof(struct contents_part_document, files),
	 .count_at = offsetof(struct contents_part_document, files_n), .max_count = MAX_PART_RECORDS,
	 .sub = &record_schema},
	{0},
};
const struct schema contents_part_schema = {
	.type = "contents-part", .size = sizeof(struct contents_part_document), .fields = part_fields, .check = check_part,
};

/* Item "pool/o/openssl" holds "openssl" and what lies below it, and is published below "pool/o". */
static int check_path_place(const char *path, const char *item, struct err *e)
{
	const char *last = path_last(item);
	size_t parent = (size_t)(last - item), len = strlen(path);

	if (!path_below(path, last))
		return err_set(e, R_NAME, "\"%s\": does not begin with \"%s\", the item's own name", path, last);
	if (parent + len > PATH_MAX_LEN)
		return err_set(e, R_NAME, "\"%s\": path of %zu bytes in the published tree, at most %d are allowed", path,
			       parent + len, PATH_MAX_LEN);
	if (path_depth(item) + path_depth(path) >= PATH_MAX_DEPTH)
		return err_set(e, R_NAME, "\"%s\": more than %d components in the published tree", path, PATH_MAX_DEPTH);
	return 0;
}

int record_check_place(const struct record *r, const char *item, struct err *e)
{
	struct err why = {0};

	if (check_path_place(r->path, item, e) == -1)
		return -1;
	if (r->link != NULL &&
	    path_check_link(r->link, strlen(r->link), path_depth(item) + path_depth(r->path), &why) == -1)
		return err_set(e, why.reason == ERR_NAME ? R_NAME : why.reason, "\"%s\": link to \"%s\": %s", r->path, r->link,
			       why.text);
	return 0;
}

int record_check(const struct record *r, const char *item, struct err *e)
{
	struct err why = {0};

	if (path_check(r->path, strlen(r->path), &why) == -1)
		return err_set(e, why.reason == ERR_NAME ? R_NAME : why.reason, "\"%s\": %s", r->path, why.text);
	if (check_kind(r, e) == -1 || record_check_place(r, item, e) == -1)
		return -1;
	if (r->has_file && r->size > MAX_OBJECT_SIZE)
		return err_set(e, R_DOCUMENT_FORM, "\"%s\": %llu bytes, at most %llu are allowed", r->path,
			       (unsigned long long)r->size, MAX_OBJECT_SIZE);
	return 0;
}

bool record_same_content(const struct record *a, const struct record *b)
{
	if (strcmp(a->path, b->path) != 0 || a->has_file != b->has_file || a->dir != b->dir || a->exec != b->exec)
		return false;
	if (a->has_file && (a->size != b->size || !digest_equal(&a->sha256, &b->sha256)))
		return false;
	return a->link == NULL || b->link == NULL ? a->link == b->link : strcmp(a->link, b->link) == 0;
}

bool record_equal(const struct record *a, const struct record *b)
{
	return record_same_content(a, b) && (!a->has_file || a->mtime == b->mtime);
}

int contents_cut(struct digest_ctx *ctx, const char *path, bool *cut, struct err *e)
{
	struct digest d;
	unsigned tail;

	_Static_assert(PART_CUT_BITS <= 16, "of two bytes");
	digest_update(ctx, path, strlen(path));
	if (digest_final(ctx, &d, e) == -1)
		return -1;
	tail = (unsigned)d.bytes[DIGEST_LEN - 2] << 8 | d.bytes[DIGEST_LEN - 1];
	*cut = (tail & ((1u << PART_CUT_BITS) - 1)) == 0;
	return 0;
}

/* Order, and no cut before the last record: where the list goes on after it, the reader sees. */
static int check_part(const void *value, struct err *e)
{
	const struct contents_part_document *d = value;
	struct digest_ctx *ctx = NULL;
	struct order order = {0};
	bool cut = false;
	int rc = -1;

	if (d->files_n == 0)
		return err_set(e, R_DOCUMENT_FORM, "files: empty");
	ctx = digest_open(e);
	if (ctx == NULL)
		return -1;
	for (size_t i = 0; i < d->files_n; i++) {
		if (cut) {
			err_set(e, R_DOCUMENT_FORM, "\"%s\": the part must end before it", d->files[i].path);
			goto out;
		}
		if (order_next(&order, d->files[i].path, e) == -1 || contents_cut(ctx, d->files[i].path, &cut, e) == -1)
			goto out;
	}
	rc = 0;
out:
	digest_close(ctx);
	return rc;
}

static int check_parts(const struct contents_document *d, struct err *e)
{
	struct order order = {0};
	uint64_t records = 0;

	for (size_t i = 0; i < d->parts_n; i++) {
		records += d->parts[i].records;
		if (check_path_place(d->parts[i].first, d->item, e) == -1 || order_next(&order, d->parts[i].first, e) == -1)
			return -1;
	}
	if (records <= MAX_PART_RECORDS)
		return err_set(e, R_DOCUMENT_FORM, "parts: a list of %llu records must not be cut into parts",
			       (unsigned long long)records);
	return 0;
}

static int check_document(const void *value, struct err *e)
{
	const struct contents_document *d = value;
	struct order order = {0};

	if ((d->files_n > 0) == (d->parts_n > 0))
		return err_set(e, R_DOCUMENT_FORM, "must have records in files or in parts, one of them");
	if (d->parts_n > 0)
		return check_parts(d, e);
	for (size_t i = 0; i < d->files_n; i++)
		if (record_check_place(&d->files[i], d->item, e) == -1 || order_next(&order, d->files[i].path, e) == -1)
			return -1;
	return 0;
}

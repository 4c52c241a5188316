/*
 * The draft between SCAN, DECIDE and FREEZE: a document of three lists of records, read by the exact scanner. Refuses
 * one that is not sorted, or that decides on revisions it doesn't have.
 */
#include "export/draft.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "export/station.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/outfile.h"
#include "lib/path.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"

#include "lib/banned.h"

#define DRAFT_NAME "draft.yaml"
#define MAX_ROWS (4u * MAX_ITEMS)	/* revisions seen; MAX_DRAFT_SIZE is the real bound */

static const struct field revision_fields[] = {
	{.name = "item", .kind = FIELD_TEXT, .at = offsetof(struct draft_revision, item), .min = 1, .max = PATH_MAX_LEN,
	 .check = path_check},
	{.name = "revision", .kind = FIELD_NUMBER, .at = offsetof(struct draft_revision, revision), .min = 1,
	 .max = MAX_REVISION},
	{.name = "contents", .kind = FIELD_MAP, .at = offsetof(struct draft_revision, contents), .sub = &contents_ref_schema},
	{.name = "seen", .kind = FIELD_TIME, .at = offsetof(struct draft_revision, seen)},
	{.name = "requires", .kind = FIELD_TEXTS, .at = offsetof(struct draft_revision, requires),
	 .count_at = offsetof(struct draft_revision, requires_n), .optional = true, .min = 1, .max = PATH_MAX_LEN,
	 .max_count = MAX_REQUIRES, .check = path_check},
	{.name = "declined", .kind = FIELD_FLAG, .at = offsetof(struct draft_revision, declined), .optional = true},
	{.name = "declined_for", .kind = FIELD_TEXTS, .at = offsetof(struct draft_revision, declined_for),
	 .count_at = offsetof(struct draft_revision, declined_for_n), .optional = true, .min = 1, .max = MAX_NAME_LEN,
	 .max_count = MAX_RINGS, .check = names_check},
	{.name = "gone", .kind = FIELD_FLAG, .at = offsetof(struct draft_revision, gone), .optional = true},
	{0},
};
static const struct schema revision_schema = {.size = sizeof(struct draft_revision), .fields = revision_fields};

/* As in a list, but for `since`. */
static const struct field revoked_fields[] = {
	{.name = "item", .kind = FIELD_TEXT, .at = offsetof(struct revocation, item), .min = 1, .max = PATH_MAX_LEN,
	 .check = path_check},
	{.name = "revision", .kind = FIELD_NUMBER, .at = offsetof(struct revocation, revision), .min = 1,
	 .max = MAX_REVISION},
	{.name = "contents", .kind = FIELD_DIGEST, .at = offsetof(struct revocation, contents)},
	{.name = "note", .kind = FIELD_TEXT, .at = offsetof(struct revocation, note), .optional = true, .min = 1,
	 .max = MAX_TITLE_LEN},
	{0},
};
static const struct schema revoked_schema = {.size = sizeof(struct revocation), .fields = revoked_fields};

static const struct field draft_fields[] = {
	{.name = "revisions", .kind = FIELD_RECORDS, .at = offsetof(struct draft, revisions),
	 .count_at = offsetof(struct draft, revisions_n), .max_count = MAX_ROWS, .sub = &revision_schema},
	{.name = "decisions", .kind = FIELD_RECORDS, .at = offsetof(struct draft, decisions),
	 .count_at = offsetof(struct draft, decisions_n), .max_count = MAX_ITEMS, .sub = &approval_schema},
	{.name = "revoked", .kind = FIELD_RECORDS, .at = offsetof(struct draft, revoked),
	 .count_at = offsetof(struct draft, revoked_n), .max_count = MAX_ITEMS, .sub = &revoked_schema},
	{0},
};
const struct schema draft_schema = {.type = "draft", .size = sizeof(struct draft), .fields = draft_fields};

/* Whether (item, revision) is a row behind *at; rows and questions both come in order. */
static bool has_row(const struct draft *d, size_t *at, const char *item, uint64_t revision)
{
	for (; *at < d->revisions_n; ++*at) {
		const struct draft_revision *r = &d->revisions[*at];
		int order = strcmp(r->item, item);

		if (order > 0 || (order == 0 && r->revision > revision))
			return false;
		if (order == 0 && r->revision == revision) {
			++*at;
			return true;
		}
	}
	return false;
}

static int check(const struct draft *d, struct err *e)
{
	size_t at = 0;

	for (size_t i = 1; i < d->revisions_n; i++) {
		const struct draft_revision *a = &d->revisions[i - 1], *b = a + 1;
		int order = strcmp(a->item, b->item);

		if (order > 0 || (order == 0 && a->revision >= b->revision))
			return err_set(e, R_STATION_DAMAGED, "\"%s\" revision %llu is out of order", b->item,
				       (unsigned long long)b->revision);
	}
	for (size_t i = 0; i < d->revisions_n; i++)
		for (size_t k = 1; k < d->revisions[i].declined_for_n; k++)
			if (strcmp(d->revisions[i].declined_for[k - 1], d->revisions[i].declined_for[k]) >= 0)
				return err_set(e, R_STATION_DAMAGED, "\"%s\" revision %llu: its rings are out of order",
					       d->revisions[i].item, (unsigned long long)d->revisions[i].revision);
	for (size_t i = 0; i < d->decisions_n; i++)
		if (!has_row(d, &at, d->decisions[i].item, d->decisions[i].revision))
			return err_set(e, R_STATION_DAMAGED, "decisions: \"%s\" revision %llu is no revision seen, or out of order",
				       d->decisions[i].item, (unsigned long long)d->decisions[i].revision);
	at = 0;
	for (size_t i = 0; i < d->revoked_n; i++)
		if (!has_row(d, &at, d->revoked[i].item, d->revoked[i].revision))
			return err_set(e, R_STATION_DAMAGED, "revoked: \"%s\" revision %llu is no revision seen, or out of order",
				       d->revoked[i].item, (unsigned long long)d->revoked[i].revision);
	return 0;
}

static int parse(const struct station *s, const struct buf *b, struct draft *d, struct err *e)
{
	struct arena a = {0};
	int rc = schema_parse(&draft_schema, b->data, b->len, d, &a, e);

	d->arena = a;
	if (rc == 0)
		rc = check(d, e);
	if (rc == 0)
		return 0;
	err_prefix(e, "%s/" DRAFT_NAME, s->dir.name);
	return station_damaged(e, "move it away; `satchel-export recover MEDIUM` makes it again from the newest list");
}

int draft_lost(const struct station *s, struct err *e)
{
	struct station_list_id *lists;
	size_t n;
	int rc, given_up;

	if (faccessat(s->dir.fd, DRAFT_NAME, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (errno != ENOENT)
		return err_sys(e, "%s/" DRAFT_NAME, s->dir.name);
	rc = station_list_ids(s, &lists, &n, e);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		given_up = station_list_abandoned(s, lists[i], e);
		rc = given_up == -1 ? -1 : !given_up;
	}
	free(lists);
	return rc;
}

static int load(const struct station *s, struct draft *d, struct err *e)
{
	struct buf b = {0};
	struct err cause = {0};
	int rc = file_read_all_at(&s->dir, DRAFT_NAME, MAX_DRAFT_SIZE, &b, &cause);

	if (rc == 0)
		rc = parse(s, &b, d, e);
	else if (cause.reason != ERR_MISSING)
		*e = cause;
	else
		rc = draft_lost(s, e);
	buf_free(&b);
	if (rc != 1)
		return rc;
	err_set(e, R_STATION_DAMAGED, "%s/" DRAFT_NAME ": is gone, and with it what was decided", s->dir.name);
	return err_hint(e, "`satchel-export recover MEDIUM`, or RECEIPT, makes it again from the newest list");
}

struct draft *draft_new(struct err *e)
{
	struct draft *d = calloc(1, sizeof *d);

	if (d == NULL)
		err_mem(e);
	return d;
}

struct draft *draft_load(const struct station *s, struct err *e)
{
	struct draft *d = draft_new(e);

	if (d == NULL || load(s, d, e) == 0)
		return d;
	draft_free(d);
	return NULL;
}

void draft_free(struct draft *d)
{
	if (d == NULL)
		return;
	arena_free(&d->arena);
	free(d);
}

/* One list, record by record, so that a long one needs no memory. Returns the bytes written, 0 after an error. */
static uint64_t write_list(struct outfile *o, const char *name, const struct schema *sub, const void *list, size_t n,
			   struct err *e)
{
	struct buf b = {0};
	uint64_t size;

	schema_encode_list(name, n == 0, &b);
	size = b.len;
	for (size_t i = 0; i < n && !b.failed; i++) {
		outfile_write(o, b.data, b.len);
		buf_clear(&b);
		schema_encode_record(sub, (const char *)list + i * sub->size, &b);
		size += b.len;
	}
	if (buf_ok(&b, e) == -1)
		size = 0;
	else
		outfile_write(o, b.data, b.len);
	buf_free(&b);
	return size;
}

int draft_save(const struct station *s, const struct draft *d, struct err *e)
{
	struct outfile *o = outfile_open(&s->dir, DRAFT_NAME, 0644, e);
	struct buf head = {0};
	uint64_t a, b, c;

	if (o == NULL)
		return -1;
	if (schema_encode_head(&draft_schema, d, &head, e) == -1 || buf_ok(&head, e) == -1)
		goto fail;
	outfile_write(o, head.data, head.len);
	a = write_list(o, "revisions", &revision_schema, d->revisions, d->revisions_n, e);
	b = write_list(o, "decisions", &approval_schema, d->decisions, d->decisions_n, e);
	c = write_list(o, "revoked", &revoked_schema, d->revoked, d->revoked_n, e);
	if (a == 0 || b == 0 || c == 0)
		goto fail;
	if (head.len + a + b + c > MAX_DRAFT_SIZE || d->revisions_n > MAX_ROWS) {
		err_set(e, ERR_TOO_LARGE, DRAFT_NAME ": would take %llu bytes, at most %u are allowed",
			(unsigned long long)(head.len + a + b + c), MAX_DRAFT_SIZE);
		goto fail;
	}
	buf_free(&head);
	return outfile_commit(o, e);
fail:
	buf_free(&head);
	outfile_abort(o);
	return -1;
}

size_t draft_find(const struct draft *d, const char *item, size_t *count)
{
	size_t low = 0, high = d->revisions_n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(d->revisions[middle].item, item) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*count = 0;
	while (low + *count < d->revisions_n && strcmp(d->revisions[low + *count].item, item) == 0)
		++*count;
	return low;
}

/* Where a ring stands, or would stand, among those a revision was declined for. */
static size_t find_ring(const struct draft_revision *r, const char *ring, bool *found)
{
	size_t at = 0;

	while (at < r->declined_for_n && strcmp(r->declined_for[at], ring) < 0)
		at++;
	*found = at < r->declined_for_n && strcmp(r->declined_for[at], ring) == 0;
	return at;
}

bool draft_declined(const struct draft_revision *r, const char *ring)
{
	bool found;

	find_ring(r, ring, &found);
	return r->declined || found;
}

int draft_decline(struct draft *d, struct draft_revision *r, char *ring, struct err *e)
{
	bool found;
	size_t at = find_ring(r, ring, &found), n = r->declined_for_n;
	char **list;

	if (found)
		return 0;
	list = arena_alloc(&d->arena, (n + 1) * sizeof *list);
	if (list == NULL)
		return err_mem(e);
	for (size_t i = 0; i < n; i++)
		list[i + (i >= at)] = r->declined_for[i];
	list[at] = ring;
	r->declined_for = list;
	r->declined_for_n = n + 1;
	return 0;
}

void draft_allow(struct draft_revision *r, const char *ring)
{
	bool found;
	size_t at = find_ring(r, ring, &found);

	if (!found)
		return;
	for (r->declined_for_n--; at < r->declined_for_n; at++)
		r->declined_for[at] = r->declined_for[at + 1];
}

const struct draft_revision *draft_newest(const struct draft *d, const char *item)
{
	size_t count, first = draft_find(d, item, &count);

	return count == 0 ? NULL : &d->revisions[first + count - 1];
}

int draft_fingerprint(const struct draft *d, struct digest *out, struct err *e)
{
	struct digest_ctx *c = digest_open(e);
	int rc;

	if (c == NULL)
		return -1;
	for (size_t i = 0; i < d->revisions_n; i++) {
		const struct draft_revision *r = &d->revisions[i];

		if (i + 1 < d->revisions_n && strcmp(r->item, r[1].item) == 0)
			continue;
		digest_update(c, r->item, strlen(r->item) + 1);
		digest_update(c, &r->revision, sizeof r->revision);
		digest_update(c, &r->contents.sha256, sizeof r->contents.sha256);
	}
	rc = digest_final(c, out, e);
	digest_close(c);
	return rc;
}

/*
 * What a bundle carries against what its list needs (verify/carried.h). Refuses contents lists that are not what FORMAT 6
 * demands; what is missing or too much is only told, since content may travel ahead of its list and be carried before.
 */
#include "verify/carried.h"

#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/pool.h"
#include "manifests/approvals.h"
#include "manifests/contents.h"
#include "manifests/reason.h"
#include "verify/report.h"

#include "lib/banned.h"

#define PREFIXES ((size_t)1 << 16)

struct carried_document {
	struct digest sha256;
	struct spooled bytes;
};

void carried_open(struct carried *c)
{
	*c = (struct carried){0};
	spool_open(&c->spool, NULL);
}

void carried_close(struct carried *c)
{
	for (size_t i = 0; i < c->documents_n; i++)
		spooled_free(&c->documents[i].bytes);
	spool_close(&c->spool);
	free(c->list);
	free(c->first);
	free(c->documents);
	carried_open(c);	/* empty */
}

/* Room for one more in a list of things of this size. */
static int grow(void **list, size_t n, size_t *room, size_t size, struct err *e)
{
	size_t more = *room + *room / 2 + 1024;
	void *p;

	if (n < *room)
		return 0;
	p = realloc(*list, more * size);
	if (p == NULL)
		return err_mem(e);
	*list = p;
	*room = more;
	return 0;
}

int carried_add(struct carried *c, const struct digest *d, uint64_t size, bool whole, struct err *e)
{
	void *list = c->list;

	if (c->n == CARRIED_MAX) {
		c->too_many = true;
		return 0;
	}
	if (grow(&list, c->n, &c->room, sizeof *c->list, e) == -1)
		return -1;
	c->list = list;
	c->list[c->n++] = (struct carried_object){.sha256 = *d, .size = size, .whole = whole};
	return 0;
}

int carried_add_document(struct carried *c, const struct digest *d, struct buf *bytes, struct err *e)
{
	struct carried_document doc = {.sha256 = *d};
	void *list = c->documents;

	if (c->documents_n == CARRIED_MAX) {
		c->too_many = true;
		return 0;
	}
	if (grow(&list, c->documents_n, &c->documents_room, sizeof *c->documents, e) == -1)
		return -1;
	c->documents = list;
	if (spool_keep(&c->spool, bytes, &doc.bytes, e) == -1)
		return -1;
	c->documents[c->documents_n++] = doc;
	return 0;
}

/* Both kinds begin with their digest. */
static int by_digest(const void *a, const void *b)
{
	return digest_compare(a, b);
}

static size_t prefix(const struct digest *d)
{
	return (size_t)d->bytes[0] << 8 | d->bytes[1];
}

/* Digests are spread evenly unless somebody takes pains; then a search takes as long as it would without this. */
static int index_list(struct carried *c, struct err *e)
{
	size_t at = 0;

	c->first = calloc(PREFIXES + 1, sizeof *c->first);
	if (c->first == NULL)
		return err_mem(e);
	for (size_t key = 0; key <= PREFIXES; key++) {
		while (at < c->n && prefix(&c->list[at].sha256) < key)
			at++;
		c->first[key] = at;
	}
	return 0;
}

int carried_settle(struct carried *c, struct err *e)
{
	size_t kept = 0;

	digest_sort(c->list, c->n, sizeof *c->list, by_digest);
	digest_sort(c->documents, c->documents_n, sizeof *c->documents, by_digest);
	for (size_t i = 0; i < c->n; i++) {
		if (kept == 0 || !digest_equal(&c->list[kept - 1].sha256, &c->list[i].sha256)) {
			c->list[kept++] = c->list[i];
			continue;
		}
		c->list[kept - 1].whole |= c->list[i].whole;
		if (c->list[kept - 1].size != c->list[i].size)
			c->two_sizes = &c->list[kept - 1];
	}
	c->n = kept;
	return index_list(c, e);
}

static struct carried_object *find(const struct carried *c, const struct digest *d)
{
	size_t key = prefix(d), from = c->first[key];

	return c->first[key + 1] == from
		       ? NULL
		       : bsearch(d, c->list + from, c->first[key + 1] - from, sizeof *c->list, by_digest);
}

/* contents_fetch. */
static int fetch(void *arg, const struct digest *d, uint64_t size, struct buf *out, struct err *e)
{
	const struct carried *c = arg;
	const struct carried_document *doc =
		c->documents_n == 0 ? NULL : bsearch(d, c->documents, c->documents_n, sizeof *c->documents, by_digest);
	struct carried_object *o = find(c, d);

	if (o != NULL)
		atomic_store_explicit(&o->needed, true, memory_order_relaxed);	/* by several threads */
	if (doc == NULL)
		return 1;
	if (doc->bytes.len != size)
		return err_set(e, R_DOCUMENT_FORM, "a contents list has %llu bytes, and %llu are stated",
			       (unsigned long long)doc->bytes.len, (unsigned long long)size);
	return spool_read(&c->spool, &doc->bytes, out, e);
}

static int need(const struct carried *c, const struct record *r, struct carried_lack *out, struct err *e)
{
	struct carried_object *o;

	if (!r->has_file)
		return 0;
	o = find(c, &r->sha256);
	if (o != NULL && o->size != r->size)
		return err_set(e, R_DOCUMENT_FORM, "%s: a size of %llu is stated, its object has %llu (FORMAT 6.2)", r->path,
			       (unsigned long long)r->size, (unsigned long long)o->size);
	if (o != NULL)
		atomic_store_explicit(&o->needed, true, memory_order_relaxed);
	if (o == NULL || !o->whole) {
		out->files++;
		out->bytes += r->size;
	}
	return 0;
}

/* A contents list or part that could not be fetched: not carried, or carried and none (FORMAT 6.1). */
static int no_document(const struct carried *c, const struct digest *d, struct carried_lack *out, struct err *e)
{
	const struct carried_object *o = find(c, d);
	char hex[DIGEST_HEX + 1];

	if (o != NULL && o->whole)
		return err_set(e, R_DOCUMENT_TYPE, "object %s is named as a contents list, and is none", digest_hex(d, hex));
	out->lists++;
	out->lost += o != NULL;
	return 0;
}

static int compare_entry(const struct carried *c, const struct approval *p, struct carried_lack *out, struct err *e)
{
	struct contents_reader *reader;
	const struct record *record;
	int rc = contents_reader_open(&p->contents, p->item, fetch, (void *)(uintptr_t)c, &reader, e);

	if (rc != 0)
		return rc == 1 ? no_document(c, &p->contents.sha256, out, e) : -1;
	while ((rc = contents_reader_next(reader, &record, e)) > 0) {
		if (rc == 2)
			rc = no_document(c, &contents_reader_part(reader)->sha256, out, e);
		else
			rc = need(c, record, out, e);
		if (rc == -1)
			break;
	}
	contents_reader_close(reader);
	return rc;
}

/* ---- entries, several at once ---- */

struct comparison {
	const struct carried *carried;
	struct report *report;
	const char *place;
	struct carried_lack *out;
};
struct entry {
	const struct approval *approval;
	struct carried_lack lack;
	struct err why;		/* what is wrong with it */
};

static int work(void *arg, void *task, void *state, struct err *e)
{
	const struct comparison *m = arg;
	struct entry *x = task;

	(void)state;
	if (compare_entry(m->carried, x->approval, &x->lack, &x->why) == 0 || !report_is_fatal(&x->why))
		return 0;
	*e = x->why;
	return -1;
}

static int finish(void *arg, void *task, struct err *e)
{
	const struct comparison *m = arg;
	struct entry *x = task;

	(void)e;
	m->out->files += x->lack.files;
	m->out->bytes += x->lack.bytes;
	m->out->lists += x->lack.lists;
	m->out->lost += x->lack.lost;
	if (x->why.reason == ERR_NONE)
		return 0;
	err_prefix(&x->why, "%s, revision %llu", x->approval->item, (unsigned long long)x->approval->revision);
	report_err(m->report, m->place, &x->why);
	return 0;
}

static void drop(void *arg, void *task)
{
	(void)arg;
	free(task);
}

static int compare_entries(struct comparison *m, const struct approvals *a, unsigned jobs, struct err *e)
{
	static const struct pool_ops ops = {.work = work, .finish = finish, .drop = drop};
	struct pool *pool = pool_open(&ops, m, jobs, jobs * 4, e);
	int rc = pool == NULL ? -1 : 0;

	for (size_t i = 0; rc == 0 && i < a->items_n; i++) {
		struct entry *x = calloc(1, sizeof *x);

		if (x == NULL) {
			rc = err_mem(e);
			break;
		}
		x->approval = &a->items[i];
		rc = pool_put(pool, x, e);
	}
	return pool_close(pool, e) == -1 ? -1 : rc;
}

int carried_compare(struct carried *c, const struct approvals *a, unsigned jobs, struct report *r, const char *place,
		    struct carried_lack *out, struct err *e)
{
	struct comparison m = {c, r, place, out};

	*out = (struct carried_lack){0};
	if (compare_entries(&m, a, jobs, e) == -1)
		return -1;
	for (size_t i = 0; i < c->n; i++) {
		if (c->list[i].needed)
			continue;
		if (out->surplus < sizeof out->examples / sizeof *out->examples)
			out->examples[out->surplus] = c->list[i].sha256;
		out->surplus++;
	}
	return 0;
}

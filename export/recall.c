/*
 * SCAN: recognising a former revision by its records, mtimes aside. Sizes rule nearly all of them out unread: an mtime
 * is as long as any other, so equal records make contents lists of equal size.
 */
#include "export/recall.h"

#include <string.h>

#include "lib/err.h"
#include "manifests/contents.h"
#include "manifests/reason.h"

#include "lib/banned.h"

struct places {
	const struct station *station;
	const struct shelf *staged;
};

static int fetch(void *arg, const struct digest *d, uint64_t size, struct buf *out, struct err *e)
{
	const struct places *p = arg;
	int rc = shelf_read_staged(p->staged, d, size, out, e);

	return rc == 1 ? station_fetch((void *)(uintptr_t)p->station, d, size, out, e) : rc;
}

static bool may_equal(const struct contents_ref *a, const struct contents_ref *b)
{
	return a->size == b->size && a->files == b->files && a->bytes == b->bytes;
}

/* 1, 0, -1. */
static int compare(struct contents_reader *was, struct contents_reader *is, struct err *e)
{
	for (;;) {
		const struct record *a, *b;
		int more_a = contents_reader_next(was, &a, e), more_b = more_a == -1 ? -1 : contents_reader_next(is, &b, e);

		if (more_a == -1 || more_b == -1)
			return -1;
		if (more_a == 0 && more_b == 0)
			return 1;
		if (more_a != 1 || more_b != 1 || !record_same_content(a, b))
			return 0;
	}
}

static int same(struct places *p, const char *item, const struct contents_ref *a, const struct contents_ref *b, struct err *e)
{
	struct contents_reader *was = NULL, *is = NULL;
	int rc = contents_reader_open(a, item, fetch, p, &was, e), opened;

	if (rc == 0) {
		opened = contents_reader_open(b, item, fetch, p, &is, e);
		rc = opened == 0 ? compare(was, is, e) : opened == 1 ? 0 : -1;
	} else if (rc == 1) {
		rc = 0;
	}
	contents_reader_close(is);
	contents_reader_close(was);
	return rc;
}

int recall_find(const struct station *s, const struct shelf *contents, const struct draft *d, const char *item,
		const struct contents_ref *now, const struct draft_revision **out, struct err *e)
{
	struct places p = {s, contents};
	size_t count, first = draft_find(d, item, &count);

	*out = NULL;
	for (size_t i = first + count; i > first && *out == NULL; i--) {
		const struct draft_revision *r = &d->revisions[i - 1];
		struct err cause = {0};
		int rc;

		if (!may_equal(&r->contents, now))
			continue;
		rc = same(&p, item, &r->contents, now, &cause);
		if (rc == -1 && cause.reason == ERR_MEMORY)
			return err_mem(e);
		if (rc == 1)
			*out = r;
	}
	return 0;
}

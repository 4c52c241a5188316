/*
 * Which objects a store has, in order (import/objects.h). objects > receipt. Refuses nothing: names that are no object's
 * are the auditor's to report.
 */
#include <stdlib.h>
#include <string.h>

#include "import/objects_impl.h"
#include "lib/err.h"
#include "lib/listing.h"

#include "lib/banned.h"

struct name {			/* of an object: its bytes, or the mark that they are lost */
	struct digest digest;
	bool lost;
};
struct names {
	struct name *list;
	size_t n, room;
};

/* HEX and the suffix, and nothing else. */
static bool reads(const char *name, const char *suffix, struct digest *out)
{
	return strlen(name) >= DIGEST_HEX && digest_parse(name, DIGEST_HEX, out) == 0 && strcmp(name + DIGEST_HEX, suffix) == 0;
}

static int add(struct names *l, const struct digest *d, bool lost, struct err *e)
{
	if (l->n == l->room) {
		size_t room = l->room == 0 ? 256 : 2 * l->room;
		struct name *more = reallocarray(l->list, room, sizeof *more);

		if (more == NULL)
			return err_mem(e);
		l->list = more;
		l->room = room;
	}
	l->list[l->n++] = (struct name){*d, lost};
	return 0;
}

/* The names with one of the suffixes; `lost` may be NULL. */
static int list(struct listing *from, const char *suffix, const char *lost, struct names *out, struct err *e)
{
	struct digest digest;
	const char *name;
	int rc;

	while ((rc = listing_next(from, &name, e)) == 1) {
		bool has = reads(name, suffix, &digest);

		if ((has || (lost != NULL && reads(name, lost, &digest))) && add(out, &digest, !has, e) == -1)
			return -1;
	}
	return rc;
}

/* By digest; bytes come before the mark that they are lost (a healed object has both). */
static int compare(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	int c = digest_compare(&x->digest, &y->digest);

	return c != 0 ? c : x->lost - y->lost;
}

static void sort(struct names *l)
{
	if (l->n > 0)
		qsort(l->list, l->n, sizeof *l->list, compare);
}

int objects_each(const struct objects *o, int (*each)(void *arg, const struct digest *d, bool lost, struct err *e), void *arg,
		 struct err *e)
{
	struct names l = {0};
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < OBJECTS_FANS; i++) {
		const struct file *fan;
		struct listing from = LISTING_CLOSED;

		l.n = 0;
		rc = objects_fan(o, i, false, &fan, e);
		if (rc == 0)
			rc = listing_open(fan, &from, e);
		if (rc != -1)
			rc = list(&from, "", ".lost", &l, e);
		listing_close(&from);
		if (rc == -1)
			break;
		sort(&l);
		for (size_t k = 0; rc == 0 && k < l.n; k++)
			if (k == 0 || !digest_equal(&l.list[k - 1].digest, &l.list[k].digest))
				rc = each(arg, &l.list[k].digest, l.list[k].lost, e);
	}
	free(l.list);
	return rc;
}

int objects_each_piece(const struct objects *o, int (*each)(void *arg, const struct digest *d, struct err *e), void *arg,
		       struct err *e)
{
	struct names l = {0};
	struct listing from;
	int rc = listing_open_maybe(&o->store, OBJECTS_PIECES, &from, e);

	if (rc == 0)
		rc = list(&from, ".map", NULL, &l, e);
	listing_close(&from);
	sort(&l);
	for (size_t k = 0; rc == 0 && k < l.n; k++)
		rc = each(arg, &l.list[k].digest, e);
	free(l.list);
	return rc;
}

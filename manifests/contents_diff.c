/*
 * Comparing two contents lists of an item, so that cost follows change: a merge of two sorted sequences that passes
 * over every part both have, unread. It believes what a whole reading has judged before (see contents.h).
 */
#include "manifests/contents.h"

#include <string.h>

#include "lib/err.h"
#include "manifests/reason.h"

#include "lib/banned.h"

/* A record that peek has promised. */
static int take(struct contents_reader *r, const struct record **out, struct err *e)
{
	char hex[DIGEST_HEX + 1];

	switch (contents_reader_next(r, out, e)) {
	case 1:
		return 0;
	case 2:
		return err_set(e, R_OBJECT_MISSING, "part %s of a contents list is missing",
			       digest_hex(&contents_reader_part(r)->sha256, hex));
	case 0:
		return err_set(e, ERR_INTERNAL, "a contents list ended early");
	default:
		return -1;
	}
}

/* Both sides stand before the same part; the rest of its line is compared too, lest a list that lies about it pass. */
static bool same_part(const struct contents_part *a, const struct contents_part *b)
{
	return a != NULL && b != NULL && digest_equal(&a->sha256, &b->sha256) && a->size == b->size &&
	       a->records == b->records && strcmp(a->first, b->first) == 0;
}

static int by_path(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == NULL ? 1 : -1;
	return strcmp(a, b);
}

static int finish(struct contents_reader *r, struct err *e)
{
	const struct record *none;

	return r == NULL || contents_reader_next(r, &none, e) == 0 ? 0 : -1;
}

int contents_diff(struct contents_reader *old, struct contents_reader *new,
		  int (*each)(void *arg, const struct record *was, const struct record *is, struct err *e), void *arg,
		  struct err *e)
{
	for (;;) {
		const char *was_path = old != NULL ? contents_reader_peek(old) : NULL;
		const char *is_path = new != NULL ? contents_reader_peek(new) : NULL;
		const struct record *was = NULL, *is = NULL;
		int order = by_path(was_path, is_path);

		if (was_path == NULL && is_path == NULL)
			return finish(old, e) == -1 || finish(new, e) == -1 ? -1 : 0;
		if (order == 0 && same_part(contents_reader_ahead(old), contents_reader_ahead(new))) {
			if (contents_reader_skip(old, e) == -1 || contents_reader_skip(new, e) == -1)
				return -1;
			continue;
		}
		if ((order <= 0 && take(old, &was, e) == -1) || (order >= 0 && take(new, &is, e) == -1))
			return -1;
		if ((was == NULL || is == NULL || !record_equal(was, is)) && each(arg, was, is, e) == -1)
			return -1;
	}
}

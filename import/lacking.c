/*
 * What a store lacks, as a receipt says it. Where there is too much for a receipt it is counted and left out, an object
 * never in part: what is not named as missing of an object that is named counts as there.
 */
#include "import/lacking.h"

#include <stdlib.h>

#include "import/missing.h"
#include "import/objects.h"
#include "import/outlook.h"
#include "lib/err.h"
#include "manifests/limits.h"

#include "lib/banned.h"

#define MAX_GAPS 1000	/* of one object: further ones are joined with what lies between them */

static int grow(struct lacking *l, size_t more, struct err *e)
{
	size_t room = l->room == 0 ? 256 : l->room;
	struct receipt_missing *list;

	while (room < l->n + more)
		room *= 2;
	if (room == l->room)
		return 0;
	list = reallocarray(l->list, room, sizeof *list);
	if (list == NULL)
		return err_mem(e);
	l->list = list;
	l->room = room;
	return 0;
}

/* 1: to be listed, with room for so many records; 0: it is in already, or there is no room; -1. */
static int begin(struct lacking *l, const struct digest *d, size_t records, struct err *e)
{
	int rc = distinct_add(&l->seen, d, e);

	if (rc != 1)
		return rc;
	l->objects++;
	if (records > MAX_RECEIPT_MISSING - l->n)
		return 0;
	return grow(l, records, e) == -1 ? -1 : 1;
}

int lacking_add_lost(struct lacking *l, const struct digest *d, struct err *e)
{
	int rc = begin(l, d, 1, e);

	if (rc == 1)
		l->list[l->n++] = (struct receipt_missing){.sha256 = *d};
	return rc == -1 ? -1 : 0;
}

struct staging {
	struct lacking *lacking;
	const struct objects *objects;
};

static int add_staged(void *arg, const struct digest *d, struct err *e)
{
	struct staging *s = arg;
	struct lacking *l = s->lacking;
	struct objects_gap *gaps = NULL;
	uint64_t size = 0;
	size_t n = 0;
	int rc = objects_needed(s->objects, d, e);

	if (rc != 1)	/* it came whole since */
		return rc;
	rc = objects_piece_gaps(s->objects, d, &size, &gaps, &n, e);
	if (rc != 0)
		return rc == -1 ? -1 : 0;
	if (n > MAX_GAPS) {
		gaps[MAX_GAPS - 1].to = gaps[n - 1].to;
		n = MAX_GAPS;
	}
	rc = begin(l, d, n, e);
	for (size_t i = 0; rc == 1 && i < n; i++) {
		struct receipt_missing *m = &l->list[l->n++];
		bool whole = gaps[i].from == 0 && gaps[i].to == size;

		*m = (struct receipt_missing){.sha256 = *d, .has_size = true, .size = size, .has_from = !whole, .has_length = !whole};
		if (!whole) {
			m->from = gaps[i].from;
			m->length = gaps[i].to - gaps[i].from;
		}
	}
	free(gaps);
	return rc == -1 ? -1 : 0;
}

int lacking_add_staged(struct lacking *l, const struct objects *o, struct err *e)
{
	struct staging s = {l, o};

	return objects_each_piece(o, add_staged, &s, e);
}

static int add_missing(void *arg, const struct missing_object *m, struct err *e)
{
	struct lacking *l = arg;
	int rc = begin(l, &m->sha256, 1, e);

	if (rc == 1)
		l->list[l->n++] = (struct receipt_missing){.sha256 = m->sha256, .has_size = true, .size = m->size};
	return rc == -1 ? -1 : 0;
}

int lacking_add_newest(struct lacking *l, struct objects *o, const struct outlook *look, char *const *rings, size_t rings_n,
		       struct err *e)
{
	const struct approvals *newest = look->lists_n == 0 ? NULL : look->lists[look->lists_n - 1];

	for (size_t i = 0; newest != NULL && i < look->want.waiting_n; i++) {
		const struct state_waiting *w = &look->want.waiting[i];
		const struct approval *p = approvals_entry(newest, w->item, rings, rings_n);
		struct err why = {0};

		if (p == NULL || w->objects == 0)
			continue;
		if (missing_each(o, p, outlook_published(look->current, p->item), add_missing, l, &why) == -1 &&
		    !missing_is_malformed(why.reason)) {
			*e = why;
			return -1;
		}
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct receipt_missing *x = a, *y = b;
	int c = digest_compare(&x->sha256, &y->sha256);

	return c != 0 ? c : (x->from > y->from) - (x->from < y->from);
}

void lacking_sort(struct lacking *l)
{
	if (l->n > 0)
		qsort(l->list, l->n, sizeof *l->list, compare);
}

void lacking_free(struct lacking *l)
{
	free(l->list);
	distinct_free(&l->seen);
	*l = (struct lacking){0};
}

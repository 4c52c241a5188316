/*
 * Which pieces make an object together, and which of their bytes must be kept (verify/pieces.h): before the first of them comes.
 * Time and memory go by the number of pieces, never by what they say of sizes.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "manifests/volume.h"
#include "verify/pieces_impl.h"

#include "lib/banned.h"

struct plan {			/* of one object at a time */
	struct pieces *pieces;
	struct pieces_entry **list;	/* its entries, */
	size_t n;
	struct cut *cuts;	/* where they begin and end, */
	size_t *skip;		/* and by segment one behind it that may not have come yet; itself: it has not */
};
struct cut {
	uint64_t at;
	int step;		/* of pieces that have what follows: one more, one less */
};

int pieces_compare(const struct pieces_entry *a, const struct pieces_entry *b)
{
	uintptr_t x = (uintptr_t)a->bundle, y = (uintptr_t)b->bundle;
	int c = digest_compare(&a->sha256, &b->sha256);

	if (c != 0)
		return c;
	if (a->size != b->size)
		return a->size < b->size ? -1 : 1;
	return (x > y) - (x < y);
}

/* ---- what comes ---- */

static int add(struct pieces *p, const struct volume_object *o, const void *bundle, struct err *e)
{
	if (p->entries_n == p->room) {
		size_t room = p->room == 0 ? 64 : 2 * p->room;
		struct pieces_entry *more = reallocarray(p->entries, room, sizeof *more);

		if (more == NULL)
			return err_mem(e);
		p->entries = more;
		p->room = room;
	}
	p->entries[p->entries_n] = (struct pieces_entry){.sha256 = o->sha256, .size = o->size, .from = o->from,
							 .to = o->from + o->length, .bundle = bundle, .order = p->entries_n};
	p->entries_n++;
	return 0;
}

int pieces_expect(struct pieces *p, const struct volume *index, const void *bundle, struct err *e)
{
	for (size_t i = 0; i < index->objects_n; i++) {
		if (!index->objects[i].has_piece)
			continue;
		if (p->entries_n == PIECES_MAX)
			p->too_many = true;
		else if (add(p, &index->objects[i], bundle, e) == -1)
			return -1;
	}
	return 0;
}

/* ---- what belongs together ---- */

static int by_bundle(const void *a, const void *b)
{
	const struct pieces_entry *x = a, *y = b;
	int c = pieces_compare(x, y);

	return c != 0 ? c : (x->from > y->from) - (x->from < y->from);
}

/* Entries from..to are those of a bundle, in order of `from`. */
static bool is_whole(const struct pieces_entry *list, size_t n)
{
	uint64_t reached = 0;

	for (size_t i = 0; i < n && list[i].from <= reached; i++)
		reached = list[i].to > reached ? list[i].to : reached;
	return reached == list[0].size;
}

static bool same_object(const struct pieces_entry *a, const struct pieces_entry *b)
{
	return digest_equal(&a->sha256, &b->sha256) && a->size == b->size;
}

static size_t count_same(const struct pieces_entry *list, size_t n, bool (*same)(const struct pieces_entry *, const struct pieces_entry *))
{
	size_t i = 1;

	while (i < n && same(&list[0], &list[i]))
		i++;
	return i;
}

static bool same_bundle(const struct pieces_entry *a, const struct pieces_entry *b)
{
	return pieces_compare(a, b) == 0;
}

static size_t new_piece(struct pieces *p, const struct pieces_entry *x)
{
	p->list[p->list_n] = (struct piece){.sha256 = x->sha256, .size = x->size};
	return p->list_n++;
}

static void assign(struct pieces_entry *list, size_t n, size_t piece, bool alone)
{
	for (size_t i = 0; i < n; i++) {
		list[i].piece = piece;
		list[i].alone = alone;
	}
}

/* The entries of one object: those of bundles that lack some of it together, with the first bundle's that lacks nothing. */
static void join(struct pieces *p, struct pieces_entry *list, size_t n)
{
	const size_t none = SIZE_MAX;
	size_t joint = none, first = none, run;

	for (size_t i = 0; i < n; i += run) {
		run = count_same(list + i, n - i, same_bundle);
		if (!is_whole(list + i, run)) {
			if (joint == none)
				joint = new_piece(p, &list[i]);
			assign(list + i, run, joint, false);
		} else if (first == none || list[i].order < list[first].order) {
			first = i;
		}
	}
	for (size_t i = 0; i < n; i += run) {
		run = count_same(list + i, n - i, same_bundle);
		if (is_whole(list + i, run))
			assign(list + i, run, i == first && joint != none ? joint : new_piece(p, &list[i]), true);
	}
}

static void join_all(struct pieces *p)
{
	for (size_t i = 0, n; i < p->entries_n; i += n) {
		n = count_same(p->entries + i, p->entries_n - i, same_object);
		join(p, p->entries + i, n);
	}
}

/* ---- segments ---- */

static int by_place(const void *a, const void *b)
{
	const struct cut *x = a, *y = b;

	return (x->at > y->at) - (x->at < y->at);
}

/* Cuts the object where pieces begin and end; what came stands for how many have a segment, meanwhile. False: some of it never comes. */
static bool cut(struct plan *l, struct piece *piece)
{
	struct segment *s = l->pieces->segments + l->pieces->segments_n;
	uint64_t have = 0;

	for (size_t i = 0; i < l->n; i++) {
		l->cuts[2 * i] = (struct cut){l->list[i]->from, 1};
		l->cuts[2 * i + 1] = (struct cut){l->list[i]->to, -1};
	}
	qsort(l->cuts, 2 * l->n, sizeof *l->cuts, by_place);
	piece->first = l->pieces->segments_n;
	if (l->cuts[0].at > 0 || l->cuts[2 * l->n - 1].at < piece->size)
		return false;
	for (size_t i = 0; i < 2 * l->n; i++) {
		have += (uint64_t)(int64_t)l->cuts[i].step;
		if (i + 1 == 2 * l->n || l->cuts[i].at == l->cuts[i + 1].at)
			continue;
		if (have == 0)
			return false;
		s[piece->n++] = (struct segment){.from = l->cuts[i].at, .came = have, .place = PIECES_NOT_KEPT};
	}
	return true;
}

/* The first segment from i on that has not come. */
static size_t next_one(size_t *skip, size_t i)
{
	size_t last = i;

	while (skip[last] != last)
		last = skip[last];
	while (skip[i] != last) {
		size_t next = skip[i];

		skip[i] = last;
		i = next;
	}
	return last;
}

static size_t segment_of(const struct segment *s, size_t n, uint64_t from)
{
	size_t low = 0, high = n;

	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (s[mid].from <= from)
			low = mid;
		else
			high = mid;
	}
	return low;
}

/* In the order in which they come: what is next, and comes once, is hashed at once. */
static void decide(struct plan *l, struct piece *piece)
{
	struct segment *s = l->pieces->segments + piece->first;

	for (size_t i = 0; i <= piece->n; i++)
		l->skip[i] = i;
	for (size_t i = 0; i < l->n; i++) {
		size_t at = next_one(l->skip, segment_of(s, piece->n, l->list[i]->from));

		for (; at < piece->n && s[at].from < l->list[i]->to; at = next_one(l->skip, at)) {
			if (next_one(l->skip, 0) != at || s[at].came > 1 || piece->size <= l->pieces->keep)
				s[at].place = 0;
			l->skip[at] = at + 1;
		}
	}
	for (size_t i = 0; i < piece->n; i++) {
		s[i].came = 0;
		if (s[i].place == PIECES_NOT_KEPT)
			continue;
		s[i].place = piece->kept;
		piece->kept += (i + 1 < piece->n ? s[i + 1].from : piece->size) - s[i].from;
	}
}

static void plan_piece(struct plan *l, struct piece *piece)
{
	piece->last = l->list[l->n - 1]->bundle;
	if (!cut(l, piece)) {
		piece->n = 0;
		return;
	}
	decide(l, piece);
	l->pieces->segments_n += piece->n;
}

static int by_piece(const void *a, const void *b)
{
	const struct pieces_entry *x = *(struct pieces_entry *const *)a, *y = *(struct pieces_entry *const *)b;

	if (x->piece != y->piece)
		return x->piece < y->piece ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

static int plan_all(struct pieces *p, struct err *e)
{
	size_t n = p->entries_n;
	struct pieces_entry **order = calloc(n, sizeof *order);
	struct plan l = {.pieces = p, .cuts = calloc(2 * n, sizeof *l.cuts), .skip = calloc(2 * n, sizeof *l.skip)};
	int rc = -1;

	if (order == NULL || l.cuts == NULL || l.skip == NULL) {
		err_mem(e);
		goto out;
	}
	for (size_t i = 0; i < n; i++)
		order[i] = &p->entries[i];
	qsort(order, n, sizeof *order, by_piece);
	for (size_t i = 0; i < n; i += l.n) {
		l.list = order + i;
		for (l.n = 1; i + l.n < n && order[i + l.n]->piece == order[i]->piece; l.n++)
			;
		plan_piece(&l, &p->list[order[i]->piece]);
	}
	rc = 0;
out:
	free(order);
	free(l.cuts);
	free(l.skip);
	return rc;
}

int pieces_plan(struct pieces *p, struct err *e)
{
	if (p->too_many)
		p->entries_n = 0;	/* what can't all be known of is not guessed at */
	if (p->entries_n == 0)
		return 0;
	p->list = calloc(p->entries_n, sizeof *p->list);
	p->segments = calloc(2 * p->entries_n, sizeof *p->segments);
	if (p->list == NULL || p->segments == NULL)
		return err_mem(e);
	qsort(p->entries, p->entries_n, sizeof *p->entries, by_bundle);
	join_all(p);
	return plan_all(p, e);
}

/*
 * Sets of ranges, by binary search in an array.
 */
#include "lib/extents.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"

#include "lib/banned.h"

/* The index of the first extent that ends at or behind `at`. */
static size_t locate(const struct extents *x, uint64_t at)
{
	size_t low = 0, high = x->n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (x->list[mid].to < at)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Makes room for one more at i. */
static int open_gap(struct extents *x, size_t i, struct err *e)
{
	if (x->n == x->cap) {
		size_t cap = x->cap == 0 ? 16 : x->cap * 2;
		struct extent *more = reallocarray(x->list, cap, sizeof *more);

		if (more == NULL)
			return err_mem(e);
		x->list = more;
		x->cap = cap;
	}
	memmove(x->list + i + 1, x->list + i, (x->n - i) * sizeof *x->list);
	x->n++;
	return 0;
}

static void close_gap(struct extents *x, size_t i, size_t end)
{
	if (end > i)
		memmove(x->list + i, x->list + end, (x->n - end) * sizeof *x->list);
	x->n -= end - i;
}

int extents_add(struct extents *x, uint64_t from, uint64_t to, struct err *e)
{
	size_t i = locate(x, from), end = i;

	if (from >= to)
		return 0;
	while (end < x->n && x->list[end].from <= to)
		end++;
	if (end > i) {
		from = from < x->list[i].from ? from : x->list[i].from;
		to = to > x->list[end - 1].to ? to : x->list[end - 1].to;
		close_gap(x, i + 1, end);
	} else if (open_gap(x, i, e) == -1) {
		return -1;
	}
	x->list[i] = (struct extent){from, to};
	return 0;
}

int extents_remove(struct extents *x, uint64_t from, uint64_t to, struct err *e)
{
	size_t i = locate(x, from), end;

	if (from >= to)
		return 0;
	if (i < x->n && x->list[i].to == from)
		i++;
	if (i < x->n && x->list[i].from < from && x->list[i].to > to) {	/* out of the middle of one */
		if (open_gap(x, i, e) == -1)
			return -1;
		x->list[i].to = from;
		x->list[i + 1].from = to;
		return 0;
	}
	if (i < x->n && x->list[i].from < from)
		x->list[i++].to = from;
	for (end = i; end < x->n && x->list[end].to <= to; end++)
		;
	close_gap(x, i, end);
	if (i < x->n && x->list[i].from < to)
		x->list[i].from = to;
	return 0;
}

bool extents_cover(const struct extents *x, uint64_t from, uint64_t to)
{
	size_t i = locate(x, to);

	return from >= to || (i < x->n && x->list[i].from <= from && x->list[i].to >= to);
}

bool extents_meet(const struct extents *x, uint64_t from, uint64_t to)
{
	size_t i = locate(x, from + 1);

	return from < to && i < x->n && x->list[i].from < to;
}

uint64_t extents_within(const struct extents *x, uint64_t from, uint64_t to)
{
	uint64_t sum = 0;

	for (size_t i = locate(x, from); i < x->n && x->list[i].from < to; i++) {
		uint64_t a = x->list[i].from > from ? x->list[i].from : from, b = x->list[i].to < to ? x->list[i].to : to;

		sum += a < b ? b - a : 0;
	}
	return sum;
}

uint64_t extents_sum(const struct extents *x)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < x->n; i++)
		sum += x->list[i].to - x->list[i].from;
	return sum;
}

void extents_free(struct extents *x)
{
	free(x->list);
	*x = (struct extents){0};
}

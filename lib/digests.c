/*
 * A list of digests that grows (lib/digests.h).
 */
#include "lib/digests.h"

#include <stdlib.h>

#include "lib/err.h"

#include "lib/banned.h"

int digests_add(struct digests *l, const struct digest *d, struct err *e)
{
	if (l->n == l->room) {
		size_t room = l->room == 0 ? 64 : 2 * l->room;
		struct digest *more = reallocarray(l->list, room, sizeof *more);

		if (more == NULL)
			return err_mem(e);
		l->list = more;
		l->room = room;
	}
	l->list[l->n++] = *d;
	return 0;
}

int digests_add_all(struct digests *l, const struct digests *more, struct err *e)
{
	for (size_t i = 0; i < more->n; i++)
		if (digests_add(l, &more->list[i], e) == -1)
			return -1;
	return 0;
}

size_t digests_remove(struct digests *l, const struct digest *d)
{
	size_t before = l->n, kept = 0;

	for (size_t i = 0; i < l->n; i++)
		if (!digest_equal(&l->list[i], d))
			l->list[kept++] = l->list[i];
	l->n = kept;
	return before - kept;
}

static int compare(const void *a, const void *b)
{
	return digest_compare(a, b);
}

void digests_sort(struct digests *l)
{
	size_t n = 0;

	if (l->n > 1)
		qsort(l->list, l->n, sizeof *l->list, compare);
	for (size_t i = 0; i < l->n; i++)
		if (n == 0 || !digest_equal(&l->list[i], &l->list[n - 1]))
			l->list[n++] = l->list[i];
	l->n = n;
}

void digests_free(struct digests *l)
{
	free(l->list);
	*l = (struct digests){0};
}

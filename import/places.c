/*
 * A small sorted table from digest to item and path, for damage messages. Refuses nothing.
 */
#include "import/places.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"

#include "lib/banned.h"

static size_t find(const struct places *p, const struct digest *d)
{
	size_t low = 0, high = p->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (digest_compare(&p->list[mid].sha256, d) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct place *places_find(const struct places *p, const struct digest *d)
{
	size_t at = find(p, d);

	return at < p->n && digest_equal(&p->list[at].sha256, d) ? &p->list[at] : NULL;
}

int places_ask(struct places *p, const struct digest *d, struct err *e)
{
	size_t at = find(p, d);

	if (p->n == PLACES_MAX || places_find(p, d) != NULL)
		return 0;
	if (p->list == NULL)
		p->list = calloc(PLACES_MAX, sizeof *p->list);
	if (p->list == NULL)
		return err_mem(e);
	memmove(&p->list[at + 1], &p->list[at], (p->n - at) * sizeof *p->list);
	p->list[at] = (struct place){.sha256 = *d};
	p->n++;
	return 0;
}

int places_answer(struct places *p, const struct digest *d, const char *item, const char *path, struct err *e)
{
	size_t at = find(p, d);
	struct place *place = at < p->n && digest_equal(&p->list[at].sha256, d) ? &p->list[at] : NULL;

	if (place == NULL || place->item != NULL)
		return 0;
	place->item = strdup(item);
	place->path = path == NULL ? NULL : strdup(path);
	return place->item == NULL || (path != NULL && place->path == NULL) ? err_mem(e) : 0;
}

void places_free(struct places *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->list[i].item);
		free(p->list[i].path);
	}
	free(p->list);
	*p = (struct places){0};
}

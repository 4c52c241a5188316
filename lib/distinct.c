/*
 * A set of digests by open addressing. Digests of content are chosen by others, so that they may collide in a
 * few bits; that costs time in one run of probing, bounded by the load of one half.
 */
#include "lib/distinct.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"

#include "lib/banned.h"

static size_t place(const struct distinct *s, const struct digest *d)
{
	uint64_t a, b;
	size_t at;

	/* of two parts far from each other, so that nobody finds many equal ones by grinding one of them */
	memcpy(&a, d->bytes, sizeof a);
	memcpy(&b, d->bytes + 16, sizeof b);
	at = (size_t)((a ^ (b * 0x9e3779b97f4a7c15u)) & (s->room - 1));
	while (s->used[at] && !digest_equal(&s->slots[at], d))
		at = (at + 1) & (s->room - 1);
	return at;
}

static int grow(struct distinct *s, struct err *e)
{
	struct distinct more = {.room = s->room == 0 ? 256 : s->room * 2};

	more.slots = malloc(more.room * sizeof *more.slots);
	more.used = calloc(more.room, 1);
	if (more.slots == NULL || more.used == NULL) {
		distinct_free(&more);
		return err_mem(e);
	}
	for (size_t i = 0; i < s->room; i++)
		if (s->used[i]) {
			size_t at = place(&more, &s->slots[i]);

			more.slots[at] = s->slots[i];
			more.used[at] = 1;
			more.n++;
		}
	distinct_free(s);
	*s = more;
	return 0;
}

int distinct_add(struct distinct *s, const struct digest *d, struct err *e)
{
	size_t at;

	if (s->n * 2 >= s->room && s->n < DISTINCT_MAX && grow(s, e) == -1)
		return -1;
	at = place(s, d);
	if (s->used[at])
		return 0;
	if (s->n >= DISTINCT_MAX)
		return 1;
	s->slots[at] = *d;
	s->used[at] = 1;
	s->n++;
	return 1;
}

bool distinct_has(const struct distinct *s, const struct digest *d)
{
	return s->room > 0 && s->used[place(s, d)];
}

void distinct_free(struct distinct *s)
{
	free(s->slots);
	free(s->used);
	*s = (struct distinct){0};
}

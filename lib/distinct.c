/*
 * A set of digests by open addressing. A digest that an index or a contents list states need not be one of anything: others
 * choose it, and could choose a million that meet in one place. So places depend on a secret of each set.
 */
#include "lib/distinct.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/err.h"

#include "lib/banned.h"

#define LEAST ((size_t)256)

/* How many digests so many places take, so that free ones stay near each other. */
static size_t fills(size_t room)
{
	return room - room / 4;
}

static size_t place(const struct distinct *s, const struct digest *d)
{
	unsigned __int128 sum;
	uint64_t w[4];
	size_t at;

	/* NH (Black et al., UMAC, 1999): two digests meet with a chance of 2^-64 over the choice of the secret */
	memcpy(w, d->bytes, sizeof w);
	sum = (unsigned __int128)(w[0] + s->secret[0]) * (w[1] + s->secret[1]) +
	      (unsigned __int128)(w[2] + s->secret[2]) * (w[3] + s->secret[3]);
	at = (size_t)((sum >> 64 ^ (sum >> 32 & UINT32_MAX)) & (s->room - 1));
	while (s->used[at] && !digest_equal(&s->slots[at], d))
		at = (at + 1) & (s->room - 1);
	return at;
}

static int grow(struct distinct *s, size_t room, bool valued, struct err *e)
{
	struct distinct more = {.room = room};

	if (s->room == 0 && getrandom(more.secret, sizeof more.secret, 0) != sizeof more.secret)
		return err_sys(e, "random bytes");
	if (s->room > 0)
		memcpy(more.secret, s->secret, sizeof more.secret);
	more.slots = malloc(more.room * sizeof *more.slots);
	more.used = calloc(more.room, 1);
	more.values = valued ? malloc(more.room * sizeof *more.values) : NULL;
	if (more.slots == NULL || more.used == NULL || (valued && more.values == NULL)) {
		distinct_free(&more);
		return err_mem(e);
	}
	for (size_t i = 0; i < s->room; i++)
		if (s->used[i]) {
			size_t at = place(&more, &s->slots[i]);

			more.slots[at] = s->slots[i];
			more.used[at] = 1;
			if (valued)
				more.values[at] = s->values[i];
			more.n++;
		}
	distinct_free(s);
	*s = more;
	return 0;
}

static int add(struct distinct *s, const struct digest *d, uint64_t *value, struct err *e)
{
	size_t at;

	if (s->n >= fills(s->room) && s->n < DISTINCT_MAX && grow(s, s->room == 0 ? LEAST : s->room * 2, value != NULL, e) == -1)
		return -1;
	at = place(s, d);
	if (s->used[at]) {
		if (value != NULL)
			*value = s->values[at];
		return 0;
	}
	if (s->n >= DISTINCT_MAX)
		return 1;
	s->slots[at] = *d;
	s->used[at] = 1;
	if (value != NULL)
		s->values[at] = *value;
	s->n++;
	return 1;
}

int distinct_add(struct distinct *s, const struct digest *d, struct err *e)
{
	return add(s, d, NULL, e);
}

int distinct_add_valued(struct distinct *s, const struct digest *d, uint64_t *value, struct err *e)
{
	return add(s, d, value, e);
}

bool distinct_has(const struct distinct *s, const struct digest *d)
{
	return s->room > 0 && s->used[place(s, d)];
}

uint64_t *distinct_value(const struct distinct *s, const struct digest *d)
{
	size_t at;

	if (s->room == 0)
		return NULL;
	at = place(s, d);
	return s->used[at] ? &s->values[at] : NULL;
}

int distinct_reserve_valued(struct distinct *s, uint64_t n, struct err *e)
{
	size_t room = LEAST;

	while (fills(room) < n && fills(room) < DISTINCT_MAX)
		room *= 2;
	return grow(s, room, true, e);
}

void distinct_clear(struct distinct *s)
{
	if (s->room > 0)
		memset(s->used, 0, s->room);
	s->n = 0;
}

void distinct_free(struct distinct *s)
{
	free(s->slots);
	free(s->used);
	free(s->values);
	*s = (struct distinct){0};
}

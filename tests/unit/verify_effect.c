/*
 * Tests of verify/effect*.c: each sentence of DESIGN 5, "What is published", by hand; and thousands of random universes
 * compared with a second writing of those sentences, which shares no code with the first and cares for no cost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "verify/effect.h"
#include "lib/err.h"

#include "lib/banned.h"

#define LISTS 6
#define ENTRIES 24
#define REVOKED 6
#define CONTENTS 40
#define NONE SIZE_MAX

/* ---- universes ---- */

/* Contents are numbers; a digest holds its number. */
struct universe {
	struct approvals lists[LISTS];
	struct approval entries[LISTS][ENTRIES];
	struct revocation revoked[LISTS][REVOKED];
	char *requires[LISTS][ENTRIES][4];
	char *entry_rings[LISTS][ENTRIES][3];
	const struct approvals *pointers[LISTS];
	size_t n;
	char *rings[3];
	size_t rings_n;
	bool missing[CONTENTS], held[CONTENTS];
	unsigned asked[CONTENTS];
	size_t rollback, rollback_newest, not_complete;
	struct digest exempt[REVOKED];
	size_t exempt_n;
};

static struct digest contents(unsigned n)
{
	struct digest d = {{0}};

	d.bytes[5] = (uint8_t)n;
	return d;
}

static char *text(const char *s)
{
	return (char *)(uintptr_t)s;
}

static void init(struct universe *u)
{
	memset(u, 0, sizeof *u);
	u->rings[0] = text("production");
	u->rings_n = 1;
	u->rollback = u->rollback_newest = NONE;
}

static void add_list(struct universe *u)
{
	struct approvals *a = &u->lists[u->n];

	a->epoch = 1;
	a->revision = u->n + 1;
	a->items = u->entries[u->n];
	a->revoked = u->revoked[u->n];
	u->pointers[u->n++] = a;
}

/* An entry of the list added last. requires: names in order, or NULL. Items, and revisions in them, come in order. */
static struct approval *add_entry(struct universe *u, const char *item, uint64_t revision, const char *ring, unsigned number,
				  const char *requires, const char *requires2)
{
	size_t l = u->n - 1, i = u->lists[l].items_n++;
	struct approval *p = &u->entries[l][i];

	assert_true(i < ENTRIES);
	*p = (struct approval){.item = text(item), .revision = revision, .rings = u->entry_rings[l][i], .rings_n = 1,
			       .requires = u->requires[l][i]};
	p->contents.sha256 = contents(number);
	p->rings[0] = text(ring);
	if (requires != NULL)
		p->requires[p->requires_n++] = text(requires);
	if (requires2 != NULL)
		p->requires[p->requires_n++] = text(requires2);
	return p;
}

static struct approval *add(struct universe *u, const char *item, unsigned number)
{
	return add_entry(u, item, number, "production", number, NULL, NULL);
}

static void revoke(struct universe *u, const char *item, unsigned number)
{
	struct approvals *a = &u->lists[u->n - 1];

	u->revoked[u->n - 1][a->revoked_n++] = (struct revocation){.item = text(item), .revision = number,
								   .contents = contents(number), .since = 1};
}

static int ready(void *arg, const struct approval *entry, struct effect_ready *out, struct err *e)
{
	struct universe *u = arg;
	unsigned n = entry->contents.sha256.bytes[5];

	(void)e;
	u->asked[n]++;
	*out = (struct effect_ready){.received = !u->missing[n], .objects = u->missing[n] ? n + 1 : 0,
				     .bytes = u->missing[n] ? 10 * n : 0};
	return 0;
}

static bool held(void *arg, const struct digest *d)
{
	return ((struct universe *)arg)->held[d->bytes[5]];
}

static void compute(struct universe *u, struct effect *out)
{
	const struct effect_input in = {.lists = u->pointers, .lists_n = u->n, .rings = u->rings, .rings_n = u->rings_n,
					.ready = ready, .held = held, .arg = u, .rollback = u->rollback,
					.rollback_newest = u->rollback_newest, .exempt = u->exempt, .exempt_n = u->exempt_n,
					.not_complete = u->not_complete};
	struct err e = {0};

	memset(u->asked, 0, sizeof u->asked);
	if (effect_compute(&in, out, &e) == -1)
		fail_msg("%s", e.text);
	for (unsigned i = 0; i < CONTENTS; i++)
		assert_in_range(u->asked[i], 0, 1);
}

/* "a=3 b/c=7": items and the contents published. */
static void describe(const struct effect *f, char out[1024])
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < f->items_n; i++)
		at += (size_t)snprintf(out + at, 1024 - at, "%s%s=%u", i > 0 ? " " : "", f->items[i].entry->item,
				       f->items[i].entry->contents.sha256.bytes[5]);
}

static void describe_waiting(const struct effect *f, char out[1024])
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < f->waiting_n; i++) {
		const struct effect_waiting *w = &f->waiting[i];

		at += (size_t)snprintf(out + at, 1024 - at, "%s%s=%u %s%s%s", i > 0 ? ", " : "", w->entry->item,
				       w->entry->contents.sha256.bytes[5], w->why, w->whom != NULL ? " " : "",
				       w->whom != NULL ? w->whom : "");
	}
}

/* What is published, and what waits and why. */
static void expect(struct universe *u, const char *published, const char *waiting)
{
	struct effect f;
	char is[1024];

	compute(u, &f);
	describe(&f, is);
	assert_string_equal(is, published);
	describe_waiting(&f, is);
	assert_string_equal(is, waiting);
	effect_free(&f);
}

/* ---- sentence by sentence ---- */

static void no_lists(void **state)
{
	struct universe u;
	struct effect f;

	(void)state;
	init(&u);
	compute(&u, &f);
	assert_true(f.newest == NONE && f.complete == NONE && f.items_n == 0 && f.waiting_n == 0 && !f.newest_received);
	effect_free(&f);
}

static void complete_is_the_highest_received(void **state)
{
	struct universe u;
	struct effect f;

	(void)state;
	init(&u);
	add_list(&u);
	add(&u, "a", 1);
	add_list(&u);
	add(&u, "a", 2);
	add(&u, "b", 3);
	add_list(&u);
	add(&u, "a", 4);
	add(&u, "b", 5);
	u.missing[5] = true;
	compute(&u, &f);
	assert_int_equal(f.newest, 2);
	assert_int_equal(f.complete, 1);
	assert_false(f.newest_received || f.rollback);
	effect_free(&f);
	expect(&u, "a=2 b=3", "a=4 list, b=5 objects");
	u.missing[3] = true;
	expect(&u, "a=1", "a=4 list, b=5 objects");
	u.missing[1] = true;
	expect(&u, "", "a=4 list, b=5 objects");
	u.missing[5] = false;
	expect(&u, "a=4 b=5", "");
}

static void waiting_counts_objects(void **state)
{
	struct universe u;
	struct effect f;

	(void)state;
	init(&u);
	add_list(&u);
	add(&u, "a", 7);
	u.missing[7] = true;
	compute(&u, &f);
	assert_int_equal(f.waiting_n, 1);
	assert_int_equal(f.waiting[0].objects, 8);
	assert_int_equal(f.waiting[0].bytes, 70);
	effect_free(&f);
}

/* What is published already, from another list, isn't waiting. */
static void same_contents_do_not_wait(void **state)
{
	struct universe u;

	(void)state;
	init(&u);
	add_list(&u);
	add(&u, "a", 1);
	add_list(&u);
	add(&u, "a", 1);
	add(&u, "b", 2);
	u.missing[2] = true;
	expect(&u, "a=1", "b=2 objects");
}

static void entry_is_the_highest_revision_for_the_rings(void **state)
{
	struct universe u;

	(void)state;
	init(&u);
	add_list(&u);
	add_entry(&u, "a", 2, "production", 1, NULL, NULL);
	add_entry(&u, "a", 3, "pilot", 2, NULL, NULL);
	add_entry(&u, "b", 1, "pilot", 3, NULL, NULL);
	u.missing[2] = u.missing[3] = true;	/* what other rings get is no matter */
	expect(&u, "a=1", "");
	u.rings[1] = text("pilot");
	u.rings_n = 2;
	expect(&u, "", "a=2 objects, b=3 objects");
	u.missing[2] = u.missing[3] = false;
	u.missing[1] = true;	/* a lower revision is no matter */
	expect(&u, "a=2 b=3", "");
	u.rings[0] = text("seattle");
	u.rings_n = 1;
	expect(&u, "", "");
}

static void ready_needs_what_it_requires(void **state)
{
	struct universe u;

	(void)state;
	init(&u);
	add_list(&u);
	add_entry(&u, "a", 1, "production", 1, "b", NULL);
	add_entry(&u, "b", 1, "production", 2, "c", NULL);
	add_entry(&u, "c", 1, "production", 3, "a", NULL);	/* a cycle as a whole */
	add_entry(&u, "d", 1, "production", 4, "c", NULL);
	add_entry(&u, "e", 1, "production", 5, NULL, NULL);
	expect(&u, "a=1 b=2 c=3 d=4 e=5", "");
	u.held[2] = true;
	expect(&u, "e=5", "a=1 requires b, b=2 held, c=3 requires b, d=4 requires b");
}

static void revoked_by_newest_is_not_ready(void **state)
{
	struct universe u;

	(void)state;
	init(&u);
	add_list(&u);
	add(&u, "a", 1);
	add_entry(&u, "b", 1, "production", 2, "a", NULL);
	add(&u, "c", 3);
	add_list(&u);
	add(&u, "a", 4);
	add(&u, "d", 5);
	u.missing[5] = true;
	revoke(&u, "a", 1);
	expect(&u, "c=3", "a=4 list, d=5 objects");
	/* only newest's revocations count */
	u.lists[1].revoked_n = 0;
	expect(&u, "a=1 b=2 c=3", "a=4 list, d=5 objects");
	u.lists[0].revoked_n = 1;
	u.revoked[0][0] = u.revoked[1][0];
	expect(&u, "a=1 b=2 c=3", "a=4 list, d=5 objects");
}

static void urgent_does_not_wait(void **state)
{
	struct universe u;

	(void)state;
	init(&u);
	add_list(&u);
	add(&u, "a", 1);
	add(&u, "b", 2);
	add(&u, "c", 3);
	add(&u, "d", 4);
	add_list(&u);
	add_entry(&u, "a", 2, "production", 11, "b", NULL)->urgent = true;
	add_entry(&u, "b", 2, "production", 12, "c", NULL);
	add(&u, "c", 13);
	add(&u, "d", 14);
	add(&u, "e", 15);
	u.missing[15] = true;
	expect(&u, "a=11 b=12 c=13 d=4", "d=14 list, e=15 objects");
	u.missing[13] = true;
	expect(&u, "a=1 b=2 c=3 d=4", "a=11 requires c, b=12 requires c, c=13 objects, d=14 list, e=15 objects");
}

static void urgent_from_the_highest_list(void **state)
{
	struct universe u;

	(void)state;
	init(&u);
	add_list(&u);
	add(&u, "a", 1);
	add(&u, "z", 2);
	add_list(&u);
	add(&u, "a", 3)->urgent = true;
	add(&u, "z", 4);
	add_list(&u);
	add(&u, "a", 5)->urgent = true;
	add(&u, "z", 6);
	add_list(&u);
	add(&u, "a", 7);
	add(&u, "z", 8);
	u.missing[4] = u.missing[6] = u.missing[8] = true;
	expect(&u, "a=5 z=2", "a=7 list, z=8 objects");
	u.held[5] = true;
	expect(&u, "a=3 z=2", "a=7 list, z=8 objects");
	u.missing[6] = false;	/* now the third list is complete: its `a` is held, so the one before it */
	expect(&u, "a=3 z=6", "a=7 list, z=8 objects");
}

static void a_new_urgent_item_needs_no_complete_list(void **state)
{
	struct universe u;

	(void)state;
	init(&u);
	add_list(&u);
	add(&u, "a", 1)->urgent = true;
	add(&u, "b", 2);
	u.missing[2] = true;
	expect(&u, "a=1", "b=2 objects");
}

static void held_falls_back(void **state)
{
	struct universe u;

	(void)state;
	init(&u);
	add_list(&u);
	add(&u, "a", 1);
	add_entry(&u, "b", 1, "production", 2, "a", NULL);
	add(&u, "gone", 3);
	add_list(&u);
	add(&u, "a", 4);
	add_entry(&u, "b", 2, "production", 5, "a", NULL);
	add(&u, "gone", 6);
	add_list(&u);
	add(&u, "a", 7);
	add_entry(&u, "b", 3, "production", 8, "a", NULL);
	add(&u, "c", 9);
	u.held[7] = true;	/* b requires it, so b falls back as well; what is dropped stays dropped */
	expect(&u, "a=4 b=5 c=9", "a=7 held, b=8 requires a");
	u.held[4] = true;
	expect(&u, "a=1 b=2 c=9", "a=7 held, b=8 requires a");
	u.missing[1] = true;	/* pruned */
	expect(&u, "c=9", "a=7 held, b=8 requires a");
	u.missing[1] = false;
	revoke(&u, "a", 1);
	expect(&u, "c=9", "a=7 held, b=8 requires a");
}

static void only_held_falls_back(void **state)
{
	struct universe u;

	(void)state;
	init(&u);
	add_list(&u);
	add(&u, "a", 1);
	add_list(&u);
	add(&u, "a", 2);
	add_list(&u);
	add(&u, "a", 3);
	add(&u, "b", 4);
	u.missing[4] = true;
	revoke(&u, "a", 2);	/* revoked in complete: no older one comes back */
	expect(&u, "", "a=3 list, b=4 objects");
	u.held[2] = true;
	expect(&u, "a=1", "a=3 list, b=4 objects");
}

static void revoked_and_no_longer_named_is_gone(void **state)
{
	struct universe u;

	(void)state;
	init(&u);
	add_list(&u);
	add(&u, "a", 1);
	add(&u, "b", 2);
	add_list(&u);
	add(&u, "a", 3)->urgent = true;
	add(&u, "b", 2);
	add(&u, "c", 4);
	add_list(&u);
	add(&u, "b", 2);
	add(&u, "c", 4);
	u.missing[4] = true;
	expect(&u, "a=3 b=2", "c=4 objects");	/* dropped alone waits for the list */
	revoke(&u, "a", 9);	/* some other revision of it */
	expect(&u, "b=2", "c=4 objects");
	/* named for another ring is not named for these */
	u.lists[2].items_n = 0;
	add_entry(&u, "a", 1, "pilot", 1, NULL, NULL);
	add(&u, "b", 2);
	add(&u, "c", 4);
	expect(&u, "b=2", "c=4 objects");
	u.lists[2].items_n = 0;
	add_entry(&u, "a", 1, "production", 5, NULL, NULL);
	add(&u, "b", 2);
	add(&u, "c", 4);
	expect(&u, "a=3 b=2", "a=5 list, c=4 objects");
}

static void nested_urgent_waits(void **state)
{
	struct universe u;

	(void)state;
	init(&u);
	add_list(&u);
	add(&u, "a", 1);
	add(&u, "a-b", 2);
	add(&u, "c/d", 3);
	add_list(&u);
	add(&u, "a/b", 4)->urgent = true;
	add(&u, "a/c", 5)->urgent = true;
	add(&u, "c", 6)->urgent = true;
	add(&u, "c-d", 7)->urgent = true;
	add(&u, "x", 8);
	u.missing[8] = true;
	expect(&u, "a=1 a-b=2 c-d=7 c/d=3", "a/b=4 nested a, a/c=5 nested a, c=6 nested c/d, x=8 objects");
	revoke(&u, "a", 1);	/* what is not published is not in the way */
	expect(&u, "a-b=2 a/b=4 a/c=5 c-d=7 c/d=3", "c=6 nested c/d, x=8 objects");
	u.missing[8] = false;
	expect(&u, "a/b=4 a/c=5 c=6 c-d=7 x=8", "");
}

static void nested_urgent_of_two_lists(void **state)
{
	struct universe u;

	(void)state;
	init(&u);
	add_list(&u);
	add(&u, "a", 1)->urgent = true;
	add(&u, "x", 2);
	add_list(&u);
	add(&u, "a/b", 3)->urgent = true;
	add(&u, "x", 4);
	u.missing[2] = u.missing[4] = true;
	expect(&u, "a/b=3", "x=4 objects");	/* the higher list goes first */
	u.held[3] = true;
	expect(&u, "a=1", "a/b=3 held, x=4 objects");
}

static void rollback_stands_for_complete(void **state)
{
	struct universe u;
	struct effect f;

	(void)state;
	init(&u);
	add_list(&u);
	add(&u, "a", 1);
	add_list(&u);
	add(&u, "a", 2);
	add(&u, "b", 3);
	add_list(&u);
	add(&u, "a", 4)->urgent = true;
	add(&u, "b", 5);
	u.rollback = 1;
	u.rollback_newest = 2;
	compute(&u, &f);
	assert_true(f.rollback && f.newest_received && f.complete == 1 && f.newest == 2);
	effect_free(&f);
	expect(&u, "a=2 b=3", "a=4 rollback, b=5 rollback");
	u.held[2] = true;	/* older lists count only for revoked */
	expect(&u, "b=3", "a=4 rollback, b=5 rollback");
	u.held[2] = false;
	revoke(&u, "b", 3);
	expect(&u, "a=2", "a=4 rollback, b=5 rollback");
	/* a later list, not complete: its urgent ones count, and the rollback goes on */
	add_list(&u);
	add(&u, "a", 6)->urgent = true;
	add(&u, "b", 7);
	u.missing[7] = true;
	expect(&u, "a=6 b=3", "b=7 objects");
	u.missing[7] = false;
	compute(&u, &f);
	assert_true(!f.rollback && f.complete == 3);
	effect_free(&f);
	expect(&u, "a=6 b=7", "");
}

static void rollback_with_revoked(void **state)
{
	struct universe u;

	(void)state;
	init(&u);
	add_list(&u);
	add(&u, "a", 1);
	add(&u, "b", 2);
	add_list(&u);
	add(&u, "c", 3);
	revoke(&u, "a", 1);
	revoke(&u, "b", 2);
	u.rollback = 0;
	u.rollback_newest = 1;
	expect(&u, "", "c=3 rollback");
	u.exempt[u.exempt_n++] = contents(1);
	expect(&u, "a=1", "c=3 rollback");
	u.rollback = u.rollback_newest = NONE;	/* it counts for nothing else */
	u.missing[3] = true;
	expect(&u, "", "c=3 objects");
}

/* What followed from the list that was complete, whatever is received since: of later ones only what is urgent. */
static void later_ones_do_not_count_as_complete(void **state)
{
	struct universe u;
	struct effect f;

	(void)state;
	init(&u);
	add_list(&u);
	add(&u, "a", 1);
	add(&u, "b", 2);
	add_list(&u);
	add(&u, "a", 3);
	add(&u, "b", 4)->urgent = true;
	u.not_complete = 1;
	compute(&u, &f);
	assert_true(f.complete == 0 && f.newest == 1);
	effect_free(&f);
	expect(&u, "a=1 b=4", "a=3 list");
	u.not_complete = 2;
	compute(&u, &f);
	assert_true(f.complete == NONE);
	effect_free(&f);
	expect(&u, "b=4", "a=3 list");
	u.not_complete = 0;
	expect(&u, "a=3 b=4", "");
}

static void rollback_must_be_kept(void **state)
{
	struct universe u;
	struct effect f;
	struct err e = {0};
	struct effect_input in = {.ready = ready, .rollback = 1, .rollback_newest = 0};

	(void)state;
	init(&u);
	add_list(&u);
	in.lists = u.pointers;
	in.lists_n = u.n;
	in.arg = &u;
	assert_int_equal(effect_compute(&in, &f, &e), -1);
	assert_int_equal(e.reason, ERR_INTERNAL);
}

/* ---- the same once more, straight from the words ---- */

/* "An item's entry in a list is the highest revision that names one of the store's rings." */
static const struct approval *naive_entry(const struct universe *u, size_t list, const char *item)
{
	const struct approval *best = NULL;

	for (size_t i = 0; i < u->lists[list].items_n; i++) {
		const struct approval *p = &u->entries[list][i];
		bool ours = false;

		for (size_t r = 0; r < p->rings_n; r++)
			for (size_t k = 0; k < u->rings_n; k++)
				ours = ours || strcmp(p->rings[r], u->rings[k]) == 0;
		if (ours && strcmp(p->item, item) == 0 && (best == NULL || p->revision > best->revision))
			best = p;
	}
	return best;
}

static bool in_force(const struct universe *u);

static bool naive_exempt(const struct universe *u, unsigned number)
{
	for (size_t i = 0; i < u->exempt_n; i++)
		if (u->exempt[i].bytes[5] == number)
			return in_force(u);
	return false;
}

static bool naive_revoked(const struct universe *u, unsigned number)
{
	const struct approvals *newest = &u->lists[u->n - 1];

	for (size_t i = 0; i < newest->revoked_n; i++)
		if (newest->revoked[i].contents.bytes[5] == number)
			return !naive_exempt(u, number);
	return false;
}

/* "every contents list, part and object is received" of the entries for these rings */
static bool naive_received(const struct universe *u, size_t list)
{
	for (size_t i = 0; i < u->lists[list].items_n; i++) {
		const struct approval *p = naive_entry(u, list, u->entries[list][i].item);

		if (p != NULL && u->missing[p->contents.sha256.bytes[5]])
			return false;
	}
	return true;
}

/* "It ends when a later list is complete" */
static bool in_force(const struct universe *u)
{
	if (u->rollback == NONE)
		return false;
	for (size_t l = u->rollback_newest + 1; l < u->n; l++)
		if (naive_received(u, l))
			return false;
	return true;
}

static size_t naive_complete(const struct universe *u)
{
	if (in_force(u))
		return u->rollback;
	for (size_t l = u->n; l > 0; l--)
		if (naive_received(u, l - 1))
			return l - 1;
	return NONE;
}

/* Lists that count for more than `revoked`. */
static bool counts(const struct universe *u, size_t list)
{
	return !in_force(u) || list == u->rollback || list > u->rollback_newest;
}

/* What p requires, transitively, and p itself: every entry is asked. false as soon as one says no. */
static bool naive_all(const struct universe *u, size_t list, const struct approval *p,
		      bool (*ask)(const struct universe *u, const struct approval *p))
{
	const struct approval *seen[ENTRIES];
	size_t n = 0;

	seen[n++] = p;
	for (size_t i = 0; i < n; i++) {
		if (!ask(u, seen[i]))
			return false;
		for (size_t k = 0; k < seen[i]->requires_n; k++) {
			const struct approval *q = naive_entry(u, list, seen[i]->requires[k]);
			bool known = false;

			if (q == NULL)
				return false;
			for (size_t m = 0; m < n; m++)
				known = known || seen[m] == q;
			if (!known)
				seen[n++] = q;
		}
	}
	return true;
}

static bool is_good(const struct universe *u, const struct approval *p)
{
	unsigned n = p->contents.sha256.bytes[5];

	return !u->missing[n] && !u->held[n] && !naive_revoked(u, n);
}

static bool is_not_held(const struct universe *u, const struct approval *p)
{
	return !u->held[p->contents.sha256.bytes[5]];
}

/* "It is ready if its objects are received, its contents are neither held nor revoked by newest, and the entries of all it
 * requires in that list are ready (a cycle as a whole)": all in its transitive closure are good. */
static bool naive_ready(const struct universe *u, size_t list, const struct approval *p)
{
	return naive_all(u, list, p, is_good);
}

/* Whether `from`, ready and urgent, requires `item`, transitively. */
static bool naive_reaches(const struct universe *u, size_t list, const struct approval *from, const char *item)
{
	const struct approval *seen[ENTRIES];
	size_t n = 0;

	seen[n++] = from;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(seen[i]->item, item) == 0)
			return true;
		for (size_t k = 0; k < seen[i]->requires_n; k++) {
			const struct approval *q = naive_entry(u, list, seen[i]->requires[k]);
			bool known = false;

			for (size_t m = 0; m < n; m++)
				known = known || seen[m] == q;
			if (!known)
				seen[n++] = q;
		}
	}
	return false;
}

/* Rule (a): the list, or NONE. */
static size_t naive_urgent(const struct universe *u, const char *item)
{
	size_t complete = naive_complete(u);

	for (size_t l = u->n; l > 0; l--) {
		size_t list = l - 1;

		if (!in_force(u) && complete != NONE && list <= complete)
			break;
		if (!counts(u, list) || list == complete || naive_entry(u, list, item) == NULL)
			continue;
		for (size_t i = 0; i < u->lists[list].items_n; i++) {
			const struct approval *p = naive_entry(u, list, u->entries[list][i].item);

			if (p != NULL && p->urgent && naive_ready(u, list, p) && naive_reaches(u, list, p, item))
				return list;
		}
	}
	return NONE;
}

/* Rules (b) and (c): the list, or NONE. */
static size_t naive_base(const struct universe *u, const char *item)
{
	size_t complete = naive_complete(u);
	const struct approval *p = complete == NONE ? NULL : naive_entry(u, complete, item);

	if (p == NULL)
		return NONE;
	if (naive_ready(u, complete, p))
		return complete;
	if (naive_all(u, complete, p, is_not_held))
		return NONE;
	for (size_t l = complete; l > 0; l--) {
		const struct approval *q = naive_entry(u, l - 1, item);

		if (counts(u, l - 1) && q != NULL && naive_ready(u, l - 1, q))
			return l - 1;
	}
	return NONE;
}

static bool naive_gone(const struct universe *u, const char *item)
{
	const struct approvals *newest = &u->lists[u->n - 1];

	if (naive_entry(u, u->n - 1, item) != NULL)
		return false;
	for (size_t i = 0; i < newest->revoked_n; i++)
		if (strcmp(newest->revoked[i].item, item) == 0 && !naive_exempt(u, newest->revoked[i].contents.bytes[5]))
			return true;
	return false;
}

static bool naive_nested(const char *a, const char *b)
{
	char x[64], y[64];

	snprintf(x, sizeof x, "%s/", a);
	snprintf(y, sizeof y, "%s/", b);
	return strcmp(a, b) != 0 && (strncmp(x, y, strlen(y)) == 0 || strncmp(x, y, strlen(x)) == 0);
}

static const char *const names[] = {"a", "a-x", "a/b", "a/b/c", "a/d", "b", "c", "c/e"};
#define NAMES (sizeof names / sizeof *names)

/* Which list each name is published from, or NONE. */
static void naive_effect(const struct universe *u, size_t from[NAMES])
{
	size_t urgent[NAMES];

	for (size_t i = 0; i < NAMES; i++) {
		bool gone = naive_gone(u, names[i]);

		from[i] = gone ? NONE : naive_base(u, names[i]);
		urgent[i] = gone ? NONE : naive_urgent(u, names[i]);
		if (from[i] != NONE && urgent[i] != NONE) {
			from[i] = urgent[i];
			urgent[i] = NONE;
		}
	}
	/* those that (a) alone offers, the highest list first */
	for (size_t l = u->n; l > 0; l--)
		for (size_t i = 0; i < NAMES; i++) {
			bool waits = urgent[i] != l - 1;

			for (size_t k = 0; k < NAMES; k++)
				waits = waits || (from[k] != NONE && naive_nested(names[i], names[k]));
			if (!waits)
				from[i] = l - 1;
		}
}

/* ---- random universes ---- */

static uint64_t seed = 7;

static unsigned rnd(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

static void random_entries(struct universe *u)
{
	static const char *const rings[] = {"pilot", "production", "seattle"};
	size_t l = u->n - 1;

	for (size_t i = 0; i < NAMES; i++) {
		bool nested = false;

		for (size_t k = 0; k < u->lists[l].items_n; k++)
			nested = nested || naive_nested(u->entries[l][k].item, names[i]);
		if (nested || rnd(3) == 0)
			continue;
		for (unsigned r = 1 + rnd(2); r > 0; r--) {
			/* few contents for each item, so that lists agree often */
			struct approval *p = add_entry(u, names[i], 10 - r, rings[rnd(3)],
						       (unsigned)(i * 4) + rnd(4), NULL, NULL);

			if (rnd(4) == 0)
				p->rings[p->rings_n++] = text(rings[rnd(3)]);
			p->urgent = rnd(4) == 0;
		}
	}
}

static void random_requires(struct universe *u)
{
	struct approvals *a = &u->lists[u->n - 1];

	for (size_t i = 0; i < a->items_n; i++)
		for (unsigned k = rnd(3); k > 0; k--) {
			const struct approval *to = &a->items[rnd((unsigned)a->items_n)];

			/* only what these rings see too, as the checks of a list demand */
			if (naive_entry(u, u->n - 1, to->item) != NULL)
				a->items[i].requires[a->items[i].requires_n++] = to->item;
		}
}

static int by_item(const void *a, const void *b)
{
	return strcmp(((const struct revocation *)a)->item, ((const struct revocation *)b)->item);
}

/* No entry of the list itself is revoked: such a list is refused. */
static void random_revoked(struct universe *u)
{
	struct approvals *a = &u->lists[u->n - 1];

	for (unsigned k = rnd(4); k > 0; k--) {
		unsigned i = rnd(NAMES), number = i * 4 + rnd(4);
		bool named = false;

		for (size_t m = 0; m < a->items_n; m++)
			named = named || a->items[m].contents.sha256.bytes[5] == number;
		for (size_t m = 0; m < a->revoked_n; m++)
			named = named || a->revoked[m].contents.bytes[5] == number;
		if (!named)
			revoke(u, names[i], number);
	}
	qsort(a->revoked, a->revoked_n, sizeof *a->revoked, by_item);
}

static void random_universe(struct universe *u)
{
	unsigned scarce = 2 + rnd(12), holding = rnd(2) == 0 ? 1000 : 3 + rnd(8);

	init(u);
	if (rnd(2) == 0) {
		u->rings[u->rings_n++] = text("pilot");
		if (rnd(2) == 0)
			u->rings[0] = text("seattle");
	}
	for (unsigned l = 1 + rnd(LISTS); l > 0; l--) {
		add_list(u);
		random_entries(u);
		random_requires(u);
		random_revoked(u);
	}
	for (unsigned i = 0; i < CONTENTS; i++) {
		u->missing[i] = rnd(scarce) == 0;
		u->held[i] = rnd(holding) == 0;
	}
	if (rnd(4) == 0) {
		u->rollback_newest = rnd((unsigned)u->n);
		u->rollback = rnd((unsigned)u->rollback_newest + 1);
		for (unsigned k = rnd(3); k > 0; k--)
			u->exempt[u->exempt_n++] = contents(rnd(CONTENTS));
	}
}

static size_t published_from(const struct effect *f, const char *item)
{
	for (size_t i = 0; i < f->items_n; i++)
		if (strcmp(f->items[i].entry->item, item) == 0)
			return f->items[i].list;
	return NONE;
}

static void compare(struct universe *u, const struct effect *f)
{
	size_t from[NAMES], n = 0, waits = 0;

	naive_effect(u, from);
	assert_int_equal(f->newest, u->n - 1);
	assert_true(f->complete == naive_complete(u));
	assert_true(f->rollback == in_force(u));
	assert_true(f->newest_received == naive_received(u, u->n - 1));
	for (size_t i = 0; i < NAMES; i++) {
		size_t is = published_from(f, names[i]);
		const struct approval *newest = naive_entry(u, u->n - 1, names[i]);

		if (is != from[i])
			fail_msg("%s is published from list %zd, not %zd", names[i], (ssize_t)is, (ssize_t)from[i]);
		n += is != NONE;
		waits += newest != NULL && (is == NONE || memcmp(&naive_entry(u, is, names[i])->contents.sha256,
								 &newest->contents.sha256, DIGEST_LEN) != 0);
	}
	assert_int_equal(f->items_n, n);
	assert_int_equal(f->waiting_n, waits);
	for (size_t i = 0; i < f->items_n; i++) {
		const struct effect_item *it = &f->items[i];

		assert_ptr_equal(it->entry, naive_entry(u, it->list, it->entry->item));
		assert_true(i == 0 || strcmp(f->items[i - 1].entry->item, it->entry->item) < 0);
		for (size_t k = 0; k < f->items_n; k++)
			assert_false(naive_nested(it->entry->item, f->items[k].entry->item));
		assert_false(naive_revoked(u, it->entry->contents.sha256.bytes[5]));
		assert_false(u->missing[it->entry->contents.sha256.bytes[5]]);
	}
	for (size_t i = 0; i < f->waiting_n; i++)
		assert_ptr_equal(f->waiting[i].entry, naive_entry(u, u->n - 1, f->waiting[i].entry->item));
}

/* How often each reason was seen: the universes must be rich enough. */
static unsigned seen[7];

static void count_reasons(const struct effect *f)
{
	static const char *const why[] = {"objects", "requires", "held", "list", "nested", "rollback"};

	for (size_t i = 0; i < f->waiting_n; i++)
		for (size_t k = 0; k < sizeof why / sizeof *why; k++)
			seen[k] += strcmp(f->waiting[i].why, why[k]) == 0;
	seen[6] += f->items_n > 0;
}

static void random_universes(void **state)
{
	(void)state;
	for (int i = 0; i < 40000; i++) {
		static struct universe u;
		struct effect f;

		random_universe(&u);
		compute(&u, &f);
		compare(&u, &f);
		count_reasons(&f);
		effect_free(&f);
	}
	for (int i = 0; i < 7; i++)
		assert_in_range(seen[i], 200, 10000000);
}

/* ---- size ---- */

#define MANY 200000

static int all_ready(void *arg, const struct approval *entry, struct effect_ready *out, struct err *e)
{
	const struct digest *not = arg;

	(void)e;
	*out = (struct effect_ready){.received = !digest_equal(not, &entry->contents.sha256)};
	return 0;
}

/* 200,000 entries, each requires the next one, and one is missing: three lists of them take seconds, not hours. */
static void many_entries(void **state)
{
	static char *ring[] = {NULL};
	struct approvals lists[3];
	const struct approvals *pointers[3] = {&lists[0], &lists[1], &lists[2]};
	struct approval *entries = calloc(3 * MANY, sizeof *entries);
	char(*item)[24] = calloc(MANY + 1, sizeof *item);
	char **requires = calloc(MANY, sizeof(*requires));
	struct digest not = {{0}};
	struct effect f;
	struct err e = {0};
	clock_t start;

	(void)state;
	ring[0] = text("production");
	assert_true(entries != NULL && item != NULL && requires != NULL);
	for (size_t i = 0; i < MANY; i++)
		snprintf(item[i], sizeof item[i], "pool/%c/item%06zu", (int)('a' + i / 10000), i);
	for (size_t l = 0; l < 3; l++) {
		lists[l] = (struct approvals){.epoch = 1, .revision = l + 1, .items = entries + l * MANY, .items_n = MANY};
		for (size_t i = 0; i < MANY; i++) {
			struct approval *p = &lists[l].items[i];
			uint64_t number = i + (i % 10 == 0 ? l * MANY : 0);

			requires[i] = item[(i + 1) % MANY];
			*p = (struct approval){.item = item[i], .revision = l + 1, .rings = ring, .rings_n = 1,
					       .requires = &requires[i], .requires_n = 1, .urgent = i == 77};
			/* adversarial: all digests begin alike */
			memcpy(p->contents.sha256.bytes + 24, &number, sizeof number);
		}
	}
	not = lists[2].items[150000].contents.sha256;
	start = clock();
	{
		const struct effect_input in = {.lists = pointers, .lists_n = 3, .rings = ring, .rings_n = 1, .ready = all_ready,
						.arg = &not, .rollback = NONE, .rollback_newest = NONE};

		assert_int_equal(effect_compute(&in, &f, &e), 0);
	}
	assert_int_equal(f.complete, 1);
	assert_int_equal(f.items_n, MANY);
	assert_int_equal(f.waiting_n, MANY / 10);
	assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 20);	/* half a second on an idle machine without sanitizers */
	effect_free(&f);
	free(entries);
	free(item);
	free(requires);
}

int main(void)
{
#define T(f) cmocka_unit_test(f)
	const struct CMUnitTest tests[] = {
		T(no_lists), T(complete_is_the_highest_received), T(waiting_counts_objects), T(same_contents_do_not_wait),
		T(entry_is_the_highest_revision_for_the_rings), T(ready_needs_what_it_requires),
		T(revoked_by_newest_is_not_ready), T(urgent_does_not_wait), T(urgent_from_the_highest_list),
		T(a_new_urgent_item_needs_no_complete_list), T(held_falls_back), T(only_held_falls_back),
		T(revoked_and_no_longer_named_is_gone), T(nested_urgent_waits), T(nested_urgent_of_two_lists),
		T(rollback_stands_for_complete), T(rollback_with_revoked), T(rollback_must_be_kept),
		T(later_ones_do_not_count_as_complete),
		T(random_universes), T(many_entries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

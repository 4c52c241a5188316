/* verify/pieces: whatever the order and the bundles in which pieces come, an object all of whose bytes come is judged, and rightly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/buf.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "manifests/volume.h"
#include "verify/pieces.h"

#define BUNDLES 4
#define OBJECTS 3
#define MOST 24		/* pieces of a bundle */
#define SIZE 400
#define KEEP 100	/* objects up to this size are kept */

struct trial {
	uint8_t data[OBJECTS][SIZE];
	struct volume_object objects[OBJECTS];	/* whole */
	struct volume bundles[BUNDLES];
	struct volume_object entries[BUNDLES][MOST];
	unsigned right[OBJECTS], wrong[OBJECTS], doubts[OBJECTS][4];
};

static uint32_t seed;

static uint32_t below(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static void make_objects(struct trial *t)
{
	for (size_t i = 0; i < OBJECTS; i++) {
		struct volume_object *o = &t->objects[i];

		*o = (struct volume_object){.size = i == 0 ? 2 + below(KEEP - 1) : KEEP + 1 + below(SIZE - KEEP - 1)};
		for (size_t at = 0; at < o->size; at++)
			t->data[i][at] = (uint8_t)below(256);
		assert_int_equal(digest_of(t->data[i], o->size, &o->sha256, NULL), 0);
	}
}

static void add(struct volume *v, const struct volume_object *o, uint64_t from, uint64_t to)
{
	struct volume_object *x = &v->objects[v->objects_n];

	if (from >= to || to - from == o->size || v->objects_n == MOST)
		return;
	v->objects_n++;
	*x = *o;
	x->has_piece = x->has_length = true;
	x->from = from;
	x->length = to - from;
}

/* A bundle has all of an object, cut somewhere, or a half of it, which others may go on with, and any pieces of it; in any order. */
static void make_bundle(struct trial *t, size_t b)
{
	struct volume *v = &t->bundles[b];

	*v = (struct volume){.objects = t->entries[b]};
	for (size_t i = 0; i < OBJECTS; i++) {
		const struct volume_object *o = &t->objects[i];
		uint64_t cut = 1 + below((uint32_t)o->size - 1);

		for (unsigned n = below(4); n > 0; n--) {
			uint64_t from = below((uint32_t)o->size);

			add(v, o, from, from + 1 + below((uint32_t)(o->size - from)));
		}
		if (below(8) == 0) {
			add(v, o, 0, cut);
			add(v, o, cut, o->size);
		} else if (below(2) == 0) {
			bool begins = below(2) == 0;

			add(v, o, begins ? 0 : o->size / 3, begins ? o->size / 3 : o->size);
		}
	}
	for (size_t i = v->objects_n; below(3) > 0 && i > 1; i--) {
		size_t other = below((uint32_t)i);
		struct volume_object x = v->objects[i - 1];

		v->objects[i - 1] = v->objects[other];
		v->objects[other] = x;
	}
}

static size_t number_of(const struct trial *t, const struct digest *d)
{
	for (size_t i = 0; i < OBJECTS; i++)
		if (digest_equal(d, &t->objects[i].sha256))
			return i;
	fail();
	return 0;
}

static int count_doubt(void *arg, const struct digest *d, enum pieces_doubt doubt, struct err *e)
{
	struct trial *t = arg;

	(void)e;
	t->doubts[number_of(t, d)][doubt]++;
	return 0;
}

static void check_document(struct trial *t, struct pieces *p, const struct piece *piece, size_t i)
{
	struct buf out = {0};
	struct err e = {0};
	int rc = pieces_document(p, piece, &out, &e);

	assert_int_equal(rc, t->objects[i].size > KEEP);
	if (rc == 0) {
		assert_int_equal(out.len, t->objects[i].size);
		assert_memory_equal(out.data, t->data[i], out.len);
	}
	buf_free(&out);
}

/* The bytes of one piece, in bits; `flip` (or SIZE) is a place in the object where it lies, `lost` one whose bit does not come. */
static void feed(struct trial *t, struct pieces *p, const void *bundle, const struct volume_object *o, uint64_t flip, uint64_t lost)
{
	size_t i = number_of(t, &o->sha256);
	uint8_t bytes[SIZE];
	struct err e = {0};
	bool alone;
	struct piece *piece = pieces_find(p, bundle, o, &alone);
	enum pieces_verdict verdict;

	assert_non_null(piece);
	memcpy(bytes, t->data[i], SIZE);
	if (flip < o->size)
		bytes[flip] ^= 1;
	for (uint64_t at = o->from, n; at < o->from + o->length; at += n) {
		uint64_t left = o->from + o->length - at;

		n = 1 + below(60);
		n = n < left ? n : left;
		if (lost < at || lost >= at + n)
			assert_int_equal(pieces_add(p, piece, at, bytes + at, n, &e), 0);
	}
	verdict = pieces_end(piece);
	t->right[i] += verdict == PIECES_RIGHT;
	t->wrong[i] += verdict == PIECES_WRONG;
	if (verdict == PIECES_RIGHT)
		check_document(t, p, piece, i);
}

/* Whether the bundles first..first+n have all of an object in pieces. */
static bool is_there(const struct trial *t, size_t object, size_t first, size_t n)
{
	bool have[SIZE] = {false};

	for (size_t b = first; b < first + n; b++)
		for (size_t i = 0; i < t->bundles[b].objects_n; i++) {
			const struct volume_object *o = &t->entries[b][i];

			for (uint64_t at = 0; at < o->length && digest_equal(&o->sha256, &t->objects[object].sha256); at++)
				have[o->from + at] = true;
		}
	for (uint64_t at = 0; at < t->objects[object].size; at++)
		if (!have[at])
			return false;
	return true;
}

/* lie: number of the piece, over all bundles, that does; UINT32_MAX: none. The number of the object that it belongs to, or OBJECTS. */
static size_t run(struct trial *t, uint32_t lie, bool loses)
{
	struct pieces *p = pieces_open(KEEP, NULL);
	size_t liar = OBJECTS;
	struct err e = {0};
	uint32_t n = 0;

	assert_non_null(p);
	for (size_t b = 0; b < BUNDLES; b++)
		assert_int_equal(pieces_expect(p, &t->bundles[b], &t->bundles[b], &e), 0);
	assert_int_equal(pieces_plan(p, &e), 0);
	assert_false(pieces_too_many(p));
	for (size_t b = 0; b < BUNDLES; b++) {
		for (size_t i = 0; i < t->bundles[b].objects_n; i++, n++) {
			const struct volume_object *o = &t->entries[b][i];
			uint64_t place = o->from + below((uint32_t)o->length);

			if (n == lie)
				liar = number_of(t, &o->sha256);
			feed(t, p, &t->bundles[b], o, n == lie && !loses ? place : SIZE, n == lie && loses ? place : SIZE);
		}
		assert_int_equal(pieces_doubts(p, &t->bundles[b], count_doubt, t, &e), 0);
	}
	pieces_close(p);
	return liar;
}

static void make(struct trial *t, uint32_t trial)
{
	*t = (struct trial){0};
	seed = trial;
	make_objects(t);
	for (size_t b = 0; b < BUNDLES; b++)
		make_bundle(t, b);
}

static uint32_t count_pieces(const struct trial *t)
{
	uint32_t n = 0;

	for (size_t b = 0; b < BUNDLES; b++)
		n += (uint32_t)t->bundles[b].objects_n;
	return n;
}

static void what_comes_is_right(void **state)
{
	unsigned whole = 0, joined = 0, absent = 0;

	(void)state;
	for (uint32_t trial = 0; trial < 3000; trial++) {
		struct trial t;

		make(&t, trial);
		run(&t, UINT32_MAX, false);
		for (size_t i = 0; i < OBJECTS; i++) {
			bool all = is_there(&t, i, 0, BUNDLES);
			unsigned alone = 0;

			for (size_t b = 0; b < BUNDLES; b++)
				alone += is_there(&t, i, b, 1);
			assert_int_equal(t.wrong[i], 0);
			assert_int_equal(t.doubts[i][PIECES_LOST] + t.doubts[i][PIECES_NO_ROOM], 0);
			if (all)
				assert_int_equal(t.right[i], alone > 0 ? alone : 1);
			else
				assert_int_equal(t.right[i] + t.doubts[i][PIECES_LATER], 0);
			assert_true(!all || t.doubts[i][PIECES_ABSENT] == 0);
			whole += alone > 0;
			joined += all && alone == 0;
			absent += t.doubts[i][PIECES_ABSENT] > 0;
		}
	}
	assert_true(whole > 100 && joined > 100 && absent > 100);
}

static void a_lie_is_found(void **state)
{
	unsigned found = 0;

	(void)state;
	for (uint32_t trial = 0; trial < 3000; trial++) {
		struct trial t;
		uint32_t n;
		size_t liar;

		make(&t, trial);
		n = count_pieces(&t);
		if (n == 0)
			continue;
		liar = run(&t, below(n), false);
		for (size_t i = 0; i < OBJECTS; i++) {
			bool must = i == liar && is_there(&t, i, 0, BUNDLES);

			assert_true(i == liar || t.wrong[i] == 0);
			assert_true(!must || t.wrong[i] > 0);
			found += must;
		}
	}
	assert_true(found > 500);
}

/* Bytes that are lost make nothing wrong, and what needed them is not called right: it is told, unless they came once more. */
static void what_is_lost_is_told(void **state)
{
	unsigned told = 0, again = 0;

	(void)state;
	for (uint32_t trial = 0; trial < 3000; trial++) {
		struct trial t;
		uint32_t n;
		size_t of;

		make(&t, trial);
		n = count_pieces(&t);
		if (n == 0)
			continue;
		of = run(&t, below(n), true);
		for (size_t i = 0; i < OBJECTS; i++) {
			assert_int_equal(t.wrong[i], 0);
			if (!is_there(&t, i, 0, BUNDLES))
				continue;
			assert_true(i == of || t.doubts[i][PIECES_LOST] == 0);
			assert_true(t.right[i] > 0 || t.doubts[i][PIECES_LOST] > 0);
			told += t.doubts[i][PIECES_LOST] > 0;
			again += i == of && t.doubts[i][PIECES_LOST] == 0;
		}
	}
	assert_true(told > 100 && again > 100);
}

static struct volume_object piece_of(const struct digest *d, uint64_t size, uint64_t from, uint64_t length)
{
	return (struct volume_object){.sha256 = *d, .size = size, .has_piece = true, .has_length = true, .from = from, .length = length};
}

/* What is declared costs nothing; where there is no room for what must be kept, nothing of it is. */
static void no_room(void **state)
{
	const uint64_t size = 1ull << 50;
	struct digest d = {{7}};
	struct volume_object o[2] = {piece_of(&d, size, size / 2, size / 2), piece_of(&d, size, 0, size / 2)};
	struct volume v = {.objects = o, .objects_n = 2};
	struct pieces *p = pieces_open(KEEP, NULL);
	struct trial t = {.objects = {{.sha256 = d}}};
	struct err e = {0};
	bool alone;

	(void)state;
	assert_int_equal(pieces_expect(p, &v, &v, &e), 0);
	assert_int_equal(pieces_plan(p, &e), 0);
	for (int i = 0; i < 2; i++) {
		struct piece *piece = pieces_find(p, &v, &o[i], &alone);

		assert_true(alone);
		assert_int_equal(pieces_add(p, piece, o[i].from, "abc", 3, &e), 0);
		assert_int_equal(pieces_end(piece), PIECES_OPEN);
	}
	assert_int_equal(pieces_doubts(p, &v, count_doubt, &t, &e), 0);
	assert_int_equal(t.doubts[0][PIECES_NO_ROOM], 1);
	assert_null(pieces_find(p, &v, &(struct volume_object){.sha256 = d, .size = size + 1}, &alone));
	assert_null(pieces_find(p, &o, &o[0], &alone));
	pieces_close(p);
}

/* At the limit there is a plan, one over it there is none. Pieces of a byte, the last first: no time goes by their number squared. */
static void too_many(void **state)
{
	struct volume_object *o = calloc(PIECES_MAX + 1, sizeof *o);
	struct digest d = {{7}};
	bool alone;

	(void)state;
	assert_non_null(o);
	for (uint64_t i = 0; i <= PIECES_MAX; i++)
		o[i] = piece_of(&d, PIECES_MAX, PIECES_MAX - 1 - i % PIECES_MAX, 1);
	for (size_t n = PIECES_MAX; n <= PIECES_MAX + 1; n++) {
		struct volume v = {.objects = o, .objects_n = n};
		struct pieces *p = pieces_open(KEEP, NULL);
		struct err e = {0};

		assert_int_equal(pieces_expect(p, &v, &v, &e), 0);
		assert_int_equal(pieces_plan(p, &e), 0);
		assert_int_equal(pieces_too_many(p), n > PIECES_MAX);
		assert_int_equal(pieces_find(p, &v, &o[0], &alone) == NULL, n > PIECES_MAX);
		pieces_close(p);
	}
	free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_comes_is_right), cmocka_unit_test(a_lie_is_found), cmocka_unit_test(what_is_lost_is_told),
		cmocka_unit_test(no_room), cmocka_unit_test(too_many),
	};
	struct err e = {0};

	if (digest_start(&e) == -1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

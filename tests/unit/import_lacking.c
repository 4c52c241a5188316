/*
 * Tests of import/lacking.c: what a receipt says that a store lacks is exact where it fits, and never less than the truth
 * where it doesn't.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "import/lacking.h"
#include "lib/err.h"
#include "manifests/limits.h"
#include "tests/unit/bare_store.h"

#include "lib/banned.h"

static struct digest digest_number(unsigned n)
{
	struct digest d = {{0}};

	memcpy(d.bytes, &n, sizeof n);
	return d;
}

/* Stages n bytes, one every `step`, from `first` on, of an object of this size. */
static void stage(struct bare_store *s, const struct digest *d, uint64_t size, uint64_t first, uint64_t step, size_t n)
{
	struct err e = {0};
	struct objects_piece *p = objects_piece_open(s->objects, d, size, &e);

	bare_store_must(p == NULL ? -1 : 0, &e);
	for (size_t i = 0; i < n; i++)
		bare_store_must(objects_piece_write(p, first + i * step, "x", 1, NULL, &e), &e);
	assert_int_equal(objects_piece_end(p, &e), 0);
}

static void extents_of_staged_objects(void **state)
{
	struct bare_store *s = *state;
	struct digest two = digest_number(2), one = digest_number(1), whole, lost = digest_number(3);
	struct lacking l = {0};
	struct err e = {0};

	bare_store_must(digest_of("xyz", 3, &whole, &e), &e);
	stage(s, &two, 100, 10, 20, 2);		/* bytes 10 and 30 are there */
	stage(s, &one, 50, 0, 1, 0);		/* begun, and nothing of it came */
	stage(s, &whole, 3, 0, 1, 1);		/* it came whole afterwards */
	bare_store_put(s, "xyz", 3);
	bare_store_must(lacking_add_staged(&l, s->objects, &e), &e);
	bare_store_must(lacking_add_lost(&l, &lost, &e), &e);
	bare_store_must(lacking_add_lost(&l, &two, &e), &e);	/* counts once, as what it was first */
	lacking_sort(&l);
	assert_int_equal(l.objects, 3);
	assert_int_equal(l.n, 5);
	assert_true(digest_equal(&l.list[0].sha256, &one));
	assert_true(l.list[0].has_size && l.list[0].size == 50 && !l.list[0].has_from && !l.list[0].has_length);
	for (size_t i = 1; i < 4; i++) {
		static const uint64_t from[] = {0, 11, 31}, length[] = {10, 19, 69};

		assert_true(digest_equal(&l.list[i].sha256, &two));
		assert_true(l.list[i].has_size && l.list[i].has_from && l.list[i].has_length);
		assert_int_equal(l.list[i].size, 100);
		assert_int_equal(l.list[i].from, from[i - 1]);
		assert_int_equal(l.list[i].length, length[i - 1]);
	}
	assert_true(digest_equal(&l.list[4].sha256, &lost));
	assert_false(l.list[4].has_size || l.list[4].has_from || l.list[4].has_length);
	lacking_free(&l);
	assert_int_equal(l.n, 0);
}

/* An object in shreds: 1000 extents are named, and all that is missing lies in them. */
static void many_gaps_are_joined(void **state)
{
	struct bare_store *s = *state;
	struct digest d = digest_number(1);
	struct lacking l = {0};
	struct err e = {0};
	uint64_t at = 0;

	stage(s, &d, 4000, 1, 2, 1500);	/* the even bytes are missing, and from 3000 on everything */
	bare_store_must(lacking_add_staged(&l, s->objects, &e), &e);
	lacking_sort(&l);
	assert_int_equal(l.objects, 1);
	assert_int_equal(l.n, 1000);
	for (size_t i = 0; i < 999; i++, at += 2) {
		assert_int_equal(l.list[i].from, at);
		assert_int_equal(l.list[i].length, 1);
	}
	assert_int_equal(l.list[999].from, at);
	assert_int_equal(l.list[999].from + l.list[999].length, 4000);
	lacking_free(&l);
}

/* Beyond the limit objects are counted; one whose extents don't all fit isn't named at all, one that fits still is. */
static void full_receipt_counts_on(void **state)
{
	struct bare_store *s = *state;
	struct digest shreds = digest_number(UINT32_MAX), d;
	struct lacking l = {0};
	struct err e = {0};

	stage(s, &shreds, 100, 10, 20, 2);
	for (unsigned i = 0; i < MAX_RECEIPT_MISSING - 2; i++) {
		d = digest_number(i);
		bare_store_must(lacking_add_lost(&l, &d, &e), &e);
	}
	bare_store_must(lacking_add_staged(&l, s->objects, &e), &e);	/* three extents, room for two */
	assert_int_equal(l.n, MAX_RECEIPT_MISSING - 2);
	assert_int_equal(l.objects, MAX_RECEIPT_MISSING - 1);
	for (unsigned i = MAX_RECEIPT_MISSING - 2; i < MAX_RECEIPT_MISSING + 1; i++) {
		d = digest_number(i);
		bare_store_must(lacking_add_lost(&l, &d, &e), &e);
	}
	assert_int_equal(l.n, MAX_RECEIPT_MISSING);
	assert_int_equal(l.objects, MAX_RECEIPT_MISSING + 2);
	lacking_sort(&l);
	for (size_t i = 0; i < l.n; i++) {
		assert_false(digest_equal(&l.list[i].sha256, &shreds));
		assert_true(i == 0 || digest_compare(&l.list[i - 1].sha256, &l.list[i].sha256) < 0);
	}
	lacking_free(&l);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, bare_store_setup, bare_store_teardown)
	const struct CMUnitTest tests[] = {
		T(extents_of_staged_objects), T(many_gaps_are_joined), T(full_receipt_counts_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

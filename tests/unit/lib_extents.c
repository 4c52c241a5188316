/*
 * Sets of ranges against a plain array of marks.
 */
#include "lib/extents.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"

#define SPAN 64

static uint64_t next(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *seed >> 33;
}

static void compare(const struct extents *x, const char *marks)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < x->n; i++) {
		assert_true(x->list[i].from < x->list[i].to && x->list[i].to <= SPAN);
		assert_true(i == 0 || x->list[i - 1].to < x->list[i].from);
	}
	for (uint64_t at = 0; at < SPAN; at++) {
		uint64_t within = 0;

		assert_int_equal(extents_cover(x, at, at + 1), marks[at]);
		sum += (uint64_t)marks[at];
		for (uint64_t to = at; to <= SPAN; to++) {
			size_t n = (size_t)(to - at);

			within += to > at && marks[to - 1] != 0;
			assert_true(extents_within(x, at, to) == within);
			assert_int_equal(extents_meet(x, at, to), memchr(marks + at, 1, n) != NULL);
			assert_int_equal(extents_cover(x, at, to), memchr(marks + at, 0, n) == NULL);
		}
	}
	assert_true(extents_sum(x) == sum);
}

static void as_marks_say(void **state)
{
	uint64_t seed = 3;

	(void)state;
	for (int round = 0; round < 200; round++) {
		struct extents x = {0};
		char marks[SPAN] = {0};
		struct err e = {0};

		for (int step = 0; step < 30; step++) {
			uint64_t from = next(&seed) % SPAN, to = from + next(&seed) % (SPAN - from + 1);
			bool add = next(&seed) % 2 == 0;

			assert_int_equal(add ? extents_add(&x, from, to, &e) : extents_remove(&x, from, to, &e), 0);
			memset(marks + from, add, (size_t)(to - from));
			compare(&x, marks);
		}
		extents_free(&x);
		assert_true(x.n == 0 && x.list == NULL);
	}
}

static void large_numbers(void **state)
{
	const uint64_t end = UINT64_MAX;
	struct extents x = {0};
	struct err e = {0};

	(void)state;
	assert_int_equal(extents_add(&x, 0, end, &e), 0);
	assert_int_equal(extents_remove(&x, end - 1, end, &e), 0);
	assert_true(x.n == 1 && x.list[0].to == end - 1);
	assert_true(extents_cover(&x, 5, 5) && !extents_meet(&x, 5, 5));
	assert_int_equal(extents_add(&x, 7, 3, &e), 0);	/* backwards is nothing */
	assert_int_equal(x.n, 1);
	extents_free(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(as_marks_say), cmocka_unit_test(large_numbers)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A list of digests that grows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/digests.h"

static struct digest of(unsigned n)
{
	return (struct digest){{(uint8_t)(n >> 8), (uint8_t)n}};
}

static void grows_and_sorts(void **state)
{
	struct digests l = {0}, more = {0};

	(void)state;
	digests_sort(&l);
	assert_int_equal(l.n, 0);
	for (unsigned i = 0; i < 1000; i++) {	/* each number below 500 twice, in no order */
		struct digest d = of(i * 7 % 500);

		assert_int_equal(digests_add(i % 2 == 0 ? &l : &more, &d, NULL), 0);
	}
	assert_int_equal(digests_add_all(&l, &more, NULL), 0);
	assert_int_equal(l.n, 1000);
	digests_sort(&l);
	assert_int_equal(l.n, 500);
	for (unsigned i = 0; i < 500; i++) {
		struct digest d = of(i);

		assert_true(digest_equal(&l.list[i], &d));
	}
	digests_free(&l);
	digests_free(&more);
	assert_null(l.list);
	assert_int_equal(l.n + l.room, 0);
}

static void removes_all_that_are_equal(void **state)
{
	static const unsigned numbers[] = {3, 1, 3, 2, 3};
	struct digest three = of(3), one = of(1), two = of(2);
	struct digests l = {0};

	(void)state;
	assert_int_equal(digests_remove(&l, &three), 0);
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		struct digest d = of(numbers[i]);

		assert_int_equal(digests_add(&l, &d, NULL), 0);
	}
	assert_int_equal(digests_remove(&l, &three), 3);
	assert_int_equal(digests_remove(&l, &three), 0);
	assert_int_equal(l.n, 2);
	assert_true(digest_equal(&l.list[0], &one) && digest_equal(&l.list[1], &two));
	digests_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(grows_and_sorts), cmocka_unit_test(removes_all_that_are_equal)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* lib/bloom and lib/distinct: nothing met is ever forgotten, hardly anything else is taken for met. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "lib/bloom.h"
#include "lib/distinct.h"
#include "lib/err.h"

static struct digest number(unsigned n)
{
	struct err e = {0};
	struct digest d;

	assert_int_equal(digest_of(&n, sizeof n, &d, &e), 0);
	return d;
}

static void met_is_met(void **state)
{
	struct bloom b = {0};
	struct err e = {0};
	struct digest d = number(1);
	unsigned wrong = 0;

	(void)state;
	assert_false(bloom_has(&b, &d));	/* not opened */
	assert_int_equal(bloom_open(&b, &e), 0);
	for (unsigned i = 0; i < 20000; i++) {
		d = number(i);
		bloom_add(&b, &d);
	}
	for (unsigned i = 0; i < 20000; i++) {
		d = number(i);
		assert_true(bloom_has(&b, &d));
		d = number(i + 1000000);
		wrong += bloom_has(&b, &d);
	}
	assert_int_equal(wrong, 0);
	bloom_free(&b);
	assert_false(bloom_has(&b, &d));
}

static void counted_once(void **state)
{
	struct distinct s = {0};
	struct err e = {0};

	struct digest other = number(5000);

	(void)state;
	assert_false(distinct_has(&s, &other));
	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < 5000; i++) {
			struct digest d = number(i);

			assert_int_equal(distinct_add(&s, &d, &e), round == 0);
			assert_true(distinct_has(&s, &d));
		}
	assert_int_equal(s.n, 5000);
	assert_false(distinct_has(&s, &other));
	distinct_free(&s);
}

/* With room from the start or without: the value is the first one, and can be written to. */
static void values(void **state)
{
	const unsigned reserved[] = {0, 1, 192, 193, 5000, 70000};
	struct err e = {0};

	(void)state;
	for (size_t k = 0; k < sizeof reserved / sizeof *reserved; k++) {
		struct distinct s = {0};
		struct digest other = number(5000);
		size_t room;

		if (reserved[k] > 0)
			assert_int_equal(distinct_reserve_valued(&s, reserved[k], &e), 0);
		room = s.room;
		assert_null(distinct_value(&s, &other));
		for (unsigned round = 0; round < 2; round++)
			for (unsigned i = 0; i < 5000; i++) {
				struct digest d = number(i);
				uint64_t value = i + round;

				assert_int_equal(distinct_add_valued(&s, &d, &value, &e), round == 0);
				assert_int_equal(value, i);
				if (round == 0 && i + 1 == reserved[k])
					assert_int_equal(s.room, room);
			}
		assert_null(distinct_value(&s, &other));
		other = number(77);
		*distinct_value(&s, &other) = 1234;
		assert_int_equal(*distinct_value(&s, &other), 1234);
		distinct_free(&s);
		assert_null(distinct_value(&s, &other));
	}
}

static void cleared(void **state)
{
	struct distinct s = {0};
	struct err e = {0};

	(void)state;
	distinct_clear(&s);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 1000; i++) {
			struct digest d = number(1000 * round + i), former = number(1000 * round + i - 1000);

			assert_int_equal(distinct_add(&s, &d, &e), 1);
			assert_true(round == 0 || !distinct_has(&s, &former));
		}
		assert_int_equal(s.n, 1000);
		distinct_clear(&s);
		assert_int_equal(s.n, 0);
	}
	distinct_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(met_is_met), cmocka_unit_test(counted_once), cmocka_unit_test(values),
					   cmocka_unit_test(cleared)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

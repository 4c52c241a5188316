/*
 * The set of objects: each once, in the order of first adding, with bounded memory.
 */
#include "export/cargo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"
#include "manifests/limits.h"
#include "manifests/reason.h"

#define MANY 200000

/* Digests that agree in all but a few bits. */
static struct digest digest_no(uint32_t n)
{
	struct digest d = {{0}};

	memcpy(d.bytes + 8, &n, sizeof n);
	return d;
}

static void each_once_and_in_order(void **state)
{
	struct cargo c = {0};
	struct err e = {0};

	(void)state;
	for (uint32_t i = 0; i < MANY; i++) {
		struct digest d = digest_no(i), former = digest_no(i / 2);

		assert_int_equal(cargo_add(&c, &d, i, i % 3 ? NULL : "a/b", &e), 1);
		assert_int_equal(cargo_add(&c, &former, i / 2, NULL, &e), 0);
	}
	assert_int_equal(c.n, MANY);
	assert_true(c.bytes == (uint64_t)MANY * (MANY - 1) / 2);
	for (uint32_t i = 0; i < MANY; i++) {
		struct digest d = digest_no(i);

		assert_true(digest_equal(&cargo_at(&c, i)->sha256, &d));
		assert_true(cargo_at(&c, i)->size == i);
		assert_true((cargo_at(&c, i)->path == NULL) == (i % 3 != 0));
	}
	cargo_free(&c);
	assert_int_equal(c.n, 0);
}

static void two_sizes_are_refused(void **state)
{
	struct cargo c = {0};
	struct err e = {0};
	struct digest d = digest_no(1);

	(void)state;
	assert_int_equal(cargo_add(&c, &d, 5, NULL, &e), 1);
	assert_int_equal(cargo_add(&c, &d, 6, NULL, &e), -1);
	assert_int_equal(e.reason, R_CONTENT_CHANGED);
	cargo_free(&c);
}

static void sums_are_bounded(void **state)
{
	struct cargo c = {0};
	struct err e = {0};
	struct digest d = digest_no(1), f = digest_no(2);

	(void)state;
	assert_int_equal(cargo_add(&c, &d, MAX_SUM, NULL, &e), 1);
	assert_int_equal(cargo_add(&c, &f, 1, NULL, &e), -1);
	assert_int_equal(e.reason, ERR_TOO_LARGE);
	cargo_free(&c);
}

/* What several destinations lack of one object is carried together, and whole as soon as it comes to that. */
static void parts_are_joined(void **state)
{
	struct cargo c = {0};
	struct err e = {0};
	struct digest d = digest_no(1), other = digest_no(2);
	struct extent list[] = {{10, 20}, {30, 40}}, rest[] = {{0, 10}, {15, 100}};
	struct extents some = {list, 2, 2}, more = {rest, 2, 2};

	(void)state;
	assert_null(cargo_find(&c, &d));
	assert_int_equal(cargo_add_parts(&c, &d, 100, NULL, &some, &e), 1);
	assert_true(c.bytes == 20 && cargo_carried(cargo_at(&c, 0)) == 20 && cargo_parts(cargo_at(&c, 0)) == 2);
	assert_int_equal(cargo_add_parts(&c, &d, 100, NULL, &some, &e), 0);
	assert_true(c.bytes == 20 && cargo_find(&c, &d) == cargo_at(&c, 0));
	assert_int_equal(cargo_add_parts(&c, &d, 99, NULL, &some, &e), -1);
	err_clear(&e);
	assert_int_equal(cargo_add_parts(&c, &d, 100, NULL, &more, &e), 0);
	assert_true(c.bytes == 100 && cargo_at(&c, 0)->parts == NULL && cargo_part(cargo_at(&c, 0), 0).to == 100);
	assert_int_equal(cargo_add_parts(&c, &d, 100, NULL, &some, &e), 0);
	assert_true(c.bytes == 100 && cargo_at(&c, 0)->parts == NULL);
	assert_int_equal(cargo_add_parts(&c, &other, 100, NULL, &some, &e), 1);
	assert_int_equal(cargo_add(&c, &other, 100, NULL, &e), 0);
	assert_true(c.bytes == 200 && cargo_at(&c, 1)->parts == NULL && c.n == 2);
	cargo_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_once_and_in_order),
		cmocka_unit_test(two_sizes_are_refused),
		cmocka_unit_test(sums_are_bounded),
		cmocka_unit_test(parts_are_joined),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

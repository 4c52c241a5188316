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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_once_and_in_order),
		cmocka_unit_test(two_sizes_are_refused),
		cmocka_unit_test(sums_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

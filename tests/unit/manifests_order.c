/*
 * The order of paths: compared with a judge that knows all earlier ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"
#include "manifests/order.h"
#include "manifests/reason.h"

/* The slow judge. */
static int judge(char (*earlier)[16], size_t n, const char *path)
{
	if (n > 0 && strcmp(earlier[n - 1], path) >= 0)
		return R_DOCUMENT_FORM;
	for (size_t i = 0; i < n; i++)
		if (path_below(path, earlier[i]))
			return R_NAME;
	return 0;
}

/* Short paths over letters around '/', so that every kind of neighbour occurs. */
static void as_the_slow_judge(void **state)
{
	static const char letters[] = "a!./0a";
	unsigned seen[3] = {0};

	(void)state;
	srand(1);
	for (int round = 0; round < 20000; round++) {
		struct order *o = calloc(1, sizeof *o);
		char earlier[40][16];
		size_t n = 0;

		for (int i = 0; i < 40; i++) {
			char path[16] = "";
			struct err e = {0};
			int want, len = 1 + rand() % 5;

			if (n > 0 && rand() % 3 > 0) {	/* go on from the last one */
				memcpy(path, earlier[n - 1], sizeof path);
				path[1 + rand() % 5] = '\0';
				len = (int)strlen(path) + 1 + rand() % 2;
			}
			for (int j = (int)strlen(path); j < len && j < 15; j++) {
				path[j] = letters[rand() % 6];
				path[j + 1] = '\0';
			}
			if (path_check(path, strlen(path), &e) == -1)
				continue;
			want = judge(earlier, n, path);
			assert_int_equal(order_next(o, path, &e), want == 0 ? 0 : -1);
			assert_int_equal(e.reason, want);
			seen[want == 0 ? 0 : want == R_NAME ? 1 : 2]++;
			if (want == 0)
				memcpy(earlier[n++], path, sizeof path);
		}
		free(o);
	}
	assert_true(seen[0] > 1000 && seen[1] > 1000 && seen[2] > 1000);
}

static void longest(void **state)
{
	struct order *o = calloc(1, sizeof *o);
	char path[PATH_MAX_LEN + 2];
	struct err e = {0};

	(void)state;
	/* each begins with all before it, and none is below one: the deepest the state can get */
	memset(path, '!', sizeof path);
	for (size_t len = 1; len <= PATH_MAX_LEN; len++) {
		path[len] = '\0';
		assert_int_equal(order_next(o, path, &e), 0);
		path[len] = '!';
	}
	path[PATH_MAX_LEN + 1] = '\0';
	assert_int_equal(order_next(o, path, &e), -1);
	assert_int_equal(e.reason, R_NAME);
	err_clear(&e);
	for (size_t len = PATH_MAX_LEN - 1; len > 0; len--) {
		path[len] = '/';
		path[len + 1] = '\0';
		assert_int_equal(order_next(o, path, &e), -1);
		assert_int_equal(e.reason, R_NAME);
		err_clear(&e);
	}
	assert_int_equal(order_next(o, "", &e), -1);
	free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(as_the_slow_judge), cmocka_unit_test(longest)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

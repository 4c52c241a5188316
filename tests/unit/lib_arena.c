/*
 * lib/arena: aligned, zeroed, distinct, freed together, countable.
 */
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/arena.h"

static void aligned_and_zeroed(void **state)
{
	struct arena a = {0};
	unsigned char *last = NULL;

	(void)state;
	for (size_t size = 0; size < 3000; size++) {
		unsigned char *p = arena_alloc(&a, size);

		assert_non_null(p);
		assert_ptr_not_equal(p, last);
		assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, size);	/* must not show up in what comes after */
		last = p;
	}
	arena_free(&a);
}

static void keeps_what_it_gave(void **state)
{
	struct arena a = {0};
	char *s[2000], want[24];

	(void)state;
	for (int i = 0; i < 2000; i++) {
		snprintf(want, sizeof want, "text %d", i);
		s[i] = arena_strndup(&a, want, strlen(want));
		assert_non_null(s[i]);
	}
	assert_non_null(arena_alloc(&a, 5u << 20));	/* larger than any block */
	assert_true(a.used >= (5u << 20));
	for (int i = 0; i < 2000; i++) {
		snprintf(want, sizeof want, "text %d", i);
		assert_string_equal(s[i], want);
	}
	arena_free(&a);
	assert_int_equal(a.used, 0);
	assert_string_equal(arena_strndup(&a, "abcdef", 3), "abc");
	assert_string_equal(arena_strndup(&a, NULL, 0), "");
	arena_free(&a);
	arena_free(NULL);
}

static void refuses_the_impossible(void **state)
{
	struct arena a = {0};

	(void)state;
	assert_null(arena_alloc(&a, SIZE_MAX));
	assert_null(arena_alloc(&a, SIZE_MAX - 64));
	assert_null(arena_strndup(&a, "", SIZE_MAX));
	assert_int_equal(a.used, 0);
	assert_non_null(arena_alloc(&a, 8));
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aligned_and_zeroed), cmocka_unit_test(keeps_what_it_gave),
		cmocka_unit_test(refuses_the_impossible),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

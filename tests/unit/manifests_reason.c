/*
 * Reasons: every number has a word of its own form and an exit code that DESIGN 7 knows.
 */
#include "manifests/reason.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void each_has_word_code_and_meaning(void **state)
{
	(void)state;
	for (int r = ERR_IO; r < R_END; r++) {
		const char *w = reason_word(r);

		if (r > ERR_INTERNAL && r < ERR_FIRST_FREE)
			continue;
		assert_non_null(w);
		assert_true(strlen(w) > 1 && strspn(w, "abcdefghijklmnopqrstuvwxyz-") == strlen(w));
		assert_in_range(reason_exit(r), 1, 4);
		assert_true(strlen(reason_meaning(r)) > 5);
	}
}

static void words_are_distinct(void **state)
{
	(void)state;
	for (int a = ERR_FIRST_FREE; a < R_END; a++)
		for (int b = a + 1; b < R_END; b++)
			assert_string_not_equal(reason_word(a), reason_word(b));
}

static void known_ones(void **state)
{
	(void)state;
	assert_string_equal(reason_word(R_SIGNATURE_MISSING), "signature-missing");
	assert_int_equal(reason_exit(R_SIGNATURE_MISSING), 1);
	assert_string_equal(reason_word(R_READER), "reader");
	assert_int_equal(reason_exit(R_OBJECT_MISSING), 4);
	assert_int_equal(reason_exit(R_FRAME_DIGEST), 3);
	assert_int_equal(reason_exit(ERR_USAGE), 2);
	assert_int_equal(reason_exit(ERR_NO_SPACE), 3);
	/* lib's own number for names says the same as the project's */
	assert_string_equal(reason_word(ERR_NAME), reason_word(R_NAME));
	assert_string_equal(reason_word(ERR_FILE_TYPE), reason_word(R_FILE_TYPE));
}

static void unknown_numbers_are_defects(void **state)
{
	const int none[] = {-1, ERR_INTERNAL + 1, ERR_FIRST_FREE - 1, R_END, R_END + 1, 1 << 30};

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		assert_string_equal(reason_word(none[i]), "internal");
		assert_int_equal(reason_exit(none[i]), 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_has_word_code_and_meaning),
		cmocka_unit_test(words_are_distinct),
		cmocka_unit_test(known_ones),
		cmocka_unit_test(unknown_numbers_are_defects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

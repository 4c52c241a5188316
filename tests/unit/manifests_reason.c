/*
 * Reasons: every number has a word of its own form and an exit code that DESIGN 7 knows; FORMAT.md says the same of
 * them, and of the limits.
 */
#include "manifests/reason.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "manifests/limits.h"

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

/* ---- the tables of FORMAT.md, 12 and 13 (tests run at the top of the tree) ---- */

static char *format_text(void)
{
	FILE *f = fopen("manifests/FORMAT.md", "r");
	char *text = calloc(1, 1 << 20);

	assert_non_null(f);
	assert_non_null(text);
	assert_true(fread(text, 1, (1 << 20) - 1, f) > 1000);
	fclose(f);
	return text;
}

static size_t rows_from(const char *text, const char *heading)
{
	const char *p = strstr(text, heading);
	size_t n = 0;

	assert_non_null(p);
	for (p++; (p = strchr(p, '\n')) && strncmp(p + 1, "## ", 3); p++)
		n += !strncmp(p + 1, "| `", 3);
	return n;
}

static void format_lists_every_reason(void **state)
{
	char *text = format_text(), row[256];
	size_t words = 0;

	(void)state;
	for (int r = ERR_IO; r < R_END; r++) {
		if (r > ERR_INTERNAL && r < ERR_FIRST_FREE)
			continue;
		snprintf(row, sizeof(row), "\n| `%s` | %d | ", reason_word(r), reason_exit(r));
		if (!strstr(text, row))
			print_error("no row%s\n", row);
		assert_non_null(strstr(text, row));
		/* lib's own numbers of the same word share its row */
		words += r >= ERR_FIRST_FREE || (r != ERR_NAME && r != ERR_FILE_TYPE);
	}
	assert_int_equal(rows_from(text, "\n## 13 "), words);
	free(text);
}

static void format_lists_the_limits(void **state)
{
#define L(limit) {#limit, limit}
	static const struct { const char *name; unsigned long long value; } limits[] = {
		L(MAX_DOCUMENT_DEPTH), L(MAX_TRUST_SIZE), L(MAX_APPROVALS_SIZE), L(MAX_MANIFEST_SIZE), L(MAX_VOLUME_INDEX_SIZE),
		L(MAX_CONTENTS_SIZE), L(MAX_PART_SIZE), L(MAX_VERIFY_TXT_SIZE), L(MAX_RECEIPT_SIZE), L(MAX_STREAMS), L(MAX_READS),
		L(MAX_HELD), L(MAX_RECEIPT_BUNDLES), L(MAX_RECEIPT_WAITING), L(MAX_RECEIPT_MISSING), L(MAX_RECEIPT_REFUSALS),
		L(MAX_RECEIPT_HISTORY), L(MAX_KEYS), L(MAX_TRUST_VERSIONS), L(MAX_RINGS),
		L(MAX_REQUIRES), L(MAX_ITEMS), L(MAX_DESTINATIONS), L(MAX_BUNDLE_FILES), L(MAX_VOLUMES), L(MAX_VOLUME_OBJECTS),
		L(MAX_VOLUME_FRAMES), L(MAX_PART_RECORDS), L(PART_CUT_BITS), L(MAX_PARTS), L(MAX_NAME_LEN), L(MAX_TITLE_LEN),
		L(FRAME_SIZE), L(MAX_FRAME_STORED), L(MAX_VOLUME_SIZE), L(MAX_OBJECT_SIZE), L(MAX_SUM), L(MAX_REVISION),
		L(MAX_JUMP), L(MAX_CLOCK_AHEAD),
	};
	char *text = format_text(), row[128];

	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		snprintf(row, sizeof(row), "\n| `%s` | %llu | ", limits[i].name, limits[i].value);
		if (!strstr(text, row))
			print_error("no row%s\n", row);
		assert_non_null(strstr(text, row));
	}
	assert_int_equal(rows_from(text, "\n## 12 "), sizeof(limits) / sizeof(limits[0]));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_has_word_code_and_meaning),
		cmocka_unit_test(words_are_distinct),
		cmocka_unit_test(known_ones),
		cmocka_unit_test(unknown_numbers_are_defects),
		cmocka_unit_test(format_lists_every_reason),
		cmocka_unit_test(format_lists_the_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * lib/err: the first error stays, reasons follow errno, texts that are too long keep both ends.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/text.h"

static void first_stays(void **state)
{
	struct err e = {0};

	(void)state;
	assert_int_equal(err_set(&e, ERR_FORM, "%s: byte %d", "a.yaml", 7), -1);
	assert_int_equal(err_set(&e, ERR_IO, "later"), -1);
	errno = EIO;
	assert_int_equal(err_sys(&e, "later still"), -1);
	assert_int_equal(e.reason, ERR_FORM);
	assert_int_equal(e.sys, 0);
	assert_string_equal(e.text, "a.yaml: byte 7");
	err_clear(&e);
	assert_int_equal(e.reason, ERR_NONE);
	assert_string_equal(e.text, "");
	assert_int_equal(err_mem(&e), -1);
	assert_int_equal(e.reason, ERR_MEMORY);
}

static void place_and_step(void **state)
{
	struct err e = {0};

	(void)state;
	assert_int_equal(err_prefix(&e, "nothing"), -1);
	assert_int_equal(err_hint(&e, "nothing"), -1);
	assert_string_equal(e.text, "");
	err_set(&e, ERR_FORM, "bad");
	assert_int_equal(err_prefix(&e, "line %d", 3), -1);
	err_prefix(&e, "file");
	assert_int_equal(err_hint(&e, "mend %s", "it"), -1);
	assert_string_equal(e.text, "file: line 3: bad; mend it");
	assert_int_equal(e.reason, ERR_FORM);
}

static void reason_by_errno(void **state)
{
	static const struct { int sys, reason; } cases[] = {
		{ENOSPC, ERR_NO_SPACE}, {EDQUOT, ERR_NO_SPACE}, {ENOMEM, ERR_MEMORY}, {ENOENT, ERR_MISSING},
		{ENOTDIR, ERR_MISSING}, {ELOOP, ERR_FILE_TYPE}, {EIO, ERR_IO}, {EACCES, ERR_IO}, {EROFS, ERR_IO},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err e = {0};

		errno = cases[i].sys;
		err_sys(&e, "%s", "place");
		assert_int_equal(e.reason, cases[i].reason);
		assert_int_equal(e.sys, cases[i].sys);
	}
	struct err e = {0};

	errno = ENOENT;
	err_sys(&e, "a/%s", "b");
	assert_string_equal(e.text, "a/b: No such file or directory");
}

static void reason_zero_is_a_defect(void **state)
{
	struct err e = {0};

	(void)state;
	err_set(&e, 0, "x");
	assert_int_equal(e.reason, ERR_INTERNAL);
}

/* A long name must not push the cause out of the message, nor be cut inside a character. */
static void long_texts(void **state)
{
	char name[4001];
	struct err e = {0};
	const char *at;

	(void)state;
	for (size_t i = 0; i < 4000; i += 2)
		memcpy(name + i, "\xc3\xa9", 2);
	name[4000] = '\0';
	errno = ENOSPC;
	err_sys(&e, "x%s", name);
	at = strstr(e.text, ": No space left on device");
	assert_non_null(at);
	assert_string_equal(at, ": No space left on device");
	err_hint(&e, "make room");
	assert_non_null(strstr(e.text, "; make room"));
	err_prefix(&e, "%s", name);
	assert_int_equal(memcmp(e.text, "\xc3\xa9", 2), 0);
	assert_true(strlen(e.text) < sizeof e.text);
	for (size_t i = 0, len = strlen(e.text); i < len;) {
		uint32_t cp;
		size_t n = text_decode((const uint8_t *)e.text + i, len - i, &cp);

		assert_true(n > 0);
		i += n;
	}
}

static void without_a_place_for_it(void **state)
{
	(void)state;
	assert_int_equal(err_set(NULL, ERR_IO, "x"), -1);
	assert_int_equal(err_sys(NULL, "x"), -1);
	assert_int_equal(err_prefix(NULL, "x"), -1);
	assert_int_equal(err_hint(NULL, "x"), -1);
	err_clear(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_stays), cmocka_unit_test(place_and_step), cmocka_unit_test(reason_by_errno),
		cmocka_unit_test(reason_zero_is_a_defect), cmocka_unit_test(long_texts),
		cmocka_unit_test(without_a_place_for_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

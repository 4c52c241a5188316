/*
 * lib/buf: growth, the NUL behind the bytes, the latched error.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/buf.h"
#include "lib/err.h"

static void appends(void **state)
{
	struct buf b = {0};
	struct err e = {0};

	(void)state;
	buf_append(&b, NULL, 0);
	assert_non_null(b.data);
	assert_string_equal((char *)b.data, "");
	buf_puts(&b, "abc");
	buf_putc(&b, '-');
	buf_printf(&b, "%05d|%s", 42, "x");
	buf_append(&b, "\0z", 2);
	assert_int_equal(b.len, 13);
	assert_memory_equal(b.data, "abc-00042|x\0z\0", 14);
	assert_int_equal(buf_ok(&b, &e), 0);
	buf_clear(&b);
	assert_int_equal(b.len, 0);
	assert_string_equal((char *)b.data, "");
	buf_free(&b);
	assert_null(b.data);
	buf_puts(&b, "again");
	assert_string_equal((char *)b.data, "again");
	buf_free(&b);
	buf_free(NULL);
}

static void grows(void **state)
{
	struct buf b = {0};

	(void)state;
	for (unsigned i = 0; i < 100000; i++)
		buf_append(&b, &(uint8_t){(uint8_t)(i % 251)}, 1);
	assert_int_equal(b.len, 100000);
	for (unsigned i = 0; i < 100000; i++)
		assert_int_equal(b.data[i], i % 251);
	assert_int_equal(b.data[b.len], 0);
	buf_free(&b);
}

static void reserve_keeps_content(void **state)
{
	struct buf b = {0};
	const uint8_t *before;

	(void)state;
	buf_puts(&b, "abc");
	assert_int_equal(buf_reserve(&b, 5000), 0);
	before = b.data;
	assert_true(b.cap >= 5004);
	assert_string_equal((char *)b.data, "abc");
	for (int i = 0; i < 5000; i++)
		buf_putc(&b, 'x');
	assert_ptr_equal(b.data, before);
	buf_free(&b);
}

static void limit_is_latched(void **state)
{
	struct buf b = {0};
	struct err e = {0};

	(void)state;
	buf_puts(&b, "abc");
	assert_int_equal(buf_reserve(&b, BUF_MAX - 2), -1);
	buf_puts(&b, "def");
	assert_int_equal(b.len, 3);
	assert_int_equal(buf_reserve(&b, 1), -1);
	assert_int_equal(buf_ok(&b, &e), -1);
	assert_int_equal(e.reason, ERR_MEMORY);
	buf_clear(&b);
	buf_puts(&b, "def");
	assert_string_equal((char *)b.data, "def");
	assert_int_equal(buf_reserve(&b, SIZE_MAX), -1);
	buf_free(&b);
	assert_false(b.failed);
}

static void wipe_empties(void **state)
{
	struct buf b = {0};

	(void)state;
	buf_puts(&b, "secret");
	buf_wipe(&b);
	assert_null(b.data);
	assert_int_equal(b.len, 0);
	buf_wipe(&b);
	buf_wipe(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appends), cmocka_unit_test(grows), cmocka_unit_test(reserve_keeps_content),
		cmocka_unit_test(limit_is_latched), cmocka_unit_test(wipe_empties),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

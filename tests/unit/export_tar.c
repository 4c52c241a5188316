/*
 * The tar stream: exactly the bytes that an index implies, headers, data, padding and end; errors come through libarchive.
 */
#include "export/tar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "manifests/volume.h"

static int keep(void *arg, const void *data, size_t len, struct err *e)
{
	(void)e;
	buf_append(arg, data, len);
	return 0;
}

static void zeros(struct buf *b, size_t n)
{
	while (n-- > 0)
		buf_putc(b, 0);
}

static void the_bytes_of_the_format(void **state)
{
	struct volume_object objects[] = {
		{.sha256 = {{1}}, .size = 0},
		{.sha256 = {{2, 0xff}}, .size = 1},
		{.sha256 = {{3}}, .size = 512},
		{.sha256 = {{4}}, .size = 513},
		{.sha256 = {{5}}, .size = 1ull << 40, .has_piece = true, .has_length = true, .from = 1ull << 39, .length = 1000},
		{.sha256 = {{6}}, .size = 300000},
	};
	static uint8_t data[300000];
	struct buf got = {0}, want = {0};
	struct err e = {0};
	struct tar *t = tar_open(keep, &got, &e);

	(void)state;
	memset(data, 'x', sizeof data);
	assert_non_null(t);
	for (size_t i = 0; i < sizeof objects / sizeof *objects; i++) {
		size_t len = (size_t)volume_object_len(&objects[i]), half = len / 2;
		uint8_t header[VOLUME_BLOCK];

		assert_int_equal(tar_begin(t, &objects[i], &e), 0);
		assert_int_equal(tar_data(t, data, half, &e), 0);
		assert_int_equal(tar_data(t, data, len - half, &e), 0);
		assert_int_equal(tar_end(t, &e), 0);
		volume_entry_header(&objects[i], header);
		buf_append(&want, header, sizeof header);
		buf_append(&want, data, len);
		zeros(&want, (size_t)volume_entry_span(len) - VOLUME_BLOCK - len);
	}
	zeros(&want, 1024);
	assert_int_equal(tar_close(t, &e), 0);
	assert_int_equal(got.len, want.len);
	assert_memory_equal(got.data, want.data, want.len);
	buf_free(&got);
	buf_free(&want);
}

/* The largest entry there can be stays within ustar's octal size. */
static void the_largest_entry(void **state)
{
	struct volume_object o = {.sha256 = {{9}}, .size = (8ull << 30) - 1};
	struct buf got = {0};
	struct err e = {0};
	struct tar *t = tar_open(keep, &got, &e);

	(void)state;
	assert_non_null(t);
	assert_int_equal(tar_begin(t, &o, &e), 0);
	assert_int_equal(got.len, VOLUME_BLOCK);
	tar_abort(t);
	assert_int_equal(got.len, VOLUME_BLOCK);	/* nothing more */
	buf_free(&got);
}

static int refuse(void *arg, const void *data, size_t len, struct err *e)
{
	size_t *left = arg;

	(void)data;
	if (len > *left)
		return err_set(e, ERR_NO_SPACE, "full");
	*left -= len;
	return 0;
}

static void errors_come_through(void **state)
{
	struct volume_object o = {.sha256 = {{9}}, .size = 10000};
	static const uint8_t data[10000];
	size_t rooms[] = {0, 600, 10512, 11000};

	(void)state;
	for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
		struct err e = {0};
		struct tar *t = tar_open(refuse, &rooms[i], &e);

		assert_non_null(t);
		if (tar_begin(t, &o, &e) == -1 || tar_data(t, data, sizeof data, &e) == -1 || tar_end(t, &e) == -1)
			tar_abort(t);
		else
			assert_int_equal(tar_close(t, &e), -1);
		assert_int_equal(e.reason, ERR_NO_SPACE);
		assert_string_equal(e.text, "full");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_bytes_of_the_format),
		cmocka_unit_test(the_largest_entry),
		cmocka_unit_test(errors_come_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

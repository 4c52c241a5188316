/*
 * The opener: the right file whatever order is asked in, and by the rules of lib/file.
 */
#include "lib/opener.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/buf.h"
#include "lib/err.h"

static struct file root = FILE_CLOSED;
static char top[] = "/tmp/satchel-opener.XXXXXX";
static const char *const paths[] = {"a/x", "a/y", "ab/x", "a/b/x", "x", "a/x", "b/x", "a/b/x", "y"};

static int start(void **state)
{
	struct err e = {0};

	(void)state;
	if (mkdtemp(top) == NULL || file_open_dir(top, &root, &e) == -1 || file_make_dirs_at(&root, "a/b", 0755, &e) == -1 ||
	    file_make_dir_at(&root, "ab", 0755, &e) == -1 || file_make_dir_at(&root, "b", 0755, &e) == -1)
		return -1;
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		struct file f = FILE_CLOSED;
		struct err again = {0};

		if (file_create_at(&root, paths[i], 0644, &f, &again) == 0)
			file_write(&f, paths[i], strlen(paths[i]), &e);
		file_close(&f);
	}
	return symlinkat("x", root.fd, "a/link") == 0 && symlinkat("a", root.fd, "dir") == 0 && e.reason == ERR_NONE ? 0 : -1;
}

static int stop(void **state)
{
	struct err e = {0};
	int rc = 0;

	(void)state;
	for (const char *const *p = (const char *const[]){"a", "ab", "b", "x", "y", "dir", NULL}; *p != NULL; p++)
		rc |= file_remove_tree_at(&root, *p, &e);
	file_close(&root);
	return rc | rmdir(top);
}

static void each_is_the_right_one(void **state)
{
	struct opener o = OPENER(&root);
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		struct file f = FILE_CLOSED;
		struct buf got = {0};
		char whole[128];

		assert_int_equal(opener_open(&o, paths[i], &f, &e), 0);
		assert_int_equal(file_read_all(&f, 64, &got, &e), 0);
		assert_string_equal((const char *)got.data, paths[i]);
		snprintf(whole, sizeof whole, "%s/%s", top, paths[i]);
		assert_string_equal(f.name, whole);
		buf_free(&got);
		file_close(&f);
	}
	opener_close(&o);
}

static void refusals(void **state)
{
	static const struct {
		const char *path;
		int reason;
	} cases[] = {
		{"a/none", ERR_MISSING}, {"none/x", ERR_MISSING}, {"a/link", ERR_FILE_TYPE}, {"dir/x", ERR_FILE_TYPE},
		{"a/b", ERR_FILE_TYPE}, {"a/../x", ERR_NONE}, {"../x", ERR_FILE_TYPE}, {"/x", ERR_FILE_TYPE},
	};
	struct opener o = OPENER(&root);

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct file f = FILE_CLOSED;
		struct err e = {0}, plain = {0};
		int rc = opener_open(&o, cases[i].path, &f, &e);

		file_close(&f);
		assert_int_equal(rc, cases[i].reason == ERR_NONE ? 0 : -1);
		assert_int_equal(e.reason, cases[i].reason);
		file_open_at(&root, cases[i].path, &f, &plain);	/* and both agree */
		file_close(&f);
		assert_int_equal(plain.reason, e.reason);
	}
	opener_close(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each_is_the_right_one), cmocka_unit_test(refusals)};

	return cmocka_run_group_tests(tests, start, stop);
}

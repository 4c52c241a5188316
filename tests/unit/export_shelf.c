/*
 * The shelf: what is staged shows only after the commit; what isn't committed is gone.
 */
#include "export/shelf.h"

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
#include "manifests/names.h"

static struct file dir = FILE_CLOSED;
static char path[] = "/tmp/satchel-shelf.XXXXXX";

static int start(void **state)
{
	struct err e = {0};

	(void)state;
	if (mkdtemp(path) == NULL || file_open_dir(path, &dir, &e) == -1)
		return -1;
	return file_make_dir_at(&dir, "objects", 0755, &e);
}

static int stop(void **state)
{
	struct err e = {0};

	(void)state;
	file_remove_tree_at(&dir, "objects", &e);
	file_remove_tree_at(&dir, "stage", &e);
	file_close(&dir);
	return rmdir(path);
}

static bool there(const struct digest *d, struct buf *out)
{
	char name[80], full[96];
	struct err e = {0};

	snprintf(full, sizeof full, "objects/%s", names_object(d, name));
	return file_read_all_at(&dir, full, 4096, out, &e) == 0;
}

static void all_or_nothing(void **state)
{
	struct err e = {0};
	struct shelf *s = shelf_open(&dir, "objects", &e);
	struct digest a, b;
	struct buf out = {0};

	(void)state;
	assert_non_null(s);
	digest_of("a", 1, &a, &e);
	digest_of("b", 1, &b, &e);
	assert_int_equal(shelf_put(s, &a, "a", 1, &e), 0);
	assert_int_equal(shelf_put(s, &a, "a", 1, &e), 0);	/* staged already */
	assert_false(shelf_has(s, &a));
	assert_false(there(&a, &out));
	assert_int_equal(shelf_commit(s, &e), 0);
	assert_true(shelf_has(s, &a));
	assert_true(there(&a, &out));
	assert_memory_equal(out.data, "a", 2);
	assert_int_equal(shelf_put(s, &a, "a", 1, &e), 0);	/* there already */
	assert_int_equal(shelf_put(s, &b, "b", 1, &e), 0);
	shelf_close(s);
	assert_false(there(&b, &out));
	buf_free(&out);
}

static void create_and_discard(void **state)
{
	struct err e = {0};
	struct shelf *s = shelf_open(&dir, "objects", &e);
	struct file f = FILE_CLOSED, g = FILE_CLOSED;
	struct digest d;
	struct stat st;
	struct buf out = {0};

	(void)state;
	digest_of("d", 1, &d, &e);
	assert_int_equal(shelf_create(s, &d, &f, &e), 0);
	assert_int_equal(shelf_create(s, &d, &g, &e), 1);
	assert_int_equal(file_stat(&f, &st, &e), 0);
	assert_int_equal(st.st_mode & 07777, 0444);
	file_close(&f);
	shelf_discard(s, &d);
	assert_int_equal(shelf_commit(s, &e), 0);
	assert_false(there(&d, &out));
	shelf_close(s);
	buf_free(&out);
}

/* What a killed run left in stage/ never comes onto the shelf. */
static void killed(void **state)
{
	struct err e = {0};
	struct shelf *s = shelf_open(&dir, "objects", &e);
	struct digest d;
	struct file f = FILE_CLOSED;
	char object[80], name[96];

	(void)state;
	shelf_close(s);
	digest_of("torn", 4, &d, &e);
	snprintf(name, sizeof name, "stage/objects/%s", names_object(&d, object));
	name[sizeof "stage/objects/ab" - 1] = '\0';
	assert_int_equal(file_make_dir_at(&dir, name, 0755, &e), 0);
	name[sizeof "stage/objects/ab" - 1] = '/';
	assert_int_equal(file_create_at(&dir, name, 0444, &f, &e), 0);
	file_close(&f);
	s = shelf_open(&dir, "objects", &e);
	assert_non_null(s);
	assert_int_equal(shelf_put(s, &d, "torn", 4, &e), 0);
	assert_int_equal(shelf_commit(s, &e), 0);
	assert_true(shelf_has(s, &d));
	shelf_close(s);
	assert_int_equal(faccessat(dir.fd, name, F_OK, 0), -1);
}

/* A folder that is there already gets what is new beside what it has; an abandoned shelf leaves nothing in the stage. */
static void beside(void **state)
{
	struct err e = {0};
	struct digest first = {.bytes = {0x77, 1}}, second = {.bytes = {0x77, 2}}, third = {.bytes = {0x77, 3}};
	struct buf out = {0};
	struct shelf *s;

	(void)state;
	for (int i = 0; i < 2; i++) {
		s = shelf_open(&dir, "objects", &e);
		assert_int_equal(shelf_put(s, i == 0 ? &first : &second, "x", 1, &e), 0);
		assert_int_equal(shelf_put(s, i == 0 ? &first : &second, "x", 1, &e), 0);
		assert_int_equal(shelf_commit(s, &e), 0);
		assert_int_equal(shelf_commit(s, &e), 0);
		shelf_close(s);
	}
	assert_true(there(&first, &out) && there(&second, &out));
	s = shelf_open(&dir, "objects", &e);
	assert_int_equal(shelf_put(s, &third, "x", 1, &e), 0);
	shelf_close(s);
	assert_false(there(&third, &out));
	assert_int_equal(faccessat(dir.fd, "stage/objects/77", F_OK, 0), -1);
	buf_free(&out);
}

int main(void)
{
	struct err e = {0};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_or_nothing), cmocka_unit_test(create_and_discard), cmocka_unit_test(killed),
		cmocka_unit_test(beside),
	};

	if (digest_start(&e) == -1)
		return 1;
	return cmocka_run_group_tests(tests, start, stop);
}

/*
 * Cutting a tree into items by paths alone, and where links point.
 */
#include "export/items.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/path.h"

static size_t owner(const struct station_config *c, const char *path)
{
	return items_owner(c, path);
}

static void by_depth(void **state)
{
	struct station_config c = {.depth = 1};

	(void)state;
	assert_true(items_cut(&c, "a"));
	assert_false(items_cut(&c, "a/b"));
	assert_int_equal(owner(&c, "a/b/c"), 1);
	assert_int_equal(owner(&c, "a"), 1);
	c.depth = 3;
	assert_false(items_cut(&c, "pool/o"));
	assert_true(items_cut(&c, "pool/o/openssl"));
	assert_int_equal(owner(&c, "pool/o/openssl/x/y"), strlen("pool/o/openssl"));
	assert_int_equal(owner(&c, "pool/o"), strlen("pool/o"));
	assert_int_equal(owner(&c, "pool"), strlen("pool"));
}

static void by_pattern(void **state)
{
	char *patterns[] = {(char[]){"pool/*/*"}, (char[]){"dists"}, (char[]){"**/deep"}};
	struct station_config c = {.patterns = patterns, .patterns_n = 3, .depth = 1};

	(void)state;
	assert_true(items_cut(&c, "dists"));
	assert_true(items_cut(&c, "pool/o/openssl"));
	assert_false(items_cut(&c, "pool"));
	assert_true(items_cut(&c, "x/y/deep"));
	assert_int_equal(owner(&c, "dists/stable/Release"), 5);
	assert_int_equal(owner(&c, "x/y/deep/file"), strlen("x/y/deep"));
	assert_int_equal(owner(&c, "x/y/file"), strlen("x/y/file"));
	/* the first cut on the way counts */
	assert_int_equal(owner(&c, "pool/o/openssl/deep/f"), strlen("pool/o/openssl"));
}

static void excluded(void **state)
{
	char *exclude[] = {(char[]){"lost+found"}, (char[]){"*.tmp"}, (char[]){"a/b/*"}};
	struct station_config c = {.exclude = exclude, .exclude_n = 3};

	(void)state;
	assert_true(items_excluded(&c, "lost+found"));
	assert_true(items_excluded(&c, "x/y/lost+found"));
	assert_true(items_excluded(&c, "x/y.tmp"));
	assert_true(items_excluded(&c, "a/b/c"));
	assert_false(items_excluded(&c, "a/b"));
	assert_false(items_excluded(&c, "b/a/b/c"));
	assert_false(items_excluded(&c, "tmp"));
}

static void target(const char *path, const char *link, const char *want)
{
	char out[PATH_MAX_LEN + 1] = "";
	bool inside = items_target(path, link, out);

	assert_true(inside == (want != NULL));
	if (want != NULL)
		assert_string_equal(out, want);
}

static void targets(void **state)
{
	(void)state;
	target("a", "b", "b");
	target("a/b", "c", "a/c");
	target("a/b", "../c", "c");
	target("a/b/c", "../../x/y", "x/y");
	target("a/b/c", "..", "a");
	target("a/b/c", "../..", NULL);	/* the content root itself */
	target("a/b", "..", NULL);
	target("ab/cd/ef", "../gh/ij", "ab/gh/ij");
}

static void too_long(void **state)
{
	char link[PATH_MAX_LEN], out[PATH_MAX_LEN + 1];

	(void)state;
	memset(link, 'x', sizeof link);
	link[PATH_MAX_LEN - 6] = '\0';
	assert_true(items_target("ab/c", link, out));
	link[PATH_MAX_LEN - 6] = 'x';
	link[PATH_MAX_LEN - 3] = '\0';
	assert_false(items_target("ab/c", link, out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_depth), cmocka_unit_test(by_pattern), cmocka_unit_test(excluded),
		cmocka_unit_test(targets), cmocka_unit_test(too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

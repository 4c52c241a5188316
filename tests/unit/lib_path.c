/*
 * lib/path: which names pass, at each limit and one over; links; portable names; patterns.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/path.h"

static bool good(const char *s, size_t len)
{
	struct err e = {0};
	int rc = path_check(s, len, &e);

	if (rc == -1) {
		assert_int_equal(e.reason, ERR_NAME);
		assert_true(e.text[0] != '\0');
	} else {
		assert_int_equal(e.reason, ERR_NONE);
	}
	return rc == 0;
}

static void names(void **state)
{
	static const char *const yes[] = {"a", "a/b", "...", "..a/b..", ".hidden", "a b", "'\"\\", "caf\xc3\xa9", "- x: y", "~",
					  "a/.b/c"};
	static const char *const no[] = {"", "/", "/a", "a/", "a//b", ".", "..", "./a", "a/.", "a/..", "../a", "a/../b", "a\nb",
					 "a\tb", "a\x7f", "\xff", "a\xc3", "\xe2\x80\xae", "\xe2\x80\xa8", "b\xef\xbb\xbf", "\xc2\x85"};

	(void)state;
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
		assert_true(good(yes[i], strlen(yes[i])));
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		assert_false(good(no[i], strlen(no[i])));
	assert_false(good("a\0b", 3));
	assert_true(good("ab/", 2));	/* len counts */
}

static void limits(void **state)
{
	char s[PATH_MAX_LEN + 2];

	(void)state;
	memset(s, 'a', sizeof s);
	assert_true(good(s, 255));
	assert_false(good(s, 256));
	for (size_t i = 250; i < sizeof s; i += 251)
		s[i] = '/';
	assert_true(good(s, PATH_MAX_LEN));
	assert_false(good(s, PATH_MAX_LEN + 1));
	for (size_t i = 0; i < 200; i++)
		s[i] = i % 2 == 0 ? 'a' : '/';
	assert_true(good(s, 127));	/* 64 components */
	assert_false(good(s, 129));	/* 65 */
}

static void components(void **state)
{
	struct err e = {0};

	(void)state;
	assert_int_equal(path_check_component("a.b", 3, &e), 0);
	assert_int_equal(path_check_component("a/b", 3, &e), -1);
	assert_int_equal(e.reason, ERR_NAME);
	assert_int_equal(path_check_component("..", 2, NULL), -1);
}

static bool link_good(const char *s, size_t depth)
{
	return path_check_link(s, strlen(s), depth, NULL) == 0;
}

static void links(void **state)
{
	(void)state;
	assert_true(link_good("a", 0));
	assert_true(link_good("../a", 1));
	assert_true(link_good("..", 1));
	assert_true(link_good("../..", 2));
	assert_true(link_good("../../a/b", 2));
	assert_true(link_good("..a", 0));
	assert_false(link_good("../a", 0));
	assert_false(link_good("../../a", 1));
	assert_false(link_good("..", 0));
	assert_false(link_good("a/../b", 5));
	assert_false(link_good("../a/..", 5));
	assert_false(link_good("./a", 5));
	assert_false(link_good("../", 5));
	assert_false(link_good("../.", 5));
	assert_false(link_good("..//a", 5));
	assert_false(link_good("/a", 5));
	assert_false(link_good("", 5));
	assert_false(link_good("a/", 5));
	assert_false(link_good("a\x1b", 5));
	assert_false(link_good("\xff", 5));
}

static void reserved(void **state)
{
	static const char *const yes[] = {"CON", "con", "Nul.txt", "nul .txt", "AUX.tar.gz", "COM1", "lpt9.x", "COM0", "COM\xc2\xb9",
					  "CONIN$", "a.", "a ", "a:b", "a*", "a?", "a\"", "a<", "a>", "a|", "a\\b", "a\x01"};
	static const char *const no[] = {"CONSOLE", "COM", "COM10", "COMA", "nul_", "xCON", ".con", "a.b", " a", "COM\xc2\xb4", "icon"};

	(void)state;
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
		assert_true(path_reserved(yes[i], strlen(yes[i])));
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		assert_false(path_reserved(no[i], strlen(no[i])));
}

static void parts(void **state)
{
	(void)state;
	assert_int_equal(path_depth("a"), 0);
	assert_int_equal(path_depth("a/b/c"), 2);
	assert_string_equal(path_last("a"), "a");
	assert_string_equal(path_last("a/b/c.d"), "c.d");
	assert_true(path_below("a/b", "a"));
	assert_true(path_below("a", "a"));
	assert_false(path_below("ab", "a"));
	assert_false(path_below("a", "a/b"));
	assert_true(path_below("a/b/c", "a/b"));
}

static void patterns(void **state)
{
	static const struct { const char *pattern, *path; bool want; } cases[] = {
		{"a", "a", true}, {"a", "b", false}, {"a", "a/b", false}, {"*", "a", true}, {"*", "a/b", false},
		{"*", ".a", true}, {"*.deb", "x.deb", true}, {"pool/*", "pool/x", true}, {"pool/*", "pool/x/y", false},
		{"[ab]?", "bz", true}, {"**", "a", true}, {"**", "a/b/c", true}, {"**/x", "x", true},
		{"**/x", "a/b/x", true}, {"**/x", "a/xx", false}, {"a/**", "a", true}, {"a/**", "a/b/c", true},
		{"a/**", "ab", false}, {"a/**/z", "a/z", true}, {"a/**/z", "a/b/c/z", true}, {"a/**/z", "a/b/c", false},
		{"**/b/**/d", "a/b/c/b/x/d", true}, {"**/b/*/d", "b/x/b/y/d", true}, {"**/b/*/d", "b/x/b/y/z/d", false},
		{"a**", "abc", true}, {"a**", "a/b", false}, {"", "a", false}, {"a\\*", "a*", true}, {"a\\*", "ab", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (path_match(cases[i].pattern, cases[i].path) != cases[i].want)
			fail_msg("%s against %s", cases[i].pattern, cases[i].path);
}

/* A pattern that would take for ever if every "**" were tried again. */
static void patterns_are_bounded(void **state)
{
	char pattern[400] = "", path[400] = "";
	size_t p = 0, s = 0;

	(void)state;
	for (int i = 0; i < 40; i++) {
		memcpy(pattern + p, "**/a/", 5);
		p += 5;
	}
	memcpy(pattern + p, "b", 2);
	for (int i = 0; i < 150; i++) {
		memcpy(path + s, "a/", 2);
		s += 2;
	}
	memcpy(path + s, "c", 2);
	assert_false(path_match(pattern, path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names), cmocka_unit_test(limits), cmocka_unit_test(components), cmocka_unit_test(links),
		cmocka_unit_test(reserved), cmocka_unit_test(parts), cmocka_unit_test(patterns),
		cmocka_unit_test(patterns_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

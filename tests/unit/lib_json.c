/*
 * lib/json: any bytes become a valid string, one object is one line of ASCII, and only one object is read back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/json.h"

static void check_text(const char *s, const char *want)
{
	json_t *t = json_text(s);

	assert_non_null(t);
	assert_string_equal(json_string_value(t), want);
	json_decref(t);
}

static void texts(void **state)
{
	(void)state;
	check_text("", "");
	check_text("caf\xc3\xa9 \xf0\x9f\x98\x80", "caf\xc3\xa9 \xf0\x9f\x98\x80");
	check_text("a\xff" "b\xc3", "a\\xffb\\xc3");
	check_text("\xed\xa0\x80", "\\xed\\xa0\\x80");
	check_text("line\nfeed\x1b", "line\nfeed\x1b");	/* the encoder escapes these */
}

static void line(void **state)
{
	json_t *o = json_object(), *list = json_array();
	struct buf b = {0};

	(void)state;
	json_put_text(o, "zebra", "caf\xc3\xa9\n\x1b\"\\\xff");
	json_put_number(o, "n", 9007199254740993);
	json_array_append_new(list, json_true());
	assert_int_equal(json_put(o, "list", list), 0);
	json_put_text(o, "apple", "\xf0\x9f\x98\x80");
	buf_puts(&b, ">");
	assert_int_equal(json_line(o, &b, NULL), 0);
	assert_string_equal((char *)b.data,
			    ">{\"zebra\":\"caf\\u00E9\\n\\u001B\\\"\\\\\\\\xff\",\"n\":9007199254740993,\"list\":[true],"
			    "\"apple\":\"\\uD83D\\uDE00\"}");
	buf_free(&b);
	json_decref(o);
}

static void numbers(void **state)
{
	json_t *o = json_object();
	uint64_t n = 1;

	(void)state;
	json_put_number(o, "zero", 0);
	json_put_number(o, "max", INT64_MAX);
	json_put_number(o, "more", UINT64_MAX);
	json_put(o, "negative", json_integer(-1));
	json_put(o, "real", json_real(1.5));
	json_put_text(o, "text", "7");
	assert_int_equal(json_get_number(o, "zero", &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(json_get_number(o, "max", &n), 0);
	assert_true(n == INT64_MAX);
	assert_string_equal(json_get_text(o, "more"), "18446744073709551615");
	assert_int_equal(json_get_number(o, "negative", &n), -1);
	assert_int_equal(json_get_number(o, "real", &n), -1);
	assert_int_equal(json_get_number(o, "text", &n), -1);
	assert_int_equal(json_get_number(o, "missing", &n), -1);
	assert_null(json_get_text(o, "zero"));
	assert_null(json_get_text(o, "missing"));
	assert_null(json_get_text(NULL, "x"));
	json_decref(o);
}

static int parses(const char *s, size_t len)
{
	struct err e = {0};
	json_t *o = json_parse_line(s, len, &e);

	assert_int_equal(e.reason, o == NULL ? ERR_FORM : ERR_NONE);
	if (o == NULL)
		return 0;
	json_decref(o);
	return 1;
}

static void parsing(void **state)
{
	static const char *const good[] = {
		"{}", "{\"a\":1}", "{\"a\": [1, {\"b\": null}]}", "{\"a\":\"}{\"}", "{\"a\":\"\\\"{[{[{[{[{[{[{[{[{[{[{[\"}",
	};
	static const char *const bad[] = {
		"", "{", "}", "[]", "1", "null", " {}", "{} ", "{}\n", "{}{}", "{\"a\":1,\"a\":2}", "{\"a\":1,}", "{a:1}", "{'a':1}",
		"{\"a\":\"\\u0000\"}", "{\"a\":\"\xff\"}", "{\"a\":99999999999999999999}", "{\"a\":\"\\ud800\"}", "{\"a\":01}",
		"{\"a\":NaN}", "{\"a\":\"x\ny\"}", "{\"a\":1}/**/{}",
	};
	char deep[100];

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		if (!parses(good[i], strlen(good[i])))
			fail_msg("refused: %s", good[i]);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (parses(bad[i], strlen(bad[i])))
			fail_msg("accepted: %s", bad[i]);
	assert_false(parses("{\"a\":1\0}", 8));
	assert_true(parses("{}trailing", 2));
	for (int n = 15; n <= 16; n++) {	/* n lists in an object: depth n + 1 */
		size_t len = (size_t)snprintf(deep, sizeof deep, "{\"a\":%.*s%.*s}", n, "[[[[[[[[[[[[[[[[[[[[", n,
					      "]]]]]]]]]]]]]]]]]]]]");

		assert_int_equal(parses(deep, len), n == 15);
	}
}

static void round_trip(void **state)
{
	json_t *o = json_object(), *back;
	struct buf b = {0};

	(void)state;
	json_put_text(o, "name", "a\\xff\xff \xc3\xa9");
	assert_int_equal(json_line(o, &b, NULL), 0);
	back = json_parse_line((char *)b.data, b.len, NULL);
	assert_non_null(back);
	assert_int_equal(json_equal(o, back), 1);
	json_decref(back);
	json_decref(o);
	buf_free(&b);
}

/* In a process of its own, since it ends all printing of objects there. */
static void incomplete_objects_are_not_printed(void **state)
{
	pid_t child = fork();
	int status;

	(void)state;
	if (child == 0) {
		json_t *o = json_object();
		struct buf b = {0};
		struct err e = {0};

		if (json_put(o, "a", NULL) != -1)	/* as after a failed json_text */
			_exit(1);
		json_put_text(o, "b", "x");
		if (json_line(o, &b, &e) != -1 || e.reason != ERR_MEMORY || b.len != 0)
			_exit(2);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts), cmocka_unit_test(line), cmocka_unit_test(numbers), cmocka_unit_test(parsing),
		cmocka_unit_test(round_trip), cmocka_unit_test(incomplete_objects_are_not_printed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

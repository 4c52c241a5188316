/*
 * lib/yaml: the events of plain documents, and a refusal of everything that YAML has beyond them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/yaml.h"

/* All items as a line: {} for maps, [] for lists, scalars with ' for plain ones. NULL with e set when refused. */
static char *read_all(const char *text, size_t len, unsigned depth, bool lenient, struct err *e)
{
	struct yaml *y = yaml_open(text, len, depth, lenient, e);
	struct buf out = {0};
	struct yaml_item item;
	int rc = y == NULL ? -1 : 0;

	while (rc == 0 && (rc = yaml_next(y, &item, e)) == 0 && item.type != YAML_DONE) {
		static const char marks[] = " {}[]";

		if (item.type == YAML_SCALAR) {
			buf_putc(&out, item.quoted ? '"' : '\'');
			buf_append(&out, item.value, item.len);
			assert_int_equal(item.value[item.len], 0);
		} else {
			buf_putc(&out, marks[item.type]);
		}
	}
	if (rc == 0) {
		assert_int_equal(yaml_next(y, &item, e), 0);	/* done stays done */
		assert_int_equal((int)item.type, (int)YAML_DONE);
	} else if (y != NULL) {
		assert_int_equal(yaml_next(y, &item, NULL), -1);	/* as an error stays one */
	}
	yaml_close(y);
	if (rc == -1) {
		buf_free(&out);
		return NULL;
	}
	buf_append(&out, "", 0);
	return (char *)out.data;
}

static void check(const char *text, bool lenient, const char *want)
{
	struct err e = {0};
	char *have = read_all(text, strlen(text), 6, lenient, &e);

	if (have == NULL)
		fail_msg("%s: %s", text, e.text);
	assert_string_equal(have, want);
	free(have);
}

static void refuse(const char *text, bool lenient, const char *cause)
{
	struct err e = {0};
	char *have = read_all(text, strlen(text), 6, lenient, &e);

	if (have != NULL)
		fail_msg("accepted: %s as %s", text, have);
	assert_int_equal(e.reason, ERR_FORM);
	if (strstr(e.text, cause) == NULL)
		fail_msg("%s: \"%s\" where \"%s\" was expected", text, e.text, cause);
}

static void documents(void **state)
{
	(void)state;
	check("a: 1\nb: \"x\"\n", false, "{'a'1'b\"x}");
	check("a:\n  - {b: \"c\", d: [1, 2]}\n  - []\n", false, "{'a[{'b\"c'd['1'2]}[]]}");
	check("\"a\\\"b\\\\c\"\n", false, "\"a\"b\\c");
	check("a:\n", false, "{'a'}");
	check("# comment\na: 1\n", false, "{'a'1}");
	check("a: 1\n", true, "{'a'1}");
	check("a: 'it''s'\n", true, "{'a\"it's}");
	check("a: |\n  one\n  two\n", true, "{'a\"one\ntwo\n}");
	check("---\na: 1\n...\n", true, "{'a'1}");
	check("a:\t1\r\n", true, "{'a'1}");
}

static void refusals(void **state)
{
	static const struct { const char *text, *cause; } always[] = {
		{"a: &x 1\nb: 2\n", "anchor"}, {"&x {a: 1}\n", "anchor"}, {"- &x [1]\n", "anchor"}, {"a: *x\n", "alias"},
		{"a: !!str 1\n", "tag"}, {"a: !x 1\n", "tag"}, {"! \"a\"\n", "tag"}, {"!!map {a: 1}\n", "tag"},
		{"!x [1]\n", "tag"}, {"%YAML 1.1\n---\na: 1\n", "directive"}, {"%TAG ! tag:x,2000:\n---\na: 1\n", "directive"},
		{"%FOO bar\n---\na: 1\n", "directive"}, {"a: 1\n---\nb: 2\n", "document"}, {"a: 1\n...\nb: 2\n", ""},
		{"", "no document"}, {"# nothing\n", "no document"}, {"a: [1\n", "line 2"}, {"a: \"x\n", ""}, {"a: b: c\n", "line 1"},
		{"{a: 1} x\n", ""}, {"[[[[[[[1]]]]]]]\n", "deeper than 6"}, {"a: {b: {c: {d: {e: {f: {}}}}}}\n", "deeper than 6"},
		{"a: \xff\n", "not UTF-8"}, {"\xef\xbb\xbf" "a: 1\n", "U+FEFF"}, {"a: 1\n\xef\xbb\xbf" "b: 1\n", "line 2"},
		{"a: \xe2\x80\xa8 b\n", "U+2028"}, {"a: \"\x1b\"\n", "U+001B"}, {"a: \xc2\x85\n", "U+0085"},
		{"\xff\xfe" "a\n", "not UTF-8"},
	};
	static const struct { const char *text, *cause; } strict[] = {
		{"a: 'x'\n", "double quotes"}, {"a: |\n  x\n", "double quotes"}, {"a: >\n  x\n", "double quotes"},
		{"---\na: 1\n", "marker"}, {"a: 1\n...\n", "marker"}, {"a:\t1\n", "U+0009"}, {"a: 1\r\n", "U+000D"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof always / sizeof *always; i++) {
		refuse(always[i].text, false, strstr(always[i].text, "---") != NULL ? "" : always[i].cause);
		refuse(always[i].text, true, always[i].cause);
	}
	for (size_t i = 0; i < sizeof strict / sizeof *strict; i++)
		refuse(strict[i].text, false, strict[i].cause);
}

static void nul_bytes(void **state)
{
	struct err e = {0};
	struct yaml *y = yaml_open("\"a\\0b\"", 6, 6, false, &e);
	struct yaml_item item;

	(void)state;
	assert_int_equal(yaml_next(y, &item, &e), 0);
	assert_int_equal(item.len, 3);
	assert_memory_equal(item.value, "a\0b", 4);
	yaml_close(y);
	yaml_close(NULL);
	assert_null(read_all("a: \0 1\n", 7, 6, false, &e));
	assert_int_equal(e.reason, ERR_FORM);
}

static void lines(void **state)
{
	static const char text[] = "a: 1\nb:\n  - \"x\"\n  - [y,\n     z]\n";
	static const unsigned want[] = {1, 1, 1, 2, 3, 3, 4, 4, 5, 5, 6, 6};
	struct yaml *y = yaml_open(text, sizeof text - 1, 6, false, NULL);
	struct yaml_item item;

	(void)state;
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		assert_int_equal(yaml_next(y, &item, NULL), 0);
		assert_int_equal(item.line, want[i]);
	}
	assert_int_equal(yaml_next(y, &item, NULL), 0);
	assert_int_equal((int)item.type, (int)YAML_DONE);
	yaml_close(y);
}

static void depth_limit(void **state)
{
	struct err e = {0};
	char *have = read_all("[[{a: [1]}]]", 12, 4, false, &e);

	(void)state;
	assert_string_equal(have, "[[{'a['1]}]]");
	free(have);
	assert_null(read_all("[[{a: [1]}]]", 12, 3, false, &e));
	assert_int_equal(e.reason, ERR_FORM);
}

static double seconds(const char *unit, size_t times)
{
	size_t len = strlen(unit);
	char *text = malloc(len * times);
	struct timespec a, b;
	struct err e = {0};
	char *have;

	for (size_t i = 0; i < times; i++)
		memcpy(text + i * len, unit, len);
	clock_gettime(CLOCK_MONOTONIC, &a);
	have = read_all(text, len * times, 6, false, &e);
	clock_gettime(CLOCK_MONOTONIC, &b);
	free(have);
	free(text);
	return (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
}

/* Inputs that would take minutes if anything were quadratic; generous for sanitizers and slow machines. */
static void hostile_inputs_end_soon(void **state)
{
	static const char *const units[] = {"[", "{", "- ", "? ", "{a: ", "[a, ", "\"", "a: ", "!a ", "&a ", "%a b\n", "#\n", "[?", ", "};

	(void)state;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		double t = seconds(units[i], 200000);

		if (t > 5)
			fail_msg("%s: %f seconds", units[i], t);
	}
	assert_true(seconds("[", 10000) < 0.1 * 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents), cmocka_unit_test(refusals), cmocka_unit_test(nul_bytes), cmocka_unit_test(lines),
		cmocka_unit_test(depth_limit), cmocka_unit_test(hostile_inputs_end_soon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

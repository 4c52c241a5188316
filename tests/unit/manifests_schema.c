/*
 * Documents by table: one sample with every kind of field goes round, and everything that is not its canonical form
 * is refused (P1..P9 of the attacks).
 */
#include "manifests/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "lib/digest.h"
#include "lib/err.h"
#include "lib/path.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"

struct pair { uint64_t a; char *b; };
struct row { char *path; uint64_t size; bool has_digest; struct digest digest; bool exec; char **tags; size_t tags_n; };
struct entry { char *item; uint64_t n; bool has_when; int64_t when; struct pair pair; struct row *rows; size_t rows_n; };
struct group { struct pair left, right; };
struct sample {
	char *name, *note;
	uint64_t number;
	int64_t when;
	bool on;
	int color;
	char **texts;
	size_t texts_n;
	struct digest *digests;
	size_t digests_n;
	struct pair pair;
	struct pair *pairs;
	size_t pairs_n;
	struct group group;
	struct entry *entries;
	size_t entries_n;
	struct row *rows, *more;
	size_t rows_n, more_n;
};

static const char *const colors[] = {"red", "green", NULL};
static const struct field pair_fields[] = {
	{.name = "a", .kind = FIELD_NUMBER, .at = offsetof(struct pair, a), .min = 1, .max = 9},
	{.name = "b", .kind = FIELD_TEXT, .at = offsetof(struct pair, b), .optional = true, .min = 1, .max = 8},
	{0}
};
static const struct schema pair_schema = {.size = sizeof(struct pair), .fields = pair_fields};
static const struct field row_fields[] = {
	{.name = "path", .kind = FIELD_TEXT, .at = offsetof(struct row, path), .check = path_check},
	{.name = "size", .kind = FIELD_NUMBER, .at = offsetof(struct row, size)},
	{.name = "sha256", .kind = FIELD_DIGEST, .at = offsetof(struct row, digest), .optional = true,
	 .present_at = offsetof(struct row, has_digest)},
	{.name = "exec", .kind = FIELD_FLAG, .at = offsetof(struct row, exec)},
	{.name = "tags", .kind = FIELD_TEXTS, .at = offsetof(struct row, tags), .count_at = offsetof(struct row, tags_n),
	 .optional = true, .max = 8},
	{0}
};
static int check_row(const void *value, struct err *e)
{
	const struct row *r = value;

	return r->size == 13 ? err_set(e, R_DOCUMENT_FORM, "unlucky") : 0;
}
static const struct schema row_schema = {.size = sizeof(struct row), .fields = row_fields, .check = check_row};
static const struct field entry_fields[] = {
	{.name = "item", .kind = FIELD_TEXT, .at = offsetof(struct entry, item), .min = 1, .max = 63},
	{.name = "n", .kind = FIELD_NUMBER, .at = offsetof(struct entry, n), .max = MAX_REVISION},
	{.name = "when", .kind = FIELD_TIME, .at = offsetof(struct entry, when), .optional = true,
	 .present_at = offsetof(struct entry, has_when)},
	{.name = "pair", .kind = FIELD_MAP, .at = offsetof(struct entry, pair), .sub = &pair_schema},
	{.name = "rows", .kind = FIELD_RECORDS, .at = offsetof(struct entry, rows), .count_at = offsetof(struct entry, rows_n),
	 .optional = true, .sub = &row_schema},
	{0}
};
static const struct schema entry_schema = {.size = sizeof(struct entry), .fields = entry_fields};
static const struct field group_fields[] = {
	{.name = "left", .kind = FIELD_MAP, .at = offsetof(struct group, left), .sub = &pair_schema},
	{.name = "right", .kind = FIELD_MAP, .at = offsetof(struct group, right), .sub = &pair_schema},
	{0}
};
static const struct schema group_schema = {.size = sizeof(struct group), .fields = group_fields};
#define AT(member) .at = offsetof(struct sample, member)
#define LIST(member) AT(member), .count_at = offsetof(struct sample, member##_n)
static const struct field sample_fields[] = {
	{.name = "name", .kind = FIELD_TEXT, AT(name), .check = names_check},
	{.name = "note", .kind = FIELD_TEXT, AT(note), .optional = true, .max = 40},
	{.name = "number", .kind = FIELD_NUMBER, AT(number)},
	{.name = "when", .kind = FIELD_TIME, AT(when)},
	{.name = "on", .kind = FIELD_BOOL, AT(on)},
	{.name = "color", .kind = FIELD_CHOICE, AT(color), .words = colors},
	{.name = "texts", .kind = FIELD_TEXTS, LIST(texts), .min = 1, .max = 8, .max_count = 4},
	{.name = "digests", .kind = FIELD_DIGESTS, LIST(digests), .max_count = 2},
	{.name = "pair", .kind = FIELD_MAP, AT(pair), .sub = &pair_schema},
	{.name = "pairs", .kind = FIELD_MAPS, LIST(pairs), .max_count = 3, .sub = &pair_schema},
	{.name = "group", .kind = FIELD_BLOCK, AT(group), .sub = &group_schema},
	{.name = "entries", .kind = FIELD_ENTRIES, LIST(entries), .max_count = 3, .sub = &entry_schema},
	{.name = "rows", .kind = FIELD_RECORDS, LIST(rows), .max_count = 3, .sub = &row_schema},
	{.name = "more", .kind = FIELD_RECORDS, LIST(more), .optional = true, .sub = &row_schema},
	{0}
};
static const struct schema sample_schema = {.type = "sample", .size = sizeof(struct sample), .fields = sample_fields};

#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
static const char sample[] =
	"satchel: sample/1\n"
	"name: \"updates\"\n"
	"note: \"a \\\"quote\\\", a \\\\, \xc3\xa4\"\n"
	"number: 42\n"
	"when: 2026-11-22T10:00:00Z\n"
	"on: false\n"
	"color: green\n"
	"texts: [\"no\", \"~\"]\n"
	"digests: [" HEX "]\n"
	"pair: {a: 1}\n"
	"pairs: [{a: 1}, {a: 2, b: \"x\"}]\n"
	"group:\n"
	"  left: {a: 3}\n"
	"  right: {a: 4, b: \"y\"}\n"
	"entries:\n"
	"  - item: \"one\"\n"
	"    n: 1\n"
	"    pair: {a: 5}\n"
	"  - item: \"two\"\n"
	"    n: 2\n"
	"    when: 2026-11-22T10:00:00Z\n"
	"    pair: {a: 6}\n"
	"    rows:\n"
	"      - {path: \"a/b\", size: 0}\n"
	"rows:\n"
	"  - {path: \"a\", size: 1, sha256: " HEX "}\n"
	"  - {path: \"b \\\\ \\\"\", size: 2, exec: true, tags: [\"x\", \"\\\"\"]}\n"
	"more:\n"
	"  - {path: \"c\", size: 3}\n";

/* Parses and encodes again: 0, or the reason. The same bytes must come out. */
static int round_trip(const struct schema *s, const char *data, size_t len, struct err *e)
{
	union { struct sample sample; char bytes[1024]; } out;
	struct arena a = {0};
	struct buf again = {0};

	*e = (struct err){0};
	assert_true(s->size <= sizeof(out));
	if (schema_parse(s, data, len, &out, &a, e) == 0) {
		assert_int_equal(e->reason, 0);
		assert_int_equal(schema_encode(s, &out, &again, e), 0);
		assert_int_equal(again.len, len);
		assert_memory_equal(again.data, data, len);
	} else {
		assert_int_not_equal(e->reason, 0);
		assert_true(strlen(e->text) > 0);
	}
	buf_free(&again);
	arena_free(&a);
	return e->reason;
}

/* The sample with one text in place of another (which must be there). */
static char *replaced(const char *from, const char *to)
{
	const char *at = strstr(sample, from);
	char *out = NULL;

	assert_non_null(at);
	assert_true(asprintf(&out, "%.*s%s%s", (int)(at - sample), sample, to, at + strlen(from)) > 0);
	return out;
}

static int reason_with(const char *from, const char *to, struct err *e)
{
	char *doc = replaced(from, to);
	int rc = round_trip(&sample_schema, doc, strlen(doc), e);

	free(doc);
	return rc;
}

static void refuse(const char *from, const char *to)
{
	struct err e;
	int reason = reason_with(from, to, &e);

	if (reason != R_DOCUMENT_FORM)
		print_error("\"%s\" as \"%s\": reason %d (%s)\n", from, to, reason, e.text);
	assert_int_equal(reason, R_DOCUMENT_FORM);
}

static void accept(const char *from, const char *to)
{
	struct err e;

	if (reason_with(from, to, &e))
		print_error("\"%s\" as \"%s\": %s\n", from, to, e.text);
	assert_int_equal(e.reason, 0);
}

static void goes_round(void **state)
{
	struct sample v;
	struct arena a = {0};
	struct err e = {0};

	(void)state;
	assert_int_equal(round_trip(&sample_schema, sample, strlen(sample), &e), 0);
	assert_int_equal(schema_parse(&sample_schema, sample, strlen(sample), &v, &a, &e), 0);
	assert_string_equal(v.note, "a \"quote\", a \\, \xc3\xa4");
	assert_true(v.number == 42 && v.when == 1795341600 && !v.on && v.color == 1);
	assert_true(v.texts_n == 2 && v.digests_n == 1 && v.pairs_n == 2 && v.entries_n == 2 && v.rows_n == 2 && v.more_n == 1);
	assert_string_equal(v.texts[1], "~");
	assert_int_equal(v.digests[0].bytes[1], 0x11);
	assert_string_equal(v.pairs[1].b, "x");
	assert_null(v.group.left.b);
	assert_true(!v.entries[0].has_when && v.entries[1].has_when && v.entries[1].rows_n == 1);
	assert_true(v.rows[0].has_digest && !v.rows[1].has_digest && v.rows[1].exec && v.rows[1].tags_n == 2);
	assert_string_equal(v.rows[1].path, "b \\ \"");
	assert_string_equal(v.more[0].path, "c");
	arena_free(&a);
}

static void lists_that_are_empty_or_absent(void **state)
{
	(void)state;
	accept("texts: [\"no\", \"~\"]", "texts: []");
	accept("pairs: [{a: 1}, {a: 2, b: \"x\"}]", "pairs: []");
	accept("more:\n  - {path: \"c\", size: 3}\n", "");
	refuse("more:\n  - {path: \"c\", size: 3}\n", "more: []\n");
	refuse("more:\n  - {path: \"c\", size: 3}\n", "more:\n");
	refuse(", tags: [\"x\", \"\\\"\"]", ", tags: []");
	accept("rows:\n  - {path: \"a\", size: 1, sha256: " HEX "}\n  - {path: \"b \\\\ \\\"\", size: 2, exec: true, tags: [\"x\", "
	       "\"\\\"\"]}\n", "rows: []\n");
	refuse("texts: [\"no\", \"~\"]", "texts:");
	refuse("    rows:\n      - {path: \"a/b\", size: 0}\n", "    rows: []\n");
}

/* Every byte in turn becomes something else: refused, or read as something that is written in just that way. */
static void every_byte_mutated(void **state)
{
	static const char others[] = "\0\x01\t\n\r \"#&*,-:>[]\\{|}!%@`0a~'\x7f\x80\xc2\xff";
	char *doc = strdup(sample);
	size_t len = strlen(sample), refused = 0;
	struct err e;

	(void)state;
	for (size_t i = 0; i < len; i++) {
		for (size_t k = 0; k < sizeof(others) - 1; k++) {
			doc[i] = others[k];
			refused += round_trip(&sample_schema, doc, len, &e) != 0;
		}
		doc[i] = (char)(sample[i] ^ 1);
		refused += round_trip(&sample_schema, doc, len, &e) != 0;
		doc[i] = sample[i];
	}
	assert_true(refused > len * 20);
	free(doc);
}

static void every_byte_removed_doubled_or_cut(void **state)
{
	size_t len = strlen(sample), rows = (size_t)(strstr(sample, "\nrows:") - sample);
	char *doc = malloc(len + 2);
	struct err e;

	(void)state;
	for (size_t i = 0; i < len; i++) {
		memcpy(doc, sample, i);
		memcpy(doc + i, sample + i + 1, len - i - 1);
		round_trip(&sample_schema, doc, len - 1, &e);
		memcpy(doc, sample, i + 1);
		memcpy(doc + i + 1, sample + i, len - i);
		round_trip(&sample_schema, doc, len + 1, &e);
		/* cut off, it is a document only behind one of the rows, since the list after them is optional */
		if (round_trip(&sample_schema, sample, i, &e) == 0)
			assert_true(i > rows && sample[i - 2] == '}' && sample[i - 1] == '\n');
	}
	free(doc);
}

/* Every pair of lines exchanged, every line removed, every line twice. */
static void lines_missing_twice_or_out_of_order(void **state)
{
	const char *lines[64], *end;
	size_t n = 0, len = strlen(sample), accepted = 0;
	char *doc = malloc(2 * len);
	struct err e;

	(void)state;
	for (const char *p = sample; *p; p = end + 1) {
		end = strchr(p, '\n');
		lines[n++] = p;
	}
	lines[n] = sample + len;
	for (size_t skip = 0; skip < n; skip++)
		for (size_t twice = 0; twice <= n; twice++) {
			size_t at = 0;

			for (size_t i = 0; i < n; i++)
				for (int k = 0; k < (i == twice ? 2 : i == skip ? 0 : 1); k++) {
					memcpy(doc + at, lines[i], (size_t)(lines[i + 1] - lines[i]));
					at += (size_t)(lines[i + 1] - lines[i]);
				}
			if (skip != twice && round_trip(&sample_schema, doc, at, &e) == 0)
				accepted++;
		}
	/* what may go: note, the entry's time, one of the rows; what may come twice: a row */
	assert_true(accepted > 0 && accepted < 40);
	free(doc);
}

static void p1_duplicate_keys(void **state)
{
	(void)state;
	refuse("number: 42\n", "number: 42\nnumber: 42\n");
	refuse("number: 42\n", "number: 41\nnumber: 42\n");
	refuse("pair: {a: 1}\n", "pair: {a: 1, a: 1}\n");
	refuse("left: {a: 3}", "left: {a: 3, a: 3}");
	refuse("    n: 1\n", "    n: 1\n    n: 1\n");
	refuse("size: 1,", "size: 1, size: 1,");
	refuse("size: 3}", "size: 3, size: 3}");
	refuse("satchel: sample/1\n", "satchel: sample/1\nsatchel: sample/1\n");
	refuse("more:\n", "rows: []\nmore:\n");
}

static void p2_anchors_aliases_tags_merge_keys(void **state)
{
	(void)state;
	refuse("name: \"updates\"", "name: &x \"updates\"");
	refuse("name: \"updates\"", "name: *x");
	refuse("name: \"updates\"", "name: !!str \"updates\"");
	refuse("name: \"updates\"", "name: ! \"updates\"");
	refuse("pair: {a: 1}", "pair: {<<: {a: 1}}");
	refuse("pair: {a: 1}", "pair: &p {a: 1}");
	refuse("rows:\n  - {", "rows:\n  - &r {");
	refuse("more:\n  - {path: \"c\", size: 3}", "more:\n  - *r");
}

static void p3_more_than_one_document(void **state)
{
	char *doc = NULL;
	const char *after[] = {"---\n", "...\n", "---\nsatchel: sample/1\n", "...\nx\n", "%YAML 1.1\n", "\n", "# x\n", "x: 1\n", " \n"};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(after) / sizeof(after[0]); i++) {
		assert_true(asprintf(&doc, "%s%s", sample, after[i]) > 0);
		assert_int_equal(round_trip(&sample_schema, doc, strlen(doc), &e), R_DOCUMENT_FORM);
		free(doc);
		assert_true(asprintf(&doc, "%.*s%s", (int)(strstr(sample, "rows:\n  -") - sample), sample, after[i]) > 0);
		assert_int_equal(round_trip(&sample_schema, doc, strlen(doc), &e), R_DOCUMENT_FORM);
		free(doc);
	}
	refuse("satchel: sample/1\n", "satchel: sample/1\n---\n");
	refuse("satchel: sample/1\n", "satchel: sample/1\n%YAML 1.1\n---\n");
}

static void p4_depth(void **state)
{
	char *deep = malloc(20001);
	struct timespec from, to;
	const char *open[] = {"[", "{", "{a: ", "[{"};
	struct err e;

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++) {
		char *doc;

		deep[0] = '\0';
		for (size_t n = 0; n + strlen(open[i]) <= 20000; n += strlen(open[i]))
			memcpy(deep + n, open[i], strlen(open[i]) + 1);
		doc = replaced("[\"no\", \"~\"]", deep);
		assert_int_equal(round_trip(&sample_schema, doc, strlen(doc), &e), R_DOCUMENT_FORM);
		free(doc);
		doc = replaced("size: 1", deep);
		assert_int_equal(round_trip(&sample_schema, doc, strlen(doc), &e), R_DOCUMENT_FORM);
		free(doc);
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	assert_true((double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9 < 0.8);
	free(deep);
}

static void p5_encodings(void **state)
{
	const char *bad[] = {"\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc3", "\x80", "\xc2\x85", "\xc2\x9b", "\xe2\x80\xa8",
			     "\xe2\x80\xa9", "\xef\xbb\xbf", "\xef\xbf\xbe", "\xef\xb7\x90", "\xf0\x9f\xbf\xbe", "\r", "\t", "\x7f",
			     "\x1b", "\x01", "\xe2\x80\xae", "\xe2\x81\xa6", "\xd8\x9c"};
	struct err e;
	char utf16[64];
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char to[32];

		snprintf(to, sizeof(to), "quote%s", bad[i]);
		refuse("quote", to);
		if (i < 18) {
			snprintf(to, sizeof(to), "\"a%s\", size: 1", bad[i]);
			refuse("\"a\", size: 1", to);
			snprintf(to, sizeof(to), "[\"%s\"", bad[i]);
			refuse("[\"no\"", to);
		}
	}
	/* in names the one who judges names refuses them */
	assert_int_equal(reason_with("\"a\", size: 1", "\"a\xe2\x80\xae\", size: 1", &e), R_NAME);
	accept("quote", "\xf0\x9f\x93\xa6");
	refuse("\n    n: 1", "\n\tn: 1");
	refuse("number: 42\n", "number: 42\r\n");
	utf16[n++] = '\xff';
	utf16[n++] = '\xfe';
	for (const char *p = "satchel: a/1\n"; *p; p++) {
		utf16[n++] = *p;
		utf16[n++] = '\0';
	}
	assert_int_equal(round_trip(&sample_schema, utf16, n, &e), R_DOCUMENT_FORM);
	assert_int_equal(round_trip(&sample_schema, "", 0, &e), R_DOCUMENT_FORM);
	assert_int_equal(round_trip(&sample_schema, "\n", 1, &e), R_DOCUMENT_TYPE);
	/* a NUL where C strings end */
	{
		char *doc = replaced("updates", "upd#tes");

		*strchr(doc, '#') = '\0';
		assert_int_equal(round_trip(&sample_schema, doc, strlen(sample), &e), R_DOCUMENT_FORM);
		free(doc);
	}
}

static void p6_numbers_and_times(void **state)
{
	const char *numbers[] = {"010", "+1", "-1", "1e3", "0x10", "1_000", "no", "~", "\"1\"", "", " 1", "1 ", "1.0", "0o7", ".5",
				 "4611686018427387905", "9223372036854775808", "18446744073709551615", "18446744073709551616",
				 "99999999999999999999999999", "'1'", "null", "|\n 1"};
	const char *times[] = {"2026-11-22T10:00:00", "2026-11-22T24:00:00Z", "2026-02-30T10:00:00Z", "2026-11-22T10:00:60Z",
			       "2026-11-22 10:00:00Z", "2026-11-22T10:00:00+00:00", "2026-11-22", "\"2026-11-22T10:00:00Z\"",
			       "1969-12-31T23:59:59Z", "2026-11-22T10:00:00.0Z", "2026-13-01T00:00:00Z", "02026-11-22T10:00:00Z",
			       "2026-11-22t10:00:00z", "now"};
	char to[64];

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		snprintf(to, sizeof(to), "number: %s\n", numbers[i]);
		refuse("number: 42\n", to);
		snprintf(to, sizeof(to), "size: %s,", numbers[i]);
		refuse("size: 1,", to);
		snprintf(to, sizeof(to), "size: %s}", numbers[i]);
		refuse("size: 3}", to);
	}
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		snprintf(to, sizeof(to), "when: %s\n", times[i]);
		refuse("when: 2026-11-22T10:00:00Z\n", to);
	}
	accept("number: 42\n", "number: 4611686018427387904\n");
	accept("size: 1,", "size: 4611686018427387904,");
	accept("when: 2026-11-22T10:00:00Z\n", "when: 9999-12-31T23:59:59Z\n");
	accept("when: 2026-11-22T10:00:00Z\n", "when: 1970-01-01T00:00:00Z\n");
	for (size_t i = 0; i < 5; i++) {
		const char *words[] = {"yes", "True", "FALSE", "0", "\"false\""};

		snprintf(to, sizeof(to), "on: %s\n", words[i]);
		refuse("on: false\n", to);
	}
	accept("on: false\n", "on: true\n");
	refuse("exec: true", "exec: false");
	refuse("color: green", "color: blue");
	refuse("color: green", "color: \"green\"");
	refuse("digests: [00", "digests: [0");
	refuse("sha256: 00", "sha256: 0");
	refuse("sha256: 0011", "sha256: 00FF");
	refuse("sha256: " HEX, "sha256: \"" HEX "\"");
}

static void p7_fields_and_versions(void **state)
{
	struct err e;

	(void)state;
	for (const struct field *f = sample_fields; f->name; f++) {
		char from[32], to[32];

		snprintf(from, sizeof(from), "\n%s:", f->name);
		snprintf(to, sizeof(to), "\n%sx:", f->name);
		refuse(from, to);
		snprintf(to, sizeof(to), "\n\"%s\":", f->name);
		refuse(from, to);
		snprintf(to, sizeof(to), "\nnew: 1\n%s:", f->name);
		refuse(from, to);
	}
	refuse("number: 42\n", "");
	refuse("path: \"a\", ", "");
	refuse("{a: 1}", "{}");
	refuse("  left: {a: 3}\n", "");
	refuse("    n: 1\n", "");
	refuse("{path: \"c\", size: 3}", "{path: \"c\", size: 3, new: 1}");
	refuse("{path: \"c\", size: 3}", "{}");
	assert_int_equal(reason_with("sample/1", "sample/2", &e), R_DOCUMENT_VERSION);
	assert_non_null(strstr(e.text, "newer"));
	assert_int_equal(reason_with("sample/1", "sample/11", &e), R_DOCUMENT_VERSION);
	assert_int_equal(reason_with("sample/1", "sample/01", &e), R_DOCUMENT_TYPE);
	assert_int_equal(reason_with("sample/1", "sample/", &e), R_DOCUMENT_TYPE);
	assert_int_equal(reason_with("sample/1", "samples/1", &e), R_DOCUMENT_TYPE);
	assert_int_equal(reason_with("sample/1", "manifest/1", &e), R_DOCUMENT_TYPE);
	assert_int_equal(reason_with("satchel: ", "satchel:", &e), R_DOCUMENT_TYPE);
	assert_int_equal(reason_with("satchel: ", "name: \"x\"\nsatchel: ", &e), R_DOCUMENT_TYPE);
	assert_int_equal(reason_with("satchel: ", "# x\nsatchel: ", &e), R_DOCUMENT_TYPE);
	assert_int_equal(reason_with("sample/1\n", "sample/1 \n", &e), R_DOCUMENT_TYPE);
	assert_int_equal(reason_with("sample/1\n", "\"sample/1\"\n", &e), R_DOCUMENT_TYPE);
}

static void p8_not_canonical(void **state)
{
	struct err e;

	(void)state;
	refuse("number: 42\n", "number:  42\n");
	refuse("number: 42\n", "number: 42 \n");
	refuse("number: 42\n", "number: 42 # x\n");
	refuse("number: 42\n", "# x\nnumber: 42\n");
	refuse("number: 42\n", "\nnumber: 42\n");
	refuse("name: \"updates\"", "name: updates");
	refuse("name: \"updates\"", "name: 'updates'");
	refuse("\"updates\"", "\"up\\x64ates\"");
	refuse("\"updates\"", "\"up\\\n  dates\"");
	refuse("quote", "quo\\/te");
	refuse("quote", "quo\\nte");
	refuse("quote", "quo\\0te");
	refuse("quote", "quo\n  te");
	refuse("{a: 1}", "{ a: 1}");
	refuse("{a: 1}", "{a: 1,}");
	refuse("[\"no\", \"~\"]", "[\"no\",\"~\"]");
	refuse("[\"no\", \"~\"]", "\n  - \"no\"\n  - \"~\"");
	refuse("group:\n  left", "group:\n   left");
	refuse("size: 1,", "size:  1,");
	refuse("path: \"a\", size: 1", "size: 1, path: \"a\"");
	refuse("  - {path: \"c\"", " - {path: \"c\"");
	refuse("path: \"a\"", "path: \"\\a\"");
	refuse("path: \"a\"", "path: a");
	refuse("path: \"a\"", "path: \"a");
	refuse("size: 3}\n", "size: 3}  \n");
	refuse("when: 2026-11-22T10:00:00Z\non: false", "on: false\nwhen: 2026-11-22T10:00:00Z");
	/* the line is named */
	assert_int_equal(reason_with("color: green", "color:  green", &e), R_DOCUMENT_FORM);
	assert_non_null(strstr(e.text, "line 7: not canonical"));
	assert_int_equal(reason_with("size: 3}", "size:  3}", &e), R_DOCUMENT_FORM);
	assert_non_null(strstr(e.text, "line 29: size: "));
	assert_int_equal(reason_with("    n: 2", "    n: two", &e), R_DOCUMENT_FORM);
	assert_non_null(strstr(e.text, "line 20: n: must be a number"));
}

static void p9_ranges_counts_and_rules(void **state)
{
	struct err e;

	(void)state;
	refuse("{a: 1}", "{a: 0}");
	accept("{a: 1}", "{a: 9}");
	refuse("{a: 1}", "{a: 10}");
	accept("b: \"x\"", "b: \"12345678\"");
	refuse("b: \"x\"", "b: \"123456789\"");
	refuse("b: \"x\"", "b: \"\"");
	accept("[\"no\", \"~\"]", "[\"1\", \"2\", \"3\", \"4\"]");
	refuse("[\"no\", \"~\"]", "[\"1\", \"2\", \"3\", \"4\", \"5\"]");
	refuse("[\"no\", \"~\"]", "[\"123456789\"]");
	accept("digests: [" HEX "]", "digests: [" HEX ", " HEX "]");
	refuse("digests: [" HEX "]", "digests: [" HEX ", " HEX ", " HEX "]");
	accept("rows:\n  -", "rows:\n  - {path: \"z\", size: 4}\n  -");
	refuse("rows:\n  -", "rows:\n  - {path: \"z\", size: 4}\n  - {path: \"z\", size: 4}\n  -");
	accept("entries:\n", "entries:\n  - item: \"nil\"\n    n: 0\n    pair: {a: 5}\n");
	refuse("entries:\n", "entries:\n  - item: \"x\"\n    n: 0\n    pair: {a: 5}\n  - item: \"y\"\n    n: 0\n    pair: {a: 5}\n");
	refuse("size: 3}", "size: 13}");
	refuse("size: 0}", "size: 13}");
	assert_int_equal(reason_with("\"a\", size: 1", "\"../a\", size: 1", &e), R_NAME);
	assert_non_null(strstr(e.text, "line 26: path: "));
	assert_int_equal(reason_with("\"updates\"", "\"Updates\"", &e), R_NAME);
	assert_int_equal(reason_with("\"updates\"", "\"\"", &e), R_NAME);
}

static void encoder_refuses_what_the_parser_would(void **state)
{
	struct pair pairs[4] = {{1, NULL}, {1, NULL}, {1, NULL}, {1, NULL}};
	char *texts[] = {"x"};
	struct sample good = {.name = "n", .pair = {1, NULL}, .group = {{1, NULL}, {1, NULL}}, .texts = texts, .texts_n = 1};
	struct sample v;
	struct buf out = {0};
	struct err e = {0};

	(void)state;
	assert_int_equal(schema_encode(&sample_schema, &good, &out, &e), 0);
	assert_int_equal(round_trip(&sample_schema, (const char *)out.data, out.len, &e), 0);
#define REFUSED(change) v = good; change; e = (struct err){0}; assert_int_equal(schema_encode(&sample_schema, &v, &out, &e), -1)
	REFUSED(v.name = NULL);
	REFUSED(v.name = "A");
	REFUSED(v.note = "a\nb");
	assert_non_null(strstr(e.text, "note: "));
	REFUSED(v.note = "\xff");
	REFUSED(v.number = MAX_SUM + 1);
	REFUSED(v.when = -1);
	REFUSED(v.when = INT64_MAX);
	REFUSED(v.color = 2);
	REFUSED(v.color = -1);
	REFUSED(v.pair.a = 0);
	REFUSED(v.group.right.a = 10);
	REFUSED(v.pairs = pairs; v.pairs_n = 4);
	REFUSED(texts[0] = "123456789");
	buf_free(&out);
}

/* Writers of long lists put a document together from head, list and records. */
static void pieces_make_the_whole(void **state)
{
	struct sample v;
	struct arena a = {0};
	struct buf whole = {0}, pieces = {0};
	struct err e = {0};

	(void)state;
	assert_int_equal(schema_parse(&sample_schema, sample, strlen(sample), &v, &a, &e), 0);
	assert_int_equal(schema_encode(&sample_schema, &v, &whole, &e), 0);
	assert_int_equal(schema_encode_head(&sample_schema, &v, &pieces, &e), 0);
	schema_encode_list("rows", false, &pieces);
	for (size_t i = 0; i < v.rows_n; i++)
		schema_encode_record(&row_schema, v.rows + i, &pieces);
	schema_encode_list("more", false, &pieces);
	schema_encode_record(&row_schema, v.more, &pieces);
	assert_int_equal(pieces.len, whole.len);
	assert_memory_equal(pieces.data, whole.data, whole.len);
	buf_free(&whole);
	buf_free(&pieces);
	arena_free(&a);
}

static void as_json(void **state)
{
	struct sample v;
	struct arena a = {0};
	struct buf out = {0};
	struct err e = {0};
	json_t *o;

	(void)state;
	assert_int_equal(schema_parse(&sample_schema, sample, strlen(sample), &v, &a, &e), 0);
	o = schema_json(&sample_schema, &v);
	assert_int_equal(json_line(o, &out, &e), 0);
	assert_string_equal((const char *)out.data,
		"{\"type\":\"sample\",\"name\":\"updates\",\"note\":\"a \\\"quote\\\", a \\\\, \\u00E4\",\"number\":42,"
		"\"when\":\"2026-11-22T10:00:00Z\",\"on\":false,\"color\":\"green\",\"texts\":[\"no\",\"~\"],\"digests\":[\"" HEX
		"\"],\"pair\":{\"a\":1},\"pairs\":[{\"a\":1},{\"a\":2,\"b\":\"x\"}],\"group\":{\"left\":{\"a\":3},\"right\":{\"a\":4,"
		"\"b\":\"y\"}},\"entries\":[{\"item\":\"one\",\"n\":1,\"pair\":{\"a\":5}},{\"item\":\"two\",\"n\":2,\"when\":"
		"\"2026-11-22T10:00:00Z\",\"pair\":{\"a\":6},\"rows\":[{\"path\":\"a/b\",\"size\":0}]}],\"rows\":[{\"path\":\"a\","
		"\"size\":1,\"sha256\":\"" HEX "\"},{\"path\":\"b \\\\ \\\"\",\"size\":2,\"exec\":true,\"tags\":[\"x\",\"\\\"\"]}],"
		"\"more\":[{\"path\":\"c\",\"size\":3}]}");
	json_decref(o);
	buf_free(&out);
	arena_free(&a);
}

/* ---- files that people write ---- */

static int parse_config(const char *text, struct sample *v, struct arena *a, struct err *e)
{
	*e = (struct err){0};
	return schema_parse_config(&sample_schema, text, strlen(text), v, a, e);
}

#define CONFIG_TAIL \
	"on: true\ncolor: 'red'\ntexts: [a, 'b', \"c\"]\ndigests: []\npair:\n  a: 1\npairs:\n- {a: 1}\n- a: 2\n  b: x\n" \
	"group: {left: {a: 1}, right: {a: 2}}\nentries:\nrows: [{path: a, size: 1}]\n"

static void people_write_as_they_like(void **state)
{
	struct sample v;
	struct arena a = {0};
	struct err e;
	const char *text = "# a comment\nnumber: 42   # the number\nwhen: \"2026-11-22T10:00:00Z\"\n\nname: updates\n"
			   "satchel: sample/1\n" CONFIG_TAIL;
	int rc = parse_config(text, &v, &a, &e);

	(void)state;
	if (rc)
		print_error("%s\n", e.text);
	assert_int_equal(rc, 0);
	assert_string_equal(v.name, "updates");
	assert_true(v.number == 42 && v.when == 1795341600 && v.on && v.color == 0);
	assert_true(v.texts_n == 3 && v.pairs_n == 2 && v.entries_n == 0 && v.rows_n == 1 && v.group.right.a == 2);
	assert_string_equal(v.texts[2], "c");
	arena_free(&a);
	assert_int_equal(parse_config(sample, &v, &a, &e), 0);
	arena_free(&a);
}

static void people_are_told_what_is_wrong(void **state)
{
	const char *head = "satchel: sample/1\nname: updates\nwhen: 2026-11-22T10:00:00Z\n";
	const struct { const char *line, *says; } rows[] = {
		{"number: many\n", "line 4: number: must be a number from 0 to"},
		{"numbre: 4\n", "line 4: numbre: unknown field"},
		{"number: 1\nnumber: 1\n", "line 5: number: comes twice"},
		{"number: 1\nnote: [a]\n", "line 5: note: must be a single value"},
		{"number: 1\nnote: \"a\\0b\"\n", "line 5: note: holds U+0000"},
		{"number: 1\nnote: \"a\\nb\"\n", "line 5: note: holds U+000A"},
		{"number: 1\n\"note\\0\": b\n", "line 5: note: unknown field"},
		{"number: &x 1\n", "line 4: an anchor"},
		{"", "number: is missing"},
	};
	struct sample v;
	struct arena a = {0};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = NULL;

		assert_true(asprintf(&text, "%s%s%s", head, rows[i].line, CONFIG_TAIL) > 0);
		assert_int_equal(parse_config(text, &v, &a, &e), -1);
		assert_int_equal(e.reason, ERR_CONFIG);
		if (!strstr(e.text, rows[i].says))
			print_error("\"%s\" is not in \"%s\"\n", rows[i].says, e.text);
		assert_non_null(strstr(e.text, rows[i].says));
		free(text);
		arena_free(&a);
	}
	assert_int_equal(parse_config("name: x\n", &v, &a, &e), -1);
	assert_non_null(strstr(e.text, "satchel"));
	assert_int_equal(parse_config("satchel: sample/2\n", &v, &a, &e), -1);
	assert_int_equal(parse_config("", &v, &a, &e), -1);
	assert_int_equal(parse_config("- a\n", &v, &a, &e), -1);
	assert_int_equal(parse_config("satchel: sample/1\nname: Bad Name\n", &v, &a, &e), -1);
	assert_int_equal(e.reason, ERR_CONFIG);
	assert_non_null(strstr(e.text, "line 2: name: "));
	arena_free(&a);
}

static void types(void **state)
{
	const char *none[] = {"", "satchel: ", "satchel: x", "satchel: x/\n", "satchel: x/1", "satchel: X/1\n", "x\nsatchel: x/1\n",
			      "satchel: abcdefghijabcdefghijabcdefghijxx/1\n", "satchel: x/1234567890\n", "satchel: /1\n"};
	char out[32];

	(void)state;
	assert_int_equal(schema_type_of(sample, strlen(sample), out), 0);
	assert_string_equal(out, "sample");
	assert_int_equal(schema_type_of("satchel: contents-part/7\n", 25, out), 0);
	assert_string_equal(out, "contents-part");
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_int_equal(schema_type_of(none[i], strlen(none[i]), out), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_round),
		cmocka_unit_test(lists_that_are_empty_or_absent),
		cmocka_unit_test(every_byte_mutated),
		cmocka_unit_test(every_byte_removed_doubled_or_cut),
		cmocka_unit_test(lines_missing_twice_or_out_of_order),
		cmocka_unit_test(p1_duplicate_keys),
		cmocka_unit_test(p2_anchors_aliases_tags_merge_keys),
		cmocka_unit_test(p3_more_than_one_document),
		cmocka_unit_test(p4_depth),
		cmocka_unit_test(p5_encodings),
		cmocka_unit_test(p6_numbers_and_times),
		cmocka_unit_test(p7_fields_and_versions),
		cmocka_unit_test(p8_not_canonical),
		cmocka_unit_test(p9_ranges_counts_and_rules),
		cmocka_unit_test(encoder_refuses_what_the_parser_would),
		cmocka_unit_test(pieces_make_the_whole),
		cmocka_unit_test(as_json),
		cmocka_unit_test(people_write_as_they_like),
		cmocka_unit_test(people_are_told_what_is_wrong),
		cmocka_unit_test(types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

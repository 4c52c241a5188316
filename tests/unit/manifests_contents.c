/*
 * Contents lists: records, and what one document alone must be. Rows A1, A2, A13 and P of the list of attacks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/arena.h"
#include "lib/err.h"
#include "lib/path.h"
#include "manifests/contents.h"
#include "manifests/limits.h"
#include "manifests/reason.h"
#include "tests/unit/store.h"

static void expect_record(const struct record *r, const char *item, int reason)
{
	struct err e = {0};

	if (record_check(r, item, &e) != (reason == 0 ? 0 : -1) || e.reason != reason)
		fail_msg("item \"%s\", path \"%s\", link \"%s\": %s %s, not %s", item, r->path, r->link ? r->link : "",
			 reason_word(e.reason), e.text, reason_word(reason));
}

static void expect_path(const char *path, const char *item, int reason)
{
	struct record r = file_record(path);

	expect_record(&r, item, reason);
}

static void expect_link(const char *path, const char *target, const char *item, int reason)
{
	struct record r = link_record(path, target);

	expect_record(&r, item, reason);
}

/* A1 */
static void paths(void **state)
{
	static const char *const bad[] = {
		"", "/", ".", "..", "../o", "o/..", "o/../../b", "o/../b", "/etc/x", "//x", "o//b", "o/", "o/./b", "o/.", "o/b/",
		"o/\n", "o/\x1b[2J", "o/\x7f", "o/\xc2\x80", "o/\xff", "o/\xc0\xaf", "o/\xed\xa0\x80", "o/\xe2\x80\xa8",
		"o/\xe2\x80\xae", "o/\xef\xbb\xbf", "o/\xef\xbf\xbf", "p", "op", "o.b", "O", "O/b", "pool/o/b",
	};
	char path[5001];

	(void)state;
	expect_path("o", "o", 0);
	expect_path("o", "pool/o", 0);
	expect_path("o/b", "pool/o", 0);
	expect_path("o/-rf", "o", 0);
	expect_path("o/$(reboot)", "o", 0);
	expect_path("o/\xf0\x9f\x98\x80 b", "o", 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		expect_path(bad[i], "o", R_NAME);
	memset(path, 'x', sizeof path);
	memcpy(path, "o/", 2);
	path[257] = '\0';
	expect_path(path, "o", 0);
	path[257] = 'x';
	path[258] = '\0';
	expect_path(path, "o", R_NAME);
	path[258] = 'x';
	path[5000] = '\0';
	expect_path(path, "o", R_NAME);
}

/* The path in the published tree is bounded, not only its part in the item. */
static void published_paths(void **state)
{
	char deep[PATH_MAX_DEPTH * 2 + 2] = "o", path[PATH_MAX_LEN + 1], parent[300];

	(void)state;
	for (int i = 1; i < PATH_MAX_DEPTH; i++)
		memcpy(deep + strlen(deep), "/a", 3);
	expect_path(deep, "o", 0);
	expect_path(deep, "p/o", R_NAME);
	deep[strlen(deep) - 2] = '\0';
	expect_path(deep, "p/o", 0);
	expect_path(deep, "p/q/o", R_NAME);

	memset(parent, 'p', sizeof parent);
	memcpy(parent + 200, "/o", 3);
	for (size_t i = 0; i < PATH_MAX_LEN; i++)
		path[i] = i % 200 == 1 ? '/' : 'o';
	path[PATH_MAX_LEN] = '\0';
	expect_path(path, "o", 0);
	expect_path(path, parent, R_NAME);
	path[PATH_MAX_LEN - 201] = '\0';
	expect_path(path, parent, 0);
	path[PATH_MAX_LEN - 201] = 'o';
	path[PATH_MAX_LEN - 200] = '\0';
	expect_path(path, parent, R_NAME);
}

/* A2 */
static void links(void **state)
{
	(void)state;
	expect_link("o/l", "b", "pool/o", 0);
	expect_link("o/l", "b/c/d", "pool/o", 0);
	expect_link("o/l", "../../x", "pool/o", 0);	/* stands in pool/o: two up is the tree itself */
	expect_link("o/l", "../..", "pool/o", 0);
	expect_link("o/l", "../../../x", "pool/o", R_NAME);
	expect_link("o", "../x", "pool/o", 0);
	expect_link("o", "../../x", "pool/o", R_NAME);
	expect_link("o", "..", "o", R_NAME);
	expect_link("o", "x", "o", 0);
	expect_link("o", "o", "o", 0);	/* a loop: it stays inside */
	expect_link("o/a/l", "../../../../x", "pool/x/o", 0);
	expect_link("o/a/l", "../../../../../x", "pool/x/o", R_NAME);
	expect_link("o/l", "", "o", R_NAME);
	expect_link("o/l", "/etc/passwd", "o", R_NAME);
	expect_link("o/l", "/", "o", R_NAME);
	expect_link("o/l", ".", "o", R_NAME);
	expect_link("o/l", "./b", "o", R_NAME);
	expect_link("o/l", "b/..", "o", R_NAME);
	expect_link("o/l", "b/../c", "o", R_NAME);
	expect_link("o/l", "../b/../c", "o", R_NAME);
	expect_link("o/l", "b//c", "o", R_NAME);
	expect_link("o/l", "b/", "o", R_NAME);
	expect_link("o/l", "b\n", "o", R_NAME);
	expect_link("o/l", "b\xe2\x80\xae", "o", R_NAME);
	expect_link("p/l", "b", "o", R_NAME);
}

static void kinds(void **state)
{
	struct record r = file_record("o"), none = {.path = word("o")};

	(void)state;
	r.exec = true;
	expect_record(&r, "o", 0);
	r.size = MAX_OBJECT_SIZE;
	expect_record(&r, "o", 0);
	r.size++;
	expect_record(&r, "o", R_DOCUMENT_FORM);
	expect_record(&none, "o", R_DOCUMENT_FORM);
	none.dir = true;
	expect_record(&none, "o", 0);
	none.exec = true;
	expect_record(&none, "o", R_DOCUMENT_FORM);
	r = file_record("o");
	r.link = word("x");
	expect_record(&r, "o", R_DOCUMENT_FORM);
	r = file_record("o");
	r.dir = true;
	expect_record(&r, "o", R_DOCUMENT_FORM);
	r = link_record("o", "x");
	r.dir = true;
	expect_record(&r, "o", R_DOCUMENT_FORM);
	r = file_record("o");
	r.has_sha256 = false;
	expect_record(&r, "o", R_DOCUMENT_FORM);
	r = file_record("o");
	r.has_mtime = false;
	expect_record(&r, "o", R_DOCUMENT_FORM);
}

static void equality(void **state)
{
	struct record a = file_record("o"), b = a, l = link_record("o", "x"), m = link_record("o", "y");

	(void)state;
	assert_true(record_equal(&a, &b));
	b.mtime++;
	assert_true(record_same_content(&a, &b));
	assert_false(record_equal(&a, &b));
	b = a;
	b.exec = true;
	assert_false(record_same_content(&a, &b));
	b = a;
	b.size++;
	assert_false(record_same_content(&a, &b));
	b = a;
	b.sha256.bytes[31]++;
	assert_false(record_same_content(&a, &b));
	assert_false(record_same_content(&a, &l));
	assert_false(record_same_content(&l, &m));
	assert_true(record_equal(&l, &l));
}

/* ---- documents ---- */

#define DIGEST "0b00000000000000000000000000000000000000000000000000000000000000"
#define FILE_LINE(path) "  - {path: \"" path "\", size: 7, sha256: " DIGEST ", mtime: 2026-11-20T08:00:00Z}\n"

/* Parses a text by its schema. */
static void expect_document(const struct schema *schema, const char *text, int reason)
{
	void *out = calloc(1, schema->size);
	struct arena a = {0};
	struct err e = {0};

	if (schema_parse(schema, text, strlen(text), out, &a, &e) != (reason == 0 ? 0 : -1) || e.reason != reason)
		fail_msg("%s: %s, not %s, for\n%s", reason_word(e.reason), e.text, reason_word(reason), text);
	arena_free(&a);
	free(out);
}

#define HEAD "satchel: contents/1\nitem: \"a/o\"\n"
static void documents(void **state)
{
	static const struct { const char *text; int reason; } cases[] = {
		{HEAD "files:\n" FILE_LINE("o"), 0},
		{HEAD "files:\n  - {path: \"o\", dir: true}\n", 0},
		{HEAD "files: []\n", R_DOCUMENT_FORM},
		{HEAD "parts: []\n", R_DOCUMENT_FORM},
		{HEAD, R_DOCUMENT_FORM},
		{"satchel: contents/1\nfiles:\n" FILE_LINE("o"), R_DOCUMENT_FORM},
		{"satchel: contents/2\nitem: \"o\"\nfiles:\n" FILE_LINE("o"), R_DOCUMENT_VERSION},
		{"satchel: contents-part/1\nfiles:\n" FILE_LINE("o"), R_DOCUMENT_TYPE},
		{"satchel: contents/1\nitem: \"../o\"\nfiles:\n" FILE_LINE("o"), R_NAME},
		{HEAD "files:\n" FILE_LINE("p"), R_NAME},
		{HEAD "files:\n" FILE_LINE("o/../x"), R_NAME},
		{HEAD "files:\n" FILE_LINE("o") FILE_LINE("o"), R_DOCUMENT_FORM},	/* A13 */
		{HEAD "files:\n" FILE_LINE("o/b") FILE_LINE("o/a"), R_DOCUMENT_FORM},
		{HEAD "files:\n" FILE_LINE("o") FILE_LINE("o/a"), R_NAME},
		{HEAD "files:\n" FILE_LINE("o/a") FILE_LINE("o/a.b") FILE_LINE("o/a/b"), R_NAME},
		{HEAD "files:\n  - {path: \"o/a\", link: \"b\"}\n" FILE_LINE("o/a/b"), R_NAME},
		{HEAD "files:\n  - {path: \"o/a\", dir: true}\n" FILE_LINE("o/a/b"), R_NAME},
		{HEAD "files:\n" FILE_LINE("o/a") FILE_LINE("o/a.b") FILE_LINE("o/ab"), 0},
		{HEAD "files:\n  - {path: \"o/l\", link: \"../../x\"}\n", 0},
		{HEAD "files:\n  - {path: \"o/l\", link: \"../../../x\"}\n", R_NAME},
		{HEAD "files:\n  - {path: \"o/l\", link: \"/x\"}\n", R_NAME},
		{HEAD "files:\n  - {path: \"o/l\", link: \"\"}\n", R_NAME},
		{HEAD "files:\n  - {path: \"o/l\", dir: false}\n", R_DOCUMENT_FORM},
		{HEAD "files:\n  - {path: \"o/l\"}\n", R_DOCUMENT_FORM},
		{HEAD "files:\n  - {path: \"o/l\", link: \"x\", dir: true}\n", R_DOCUMENT_FORM},
		{HEAD "files:\n  - {path: \"o/l\", exec: true, link: \"x\"}\n", R_DOCUMENT_FORM},
		{HEAD "files:\n  - {path: \"o\", size: 7}\n", R_DOCUMENT_FORM},
		{HEAD "files:\n  - {path: \"o\", size: 7, sha256: " DIGEST "}\n", R_DOCUMENT_FORM},
		{HEAD "files:\n  - {path: \"o\", size: 7, sha256: " DIGEST ", mtime: 2026-11-20T08:00:00Z, exec: false}\n",
		 R_DOCUMENT_FORM},
		{HEAD "files:\n  - {path: \"o\", size: 07, sha256: " DIGEST ", mtime: 2026-11-20T08:00:00Z}\n", R_DOCUMENT_FORM},
		{HEAD "files:\n  - {path: \"o\", size: 1125899906842625, sha256: " DIGEST ", mtime: 2026-11-20T08:00:00Z}\n",
		 R_DOCUMENT_FORM},
		{HEAD "files:\n  - {path: \"o\", sha256: " DIGEST ", size: 7, mtime: 2026-11-20T08:00:00Z}\n", R_DOCUMENT_FORM},
		{HEAD "files:\n  - {path: \"o\", size: 7, size: 7, sha256: " DIGEST ", mtime: 2026-11-20T08:00:00Z}\n",
		 R_DOCUMENT_FORM},
		{HEAD "files:\n  - {path: \"o\", size: 7, sha256: " DIGEST ", mtime: 2026-11-20T08:00:00Z, mode: 4755}\n",
		 R_DOCUMENT_FORM},
		{HEAD "files:\n  - {path: \"o\\x2f\", dir: true}\n", R_DOCUMENT_FORM},
		{HEAD "files:\n  - {path: \"o\", dir: true}", R_DOCUMENT_FORM},
		{HEAD "files:\n  - {path: \"o\", dir: true}\nparts: []\n", R_DOCUMENT_FORM},
		{HEAD "parts:\n  - {first: \"o/a\", records: 1024, sha256: " DIGEST ", size: 9}\n"
		      "  - {first: \"o/b\", records: 1, sha256: " DIGEST ", size: 9}\n", 0},
		{HEAD "parts:\n  - {first: \"o/a\", records: 1023, sha256: " DIGEST ", size: 9}\n"
		      "  - {first: \"o/b\", records: 1, sha256: " DIGEST ", size: 9}\n", R_DOCUMENT_FORM},
		{HEAD "parts:\n  - {first: \"o/a\", records: 1025, sha256: " DIGEST ", size: 9}\n", R_DOCUMENT_FORM},
		{HEAD "parts:\n  - {first: \"o/a\", records: 1024, sha256: " DIGEST ", size: 9}\n"
		      "  - {first: \"o/b\", records: 0, sha256: " DIGEST ", size: 9}\n", R_DOCUMENT_FORM},
		{HEAD "parts:\n  - {first: \"o/b\", records: 1024, sha256: " DIGEST ", size: 9}\n"
		      "  - {first: \"o/a\", records: 1, sha256: " DIGEST ", size: 9}\n", R_DOCUMENT_FORM},
		{HEAD "parts:\n  - {first: \"o/a\", records: 1024, sha256: " DIGEST ", size: 9}\n"
		      "  - {first: \"o/a/b\", records: 1, sha256: " DIGEST ", size: 9}\n", R_NAME},
		{HEAD "parts:\n  - {first: \"p/a\", records: 1024, sha256: " DIGEST ", size: 9}\n"
		      "  - {first: \"p/b\", records: 1, sha256: " DIGEST ", size: 9}\n", R_NAME},
		{HEAD "parts:\n  - {first: \"o/a\", records: 1024, sha256: " DIGEST ", size: 8388609}\n"
		      "  - {first: \"o/b\", records: 1, sha256: " DIGEST ", size: 9}\n", R_DOCUMENT_FORM},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		expect_document(&contents_schema, cases[i].text, cases[i].reason);
	expect_document(&contents_part_schema, "satchel: contents-part/1\nfiles:\n" FILE_LINE("o"), 0);
	expect_document(&contents_part_schema, "satchel: contents-part/1\nfiles: []\n", R_DOCUMENT_FORM);
	expect_document(&contents_part_schema, "satchel: contents-part/1\nitem: \"o\"\nfiles:\n" FILE_LINE("o"), R_DOCUMENT_FORM);
	expect_document(&contents_part_schema, "satchel: contents-part/1\nfiles:\n" FILE_LINE("o") FILE_LINE("o/a"), R_NAME);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths), cmocka_unit_test(published_paths), cmocka_unit_test(links),
		cmocka_unit_test(kinds), cmocka_unit_test(equality), cmocka_unit_test(documents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

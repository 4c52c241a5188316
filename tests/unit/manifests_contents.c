/*
 * Contents lists: records, documents and their parts, and reading with everything that must be refused. Comparing, and
 * what it all costs, stand in manifests_contents_diff.c.
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
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/path.h"
#include "manifests/contents.h"
#include "manifests/limits.h"
#include "manifests/reason.h"
#include "tests/unit/store.h"

static struct digest put_text(struct store *s, const char *text)
{
	struct digest d;
	struct err e = {0};

	digest_of(text, strlen(text), &d, &e);
	put(s, &d, text, strlen(text), &e);
	return d;
}

/* ---- records ---- */

static char *word(const char *s)
{
	return (char *)(uintptr_t)s;
}

static struct record file_record(const char *path)
{
	struct record r = {.path = word(path), .has_file = true, .has_sha256 = true, .has_mtime = true, .size = 7,
			   .mtime = 1763805600};

	return r;
}

static struct record link_record(const char *path, const char *target)
{
	struct record r = {.path = word(path), .link = word(target)};

	return r;
}

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

static const char small[] =
	"satchel: contents/1\n"
	"item: \"pool/o/openssl\"\n"
	"files:\n"
	"  - {path: \"openssl/bin/run\", size: 10, sha256: " DIGEST ", mtime: 2026-11-20T08:00:00Z, exec: true}\n"
	"  - {path: \"openssl/empty\", dir: true}\n"
	"  - {path: \"openssl/latest\", link: \"libssl3_\\\"\\\\.deb\"}\n"
	FILE_LINE("openssl/libssl3_3.0.19_amd64.deb");

static void round_trip(void **state)
{
	struct record records[] = {file_record("openssl/bin/run"), {.path = word("openssl/empty"), .dir = true},
				   link_record("openssl/latest", "libssl3_\"\\.deb"),
				   file_record("openssl/libssl3_3.0.19_amd64.deb")};
	struct store *s = open_store();
	struct err e = {0};
	struct contents_writer *w = contents_writer_open("pool/o/openssl", put, s, &e);
	struct contents_reader *r;
	struct contents_ref ref;
	struct buf b = {0};
	const struct record *got;
	size_t n;

	(void)state;
	records[0].exec = true;
	records[0].size = 10;
	for (size_t i = 0; i < 4; i++) {
		digest_parse(DIGEST, DIGEST_HEX, &records[i].sha256);
		records[i].mtime = 1795161600;
		assert_int_equal(contents_writer_add(w, &records[i], &e), 0);
	}
	assert_int_equal(contents_writer_finish(w, &ref, &e), 0);
	contents_writer_free(w);
	assert_int_equal(s->documents, 1);
	assert_int_equal(ref.size, strlen(small));
	assert_int_equal(ref.files, 2);
	assert_int_equal(ref.bytes, 17);
	fetch(s, &ref.sha256, ref.size, &b, &e);
	assert_memory_equal(b.data, small, b.len);
	buf_free(&b);

	assert_int_equal(contents_reader_open(&ref, "pool/o/openssl", fetch, s, &r, &e), 0);
	assert_null(contents_reader_parts(r, &n));
	assert_int_equal(n, 0);
	for (size_t i = 0; i < 4; i++) {
		assert_string_equal(contents_reader_peek(r), records[i].path);
		assert_null(contents_reader_ahead(r));
		assert_int_equal(contents_reader_next(r, &got, &e), 1);
		assert_true(record_equal(got, &records[i]));
	}
	assert_null(contents_reader_peek(r));
	assert_int_equal(contents_reader_skip(r, &e), -1);
	err_clear(&e);
	assert_int_equal(contents_reader_next(r, &got, &e), 0);
	contents_reader_close(r);
	contents_reader_close(NULL);
	contents_writer_free(NULL);
	close_store(s);
}

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

/* ---- cuts ---- */

static bool cuts(const char *path)
{
	struct err e = {0};
	struct digest_ctx *ctx = digest_open(&e);
	struct digest d;
	bool cut;

	assert_int_equal(contents_cut(ctx, path, &cut, &e), 0);
	digest_close(ctx);
	digest_of(path, strlen(path), &d, &e);	/* the rule in other words */
	assert_int_equal(cut, d.bytes[31] == 0 && d.bytes[30] % 2 == 0);
	return cut;
}

/* n names "o/xNNNNNN" in order; cut (or not) after those whose index `want` says: -1 nowhere, else after that one. */
static char (*names_cut_at(size_t n, long want))[16]
{
	char (*names)[16] = calloc(n, sizeof *names);
	unsigned number = 0;

	for (size_t i = 0; i < n; i++)
		do
			snprintf(names[i], sizeof *names, "o/x%07u", number++);
		while (cuts(names[i]) != ((long)i == want));
	return names;
}

static struct contents_ref write_names(struct store *s, char (*names)[16], size_t n)
{
	struct err e = {0};
	struct contents_writer *w = contents_writer_open("o", put, s, &e);
	struct contents_ref ref;

	for (size_t i = 0; i < n; i++) {
		struct record r = file_record(names[i]);

		assert_int_equal(contents_writer_add(w, &r, &e), 0);
	}
	if (contents_writer_finish(w, &ref, &e) == -1)
		fail_msg("%s", e.text);
	assert_int_equal(ref.files, n);
	contents_writer_free(w);
	return ref;
}

/* Reads to the end: the reason, 0 where all is well. *n: records read. */
static int read_all(struct store *s, const struct contents_ref *ref, const char *item, size_t *n)
{
	struct contents_reader *r = NULL;
	const struct record *record;
	struct err e = {0};
	int rc = contents_reader_open(ref, item, fetch, s, &r, &e);

	*n = 0;
	while (rc == 0 && (rc = contents_reader_next(r, &record, &e)) == 1) {
		rc = 0;
		++*n;
	}
	if (rc == -1 && r != NULL) {	/* and it stays refused */
		struct err again = {0};

		assert_int_equal(contents_reader_next(r, &record, &again), -1);
	}
	contents_reader_close(r);
	assert_int_equal(rc == -1, e.reason != 0);
	return rc == -1 ? e.reason : 0;
}

static void expect_parts(size_t n, long cut, size_t parts, const size_t *sizes)
{
	char (*names)[16] = names_cut_at(n, cut);
	struct store *s = open_store();
	struct contents_ref ref = write_names(s, names, n);
	const struct contents_part *list;
	struct contents_reader *r;
	struct err e = {0};
	size_t got, at = 0;

	assert_int_equal(s->documents, parts + 1);
	assert_int_equal(contents_reader_open(&ref, "o", fetch, s, &r, &e), 0);
	list = contents_reader_parts(r, &got);
	assert_int_equal(got, parts);
	for (size_t i = 0; i < got; i++) {
		assert_int_equal(list[i].records, sizes[i]);
		assert_string_equal(list[i].first, names[at]);
		at += sizes[i];
	}
	contents_reader_close(r);
	assert_int_equal(read_all(s, &ref, "o", &got), 0);
	assert_int_equal(got, n);
	close_store(s);
	free(names);
}

static void cut_rule(void **state)
{
	(void)state;
	expect_parts(1, -1, 0, NULL);
	expect_parts(1, 0, 0, NULL);
	expect_parts(MAX_PART_RECORDS, -1, 0, NULL);	/* at the limit: no parts, wherever a cut might be */
	expect_parts(MAX_PART_RECORDS, 5, 0, NULL);
	expect_parts(MAX_PART_RECORDS, MAX_PART_RECORDS - 1, 0, NULL);
	expect_parts(MAX_PART_RECORDS + 1, -1, 2, (const size_t[]){1024, 1});
	expect_parts(MAX_PART_RECORDS + 1, 0, 2, (const size_t[]){1, 1024});
	expect_parts(MAX_PART_RECORDS + 1, 5, 2, (const size_t[]){6, 1019});
	expect_parts(MAX_PART_RECORDS + 1, 1023, 2, (const size_t[]){1024, 1});
	expect_parts(MAX_PART_RECORDS + 1, 1024, 2, (const size_t[]){1024, 1});
	expect_parts(2048, -1, 2, (const size_t[]){1024, 1024});
	expect_parts(2049, 1500, 3, (const size_t[]){1024, 477, 548});
	expect_parts(3072, 10, 4, (const size_t[]){11, 1024, 1024, 1013});
}

/* ---- documents of a signer who lies ---- */

static size_t put_part(struct store *s, struct buf *list, char (*names)[16], size_t n, const char *first)
{
	struct buf b = {0};
	struct contents_part part = {.first = word(first != NULL ? first : names[0]), .records = n, .size = 0};

	buf_puts(&b, "satchel: contents-part/1\nfiles:\n");
	for (size_t i = 0; i < n; i++) {
		struct record r = file_record(names[i]);

		schema_encode_record(&record_schema, &r, &b);
	}
	part.sha256 = put_text(s, (char *)b.data);
	part.size = b.len;
	schema_encode_record(&contents_part_ref_schema, &part, list);
	buf_free(&b);
	return n;
}

static int read_list(struct store *s, struct buf *list, uint64_t files)
{
	struct contents_ref ref = {.size = list->len, .files = files, .bytes = files * 7};
	size_t n;
	int reason;

	ref.sha256 = put_text(s, (char *)list->data);
	reason = read_all(s, &ref, "o", &n);
	buf_clear(list);
	buf_puts(list, "satchel: contents/1\nitem: \"o\"\nparts:\n");
	return reason;
}

static void join(char out[16], const char *name, const char *tail)
{
	char copy[16];

	memcpy(copy, name, sizeof copy);
	snprintf(out, 16, "%.12s%s", copy, tail);
}

static void other_cuts(void **state)
{
	enum { N = 1200 };
	char (*names)[16] = names_cut_at(N, 600), (*plain)[16] = names_cut_at(N, -1), keep[16];
	struct store *s = open_store();
	struct buf list = {0};

	(void)state;
	buf_puts(&list, "satchel: contents/1\nitem: \"o\"\nparts:\n");
	put_part(s, &list, names, 601, NULL);	/* as it must be */
	put_part(s, &list, names + 601, N - 601, NULL);
	assert_int_equal(read_list(s, &list, N), 0);
	put_part(s, &list, names, 600, NULL);	/* too early */
	put_part(s, &list, names + 600, N - 600, NULL);
	assert_int_equal(read_list(s, &list, N), R_DOCUMENT_FORM);
	put_part(s, &list, names, 602, NULL);	/* too late */
	put_part(s, &list, names + 602, N - 602, NULL);
	assert_int_equal(read_list(s, &list, N), R_DOCUMENT_FORM);
	put_part(s, &list, names, 601, NULL);	/* once more than needed */
	put_part(s, &list, names + 601, 300, NULL);
	put_part(s, &list, names + 901, N - 901, NULL);
	assert_int_equal(read_list(s, &list, N), R_DOCUMENT_FORM);
	put_part(s, &list, plain, 1024, NULL);	/* by count */
	put_part(s, &list, plain + 1024, N - 1024, NULL);
	assert_int_equal(read_list(s, &list, N), 0);
	put_part(s, &list, plain, 1023, NULL);
	put_part(s, &list, plain + 1023, N - 1023, NULL);
	assert_int_equal(read_list(s, &list, N), R_DOCUMENT_FORM);
	put_part(s, &list, names, 601, NULL);	/* a list that needs no parts */
	put_part(s, &list, names + 601, 100, NULL);
	assert_int_equal(read_list(s, &list, 701), R_DOCUMENT_FORM);

	put_part(s, &list, names, 601, NULL);	/* `first` and `records` that lie */
	put_part(s, &list, names + 601, N - 601, "o/y");
	assert_int_equal(read_list(s, &list, N), R_DOCUMENT_FORM);
	put_part(s, &list, names, 601, NULL);
	put_part(s, &list, names + 601, N - 601, NULL);
	*(strstr(strstr((char *)list.data, "records") + 10, "records: 599") + 11) = '8';
	assert_int_equal(read_list(s, &list, N), R_DOCUMENT_FORM);

	memcpy(keep, names[601], sizeof keep);	/* order across parts: the second begins within the first */
	join(names[601], names[300], "!");
	put_part(s, &list, names, 601, NULL);
	put_part(s, &list, names + 601, N - 601, NULL);
	assert_int_equal(read_list(s, &list, N), R_DOCUMENT_FORM);
	memcpy(names[601], names[600], sizeof keep);	/* a record twice */
	put_part(s, &list, names, 601, NULL);
	put_part(s, &list, names + 601, N - 601, NULL);
	assert_int_equal(read_list(s, &list, N), R_DOCUMENT_FORM);
	join(names[601], names[600], "/b");	/* below the last of the part before */
	put_part(s, &list, names, 601, NULL);
	put_part(s, &list, names + 601, N - 601, NULL);
	assert_int_equal(read_list(s, &list, N), R_NAME);
	join(names[601], names[600], ".b");	/* and with others between them */
	join(names[602], names[600], "/b");
	put_part(s, &list, names, 601, NULL);
	put_part(s, &list, names + 601, N - 601, NULL);
	assert_int_equal(read_list(s, &list, N), R_NAME);
	buf_free(&list);
	close_store(s);
	free(names);
	free(plain);
}

/* Other bytes, sizes, items and counts than those approved. */
static void other_documents(void **state)
{
	char (*names)[16] = names_cut_at(1200, 600);
	struct store *s = open_store();
	struct contents_ref ref = write_names(s, names, 1200), bad;
	struct slot *slot;
	size_t n, seen = 0;

	(void)state;
	put_text(s, "so that there is a byte behind each document\n");
	assert_int_equal(read_all(s, &ref, "o", &n), 0);
	assert_int_equal(n, 1200);
	assert_int_equal(read_all(s, &ref, "p", &n), R_DOCUMENT_FORM);
	bad = ref;
	bad.files++;
	assert_int_equal(read_all(s, &bad, "o", &n), R_DOCUMENT_FORM);
	bad = ref;
	bad.bytes--;
	assert_int_equal(read_all(s, &bad, "o", &n), R_DOCUMENT_FORM);
	bad = ref;
	bad.size = MAX_CONTENTS_SIZE + 1;
	assert_int_equal(read_all(s, &bad, "o", &n), R_DOCUMENT_TOO_LARGE);
	for (size_t i = 0; i < SLOTS; i++) {	/* each document a byte further on */
		slot = &s->slots[i];
		if (!slot->used || slot->at + slot->size == s->end)
			continue;
		seen++;
		slot->at++;
		assert_int_equal(read_all(s, &ref, "o", &n), R_OBJECT_DIGEST);
		slot->at--;
	}
	assert_int_equal(seen, 3);
	assert_int_equal(read_all(s, &ref, "o", &n), 0);
	close_store(s);
	free(names);
}

static int short_fetch(void *arg, const struct digest *d, uint64_t size, struct buf *out, struct err *e)
{
	int rc = fetch(arg, d, size, out, e);

	out->len--;
	return rc;
}

static int failing_fetch(void *arg, const struct digest *d, uint64_t size, struct buf *out, struct err *e)
{
	struct store *s = arg;

	return s->fetched > 0 ? err_set(e, ERR_IO, "gone") : fetch(arg, d, size, out, e);
}

static void fetches_that_fail(void **state)
{
	char (*names)[16] = names_cut_at(1200, 600);
	struct store *s = open_store();
	struct contents_ref ref = write_names(s, names, 1200);
	struct contents_reader *r;
	const struct record *record;
	struct err e = {0};

	(void)state;
	assert_int_equal(contents_reader_open(&ref, "o", short_fetch, s, &r, &e), -1);
	assert_int_equal(e.reason, R_OBJECT_DIGEST);
	assert_null(r);
	err_clear(&e);
	s->fetched = 0;
	assert_int_equal(contents_reader_open(&ref, "o", failing_fetch, s, &r, &e), 0);
	assert_int_equal(contents_reader_next(r, &record, &e), -1);	/* at the very first part */
	assert_int_equal(e.reason, ERR_IO);
	contents_reader_close(r);
	close_store(s);
	free(names);
}

static void missing(void **state)
{
	char (*names)[16] = names_cut_at(3072, 10);	/* 11, 1024, 1024, 1013 */
	struct store *s = open_store();
	struct contents_ref ref = write_names(s, names, 3072);
	const struct contents_part *parts;
	struct contents_reader *r;
	const struct record *record;
	struct err e = {0};
	size_t n, parts_n;
	int rc;

	(void)state;
	find(s, &ref.sha256)->hidden = true;
	assert_int_equal(contents_reader_open(&ref, "o", fetch, s, &r, &e), 1);
	assert_null(r);
	find(s, &ref.sha256)->hidden = false;
	assert_int_equal(contents_reader_open(&ref, "o", fetch, s, &r, &e), 0);
	parts = contents_reader_parts(r, &parts_n);
	find(s, &parts[1].sha256)->hidden = true;
	find(s, &parts[3].sha256)->hidden = true;
	for (n = 0; (rc = contents_reader_next(r, &record, &e)) == 1; n++)
		assert_string_equal(record->path, names[n]);
	assert_int_equal(rc, 2);
	assert_null(record);
	assert_ptr_equal(contents_reader_part(r), &parts[1]);
	assert_int_equal(n, 11);
	for (; (rc = contents_reader_next(r, &record, &e)) == 1; n++)
		assert_string_equal(record->path, names[n + 1024]);
	assert_int_equal(rc, 2);
	assert_ptr_equal(contents_reader_part(r), &parts[3]);
	assert_int_equal(n, 11 + 1024);
	assert_int_equal(contents_reader_next(r, &record, &e), 0);
	contents_reader_close(r);
	close_store(s);
	free(names);
}

/* Order is judged across a gap: what comes after it lies behind the first record of what is missing. */
static void order_across_gap(void **state)
{
	char (*names)[16] = names_cut_at(3072, 10), below[16];
	struct store *s = open_store();
	struct buf list = {0};
	struct contents_reader *r;
	struct contents_ref ref;
	const struct record *record;
	struct err e = {0};
	size_t n;
	int rc;

	(void)state;
	join(below, names[11], "/b");	/* in the third part, below the first of the second */
	buf_puts(&list, "satchel: contents/1\nitem: \"o\"\nparts:\n");
	put_part(s, &list, names, 11, NULL);
	put_part(s, &list, names + 11, 1024, NULL);
	snprintf(names[1035 + 500], sizeof *names, "%s", below);
	put_part(s, &list, names + 1035, 1024, NULL);
	put_part(s, &list, names + 2059, 1013, NULL);
	ref = (struct contents_ref){.sha256 = put_text(s, (char *)list.data), .size = list.len, .files = 3072};
	assert_int_equal(contents_reader_open(&ref, "o", fetch, s, &r, &e), 0);
	find(s, &contents_reader_parts(r, &n)[1].sha256)->hidden = true;
	for (n = 0; (rc = contents_reader_next(r, &record, &e)) == 1; n++)
		;
	assert_int_equal(rc, 2);
	assert_int_equal(contents_reader_next(r, &record, &e), -1);
	assert_true(e.reason == R_DOCUMENT_FORM || e.reason == R_NAME);
	contents_reader_close(r);
	buf_free(&list);
	close_store(s);
	free(names);
}

/* ---- writing what must not be written ---- */

static void writer_refuses(void **state)
{
	struct store *s = open_store();
	struct err e = {0};
	struct contents_writer *w = contents_writer_open("o", put, s, &e);
	struct contents_ref ref;
	struct record a = file_record("o/a"), again = a, before = file_record("o/0"), below = file_record("o/a/b"),
		      outside = file_record("p"), after = file_record("o/b");

	(void)state;
	assert_int_equal(contents_writer_finish(w, &ref, &e), -1);	/* nothing in it */
	err_clear(&e);
	contents_writer_free(w);
	w = contents_writer_open("o", put, s, &e);
	assert_int_equal(contents_writer_add(w, &a, &e), 0);
	assert_int_equal(contents_writer_add(w, &again, &e), -1);
	assert_int_equal(e.reason, R_DOCUMENT_FORM);
	err_clear(&e);
	assert_int_equal(contents_writer_add(w, &before, &e), -1);
	assert_int_equal(e.reason, R_DOCUMENT_FORM);
	err_clear(&e);
	assert_int_equal(contents_writer_add(w, &below, &e), -1);
	assert_int_equal(e.reason, R_NAME);
	err_clear(&e);
	assert_int_equal(contents_writer_add(w, &outside, &e), -1);
	assert_int_equal(e.reason, R_NAME);
	err_clear(&e);
	assert_int_equal(contents_writer_add(w, &after, &e), 0);	/* those have changed nothing */
	assert_int_equal(contents_writer_finish(w, &ref, &e), 0);
	assert_int_equal(ref.files, 2);
	assert_int_equal(contents_writer_add(w, &after, &e), -1);	/* it has ended */
	err_clear(&e);
	assert_int_equal(contents_writer_finish(w, &ref, &e), -1);
	contents_writer_free(w);
	close_store(s);
}

static int refusing_put(void *arg, const struct digest *d, const void *data, size_t len, struct err *e)
{
	(void)arg, (void)d, (void)data, (void)len;
	return err_set(e, ERR_NO_SPACE, "full");
}

static void put_that_fails(void **state)
{
	char (*names)[16] = names_cut_at(1025, 600);
	struct err e = {0};
	struct contents_writer *w = contents_writer_open("o", refusing_put, NULL, &e);
	struct contents_ref ref;
	int rc = 0;

	(void)state;
	for (size_t i = 0; i < 1025; i++) {
		struct record r = file_record(names[i]);

		assert_int_equal(rc, 0);
		rc = contents_writer_add(w, &r, &e);
	}
	assert_int_equal(rc, -1);	/* the 1,025th says that the list has parts */
	assert_int_equal(e.reason, ERR_NO_SPACE);
	err_clear(&e);
	assert_int_equal(contents_writer_finish(w, &ref, &e), -1);
	contents_writer_free(w);
	free(names);
}

/* Names as long as they may be make parts larger than a part may be: refused, not written. */
static void giant_part(void **state)
{
	struct store *s = open_store();
	struct err e = {0};
	struct contents_writer *w = contents_writer_open("o", put, s, &e);
	char path[PATH_MAX_LEN + 1], target[PATH_MAX_LEN + 1];
	int rc = 0, n;

	(void)state;
	for (size_t i = 0; i < PATH_MAX_LEN; i++)
		path[i] = target[i] = i % 200 == 1 ? '/' : '\\';
	path[PATH_MAX_LEN] = target[PATH_MAX_LEN] = '\0';
	path[0] = 'o';
	for (n = 0; rc == 0 && n < 3000; n++) {
		char digits[12];
		struct record r = link_record(path, target);

		snprintf(digits, sizeof digits, "%06d", n);
		memcpy(path + PATH_MAX_LEN - 6, digits, 6);
		rc = contents_writer_add(w, &r, &e);
	}
	assert_int_equal(rc, -1);
	assert_int_equal(e.reason, R_DOCUMENT_TOO_LARGE);
	contents_writer_free(w);
	close_store(s);
}

/* ---- comparing that does not come to its end ---- */

static int stop(void *arg, const struct record *was, const struct record *is, struct err *e)
{
	(void)arg, (void)was, (void)is;
	return err_set(e, R_NOT_APPROVED, "stop");
}

static void diff_that_ends(void **state)
{
	char (*names)[16] = names_cut_at(3072, 10);
	struct store *s = open_store();
	struct contents_ref from = write_names(s, names, 3072), to;
	struct contents_reader *a, *b;
	struct err e = {0};
	size_t n;

	(void)state;
	snprintf(names[2000] + strlen(names[2000]), 3, "!");
	to = write_names(s, names, 3072);
	assert_int_equal(contents_reader_open(&from, "o", fetch, s, &a, &e), 0);
	assert_int_equal(contents_reader_open(&to, "o", fetch, s, &b, &e), 0);
	assert_int_equal(contents_diff(a, b, stop, NULL, &e), -1);
	assert_int_equal(e.reason, R_NOT_APPROVED);
	contents_reader_close(a);
	contents_reader_close(b);
	err_clear(&e);
	assert_int_equal(contents_reader_open(&from, "o", fetch, s, &a, &e), 0);
	assert_int_equal(contents_reader_open(&to, "o", fetch, s, &b, &e), 0);
	find(s, &contents_reader_parts(b, &n)[2].sha256)->hidden = true;
	assert_int_equal(contents_diff(a, b, stop, NULL, &e), -1);
	assert_int_equal(e.reason, R_OBJECT_MISSING);
	contents_reader_close(a);
	contents_reader_close(b);
	close_store(s);
	free(names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths), cmocka_unit_test(published_paths), cmocka_unit_test(links), cmocka_unit_test(kinds),
		cmocka_unit_test(equality), cmocka_unit_test(round_trip), cmocka_unit_test(documents),
		cmocka_unit_test(cut_rule), cmocka_unit_test(other_cuts), cmocka_unit_test(other_documents),
		cmocka_unit_test(fetches_that_fail), cmocka_unit_test(missing), cmocka_unit_test(order_across_gap),
		cmocka_unit_test(writer_refuses), cmocka_unit_test(put_that_fails), cmocka_unit_test(giant_part),
		cmocka_unit_test(diff_that_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Writing contents lists: bytes, where they are cut, and what is not written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/path.h"
#include "manifests/contents.h"
#include "manifests/limits.h"
#include "manifests/reason.h"
#include "tests/unit/store.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip), cmocka_unit_test(cut_rule), cmocka_unit_test(writer_refuses),
		cmocka_unit_test(put_that_fails), cmocka_unit_test(giant_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

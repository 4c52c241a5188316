/*
 * Reading contents lists: documents of a signer who lies, documents that are not there, fetches that fail.
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
#include "manifests/contents.h"
#include "manifests/limits.h"
#include "manifests/reason.h"
#include "tests/unit/store.h"

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

static int count_part(void *arg, const struct contents_part *p, struct err *e)
{
	size_t *n = arg;

	if (p->records == 0)
		return err_set(e, ERR_INTERNAL, "no part");
	++*n;
	return *n == 100 ? -1 : 0;
}

/* Of a list that holds its records itself none, and nothing but the digest is looked at; its bytes must be right in any case. */
static void parts_alone(void **state)
{
	char (*names)[16] = names_cut_at(3072, 10);	/* four parts */
	struct store *s = open_store();
	struct contents_ref ref = write_names(s, names, 3072), small = write_names(s, names, 11), bad;
	struct err e = {0};
	size_t n = 0;

	(void)state;
	assert_int_equal(contents_parts(&ref, "o", fetch, s, count_part, &n, &e), 0);
	assert_int_equal(n, 4);
	n = 98;
	assert_int_equal(contents_parts(&ref, "o", fetch, s, count_part, &n, &e), -1);
	assert_int_equal(n, 100);
	n = 0;
	assert_int_equal(contents_parts(&small, "another", fetch, s, count_part, &n, &e), 0);
	assert_int_equal(contents_parts(&ref, "another", fetch, s, count_part, &n, &e), -1);
	assert_int_equal(e.reason, R_DOCUMENT_FORM);
	err_clear(&e);
	bad = (struct contents_ref){.sha256 = put_text(s, "satchel: contents/1"), .size = 19};
	assert_int_equal(contents_parts(&bad, "o", fetch, s, count_part, &n, &e), -1);
	err_clear(&e);
	find(s, &small.sha256)->hidden = true;
	assert_int_equal(contents_parts(&small, "o", fetch, s, count_part, &n, &e), 1);
	assert_int_equal(n, 0);
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
		cmocka_unit_test(other_cuts), cmocka_unit_test(other_documents),
		cmocka_unit_test(fetches_that_fail), cmocka_unit_test(missing),
		cmocka_unit_test(parts_alone), cmocka_unit_test(order_across_gap), cmocka_unit_test(diff_that_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Contents lists with their parts, read as streams, and compared: sections are parts and lists, the last two lists are
 * compared with each other.
 */
#include <stdlib.h>
#include <string.h>

#include "manifests/contents.h"
#include "tests/fuzz/kit/fuzz.h"
#include "tests/fuzz/kit/sections.h"

#define ITEM "pool/a"

static int fetch(void *arg, const struct digest *d, uint64_t size, struct buf *out, struct err *e)
{
	const struct section *s = sections_object(arg, d);

	if (s == NULL)
		return 1;
	if (s->bytes.len != size)
		return err_set(e, ERR_FORM, "an object of another size");
	buf_append(out, s->bytes.data, s->bytes.len);
	return 0;
}

/* Reads it all; fills in what ref must say. 1 where it is good, 0 where parts are missing, -1. */
static int read_all(struct sections *s, struct contents_ref *ref)
{
	struct contents_reader *r = NULL;
	const struct record *record;
	uint64_t files = 0, bytes = 0;
	char last[8192] = "";
	struct err e = {0};
	bool whole = true;
	int rc = contents_reader_open(ref, ITEM, fetch, s, &r, &e);

	while (rc == 0 && (rc = contents_reader_next(r, &record, &e)) > 0) {
		whole = whole && rc == 1;
		if (rc == 1) {
			MUST(record_check(record, ITEM, &e) == 0 && strcmp(last, record->path) < 0);
			memcpy(last, record->path, strlen(record->path) + 1);
			files += record->has_file;
			bytes += record->size;
		}
		rc = 0;
	}
	if (rc == -1)
		fuzz_refused(&e);
	contents_reader_close(r);
	if (rc == 0 && whole)
		MUST(ref->files == files && ref->bytes == bytes);
	ref->files = files;
	ref->bytes = bytes;
	return rc == 0 ? whole : rc;
}

static int count(void *arg, const struct record *was, const struct record *is, struct err *e)
{
	size_t *n = arg;

	(void)e;
	MUST(was != NULL || is != NULL);
	MUST(was == NULL || is == NULL || !record_equal(was, is));
	(*n)++;
	return 0;
}

static size_t compare(struct sections *s, const struct contents_ref *a, const struct contents_ref *b)
{
	struct contents_reader *old = NULL, *new = NULL;
	struct err e = {0};
	size_t n = 0;

	MUST(contents_reader_open(a, ITEM, fetch, s, &old, &e) == 0 && contents_reader_open(b, ITEM, fetch, s, &new, &e) == 0);
	MUST(contents_diff(old, new, count, &n, &e) == 0);
	contents_reader_close(old);
	contents_reader_close(new);
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct contents_ref good[2];
	struct sections s;
	size_t n = 0;

	sections_read(&s, data, len);
	for (size_t i = 0; i < s.n; i++) {
		struct contents_ref ref = {.sha256 = s.list[i].sha256, .size = s.list[i].bytes.len};

		if (ref.size > 0 && read_all(&s, &ref) != 0 && read_all(&s, &ref) == 1)
			good[n++ % 2] = ref;
	}
	if (n >= 2) {
		MUST(compare(&s, &good[0], &good[1]) == compare(&s, &good[1], &good[0]));
		MUST(compare(&s, &good[0], &good[0]) == 0);
	}
	sections_free(&s);
	return 0;
}

/*
 * For the tests of contents lists: a store of documents (on disk, so that the memory measured is the code's own), records,
 * and lists whose cuts are where a test wants them. Included after cmocka.h.
 */
#ifndef TESTS_UNIT_STORE_H
#define TESTS_UNIT_STORE_H

#include <stdio.h>
#include <stdlib.h>

#include "lib/buf.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "manifests/contents.h"

#define SLOTS 16384
struct slot {
	struct digest d;
	uint64_t at, size;
	bool used, hidden;
};
struct store {
	FILE *file;
	struct slot slots[SLOTS];
	size_t documents, put_new, fetched;
	uint64_t end;
};

static inline struct store *open_store(void)
{
	struct store *s = calloc(1, sizeof *s);

	assert_non_null(s);
	s->file = tmpfile();
	assert_non_null(s->file);
	return s;
}

static inline void close_store(struct store *s)
{
	fclose(s->file);
	free(s);
}

static inline struct slot *find(struct store *s, const struct digest *d)
{
	size_t i = ((size_t)d->bytes[0] << 8 | d->bytes[1]) % SLOTS;

	while (s->slots[i].used && !digest_equal(&s->slots[i].d, d))
		i = (i + 1) % SLOTS;
	return &s->slots[i];
}

static inline int put(void *arg, const struct digest *d, const void *data, size_t len, struct err *e)
{
	struct store *s = arg;
	struct slot *slot = find(s, d);
	struct digest own;

	assert_int_equal(digest_of(data, len, &own, e), 0);
	assert_true(digest_equal(&own, d));
	if (slot->used)
		return 0;
	*slot = (struct slot){.d = *d, .at = s->end, .size = len, .used = true};
	assert_int_equal(fseek(s->file, (long)s->end, SEEK_SET), 0);
	assert_int_equal(fwrite(data, 1, len, s->file), len);
	s->end += len;
	s->documents++;
	s->put_new++;
	return 0;
}

static inline int fetch(void *arg, const struct digest *d, uint64_t size, struct buf *out, struct err *e)
{
	struct store *s = arg;
	struct slot *slot = find(s, d);

	(void)e;
	s->fetched++;
	if (!slot->used || slot->hidden)
		return 1;
	assert_int_equal(size, slot->size);
	assert_int_equal(buf_reserve(out, slot->size), 0);
	assert_int_equal(fseek(s->file, (long)slot->at, SEEK_SET), 0);
	assert_int_equal(fread(out->data + out->len, 1, slot->size, s->file), slot->size);
	out->len += slot->size;
	return 0;
}

static inline struct digest put_text(struct store *s, const char *text)
{
	struct digest d;
	struct err e = {0};

	digest_of(text, strlen(text), &d, &e);
	put(s, &d, text, strlen(text), &e);
	return d;
}

static inline char *word(const char *s)
{
	return (char *)(uintptr_t)s;
}

static inline struct record file_record(const char *path)
{
	struct record r = {.path = word(path), .has_file = true, .has_sha256 = true, .has_mtime = true, .size = 7,
			   .mtime = 1763805600};

	return r;
}

static inline struct record link_record(const char *path, const char *target)
{
	struct record r = {.path = word(path), .link = word(target)};

	return r;
}

static inline bool cuts(const char *path)
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
static inline char (*names_cut_at(size_t n, long want))[16]
{
	char (*names)[16] = calloc(n, sizeof *names);
	unsigned number = 0;

	for (size_t i = 0; i < n; i++)
		do
			snprintf(names[i], sizeof *names, "o/x%07u", number++);
		while (cuts(names[i]) != ((long)i == want));
	return names;
}

static inline struct contents_ref write_names(struct store *s, char (*names)[16], size_t n)
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
static inline int read_all(struct store *s, const struct contents_ref *ref, const char *item, size_t *n)
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

#endif

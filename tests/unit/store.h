/*
 * A store of documents for the tests of contents lists: on disk, so that the memory measured is the code's own.
 */
#ifndef TESTS_UNIT_STORE_H
#define TESTS_UNIT_STORE_H

#include <stdio.h>
#include <stdlib.h>

#include "lib/buf.h"
#include "lib/digest.h"

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

#endif

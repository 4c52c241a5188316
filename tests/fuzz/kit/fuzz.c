/*
 * Checks that fuzz targets share (tests/fuzz/kit/fuzz.h).
 */
#include "tests/fuzz/kit/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/digest.h"
#include "lib/json.h"
#include "manifests/reason.h"
#include "manifests/schema.h"

static __attribute__((constructor)) void begin(void)
{
	struct err e = {0};

	MUST(digest_start(&e) == 0);
}

void fuzz_broken(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}

void fuzz_refused(struct err *e)
{
	MUST(e->reason != ERR_NONE && e->reason != ERR_INTERNAL && e->reason != ERR_MEMORY && e->text[0] != '\0');
	MUST(strcmp(reason_word(e->reason), "internal") != 0);
	if (getenv("FUZZ_TALK") != NULL)
		fprintf(stderr, "  %s (%s)\n", e->text, reason_word(e->reason));
	err_clear(e);
}

void fuzz_same(struct buf *again, const void *data, size_t len)
{
	MUST(!again->failed && again->len == len && memcmp(again->data, data, len) == 0);
	buf_free(again);
}

void fuzz_json(const struct schema *s, const void *value)
{
	struct buf line = {0};
	struct err e = {0};
	json_t *o = schema_json(s, value);

	MUST(o != NULL && json_line(o, &line, &e) == 0);
	json_decref(o);
	buf_free(&line);
}

void fuzz_document(const struct schema *s, const void *data, size_t len)
{
	void *value = calloc(1, s->size);
	struct arena a = {0};
	struct buf again = {0};
	struct err e = {0};

	MUST(value != NULL);
	if (schema_parse(s, data, len, value, &a, &e) == -1) {
		fuzz_refused(&e);
	} else {
		MUST(schema_encode(s, value, &again, &e) == 0);
		fuzz_same(&again, data, len);
		fuzz_json(s, value);
	}
	arena_free(&a);
	free(value);
}

void fuzz_config(const struct schema *s, const void *data, size_t len)
{
	void *value = calloc(1, s->size);
	struct arena a = {0};
	struct buf again = {0};
	struct err e = {0};

	MUST(value != NULL);
	if (schema_parse_config(s, data, len, value, &a, &e) == -1) {
		fuzz_refused(&e);
	} else if (schema_encode(s, value, &again, &e) == 0) {
		MUST(schema_parse_config(s, again.data, again.len, value, &a, &e) == 0);
	}
	buf_free(&again);
	arena_free(&a);
	free(value);
}

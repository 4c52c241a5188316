/*
 * Documents by table. A schema says which fields a document has, in which order and form, and where they stand in a
 * struct; from it come the strict parser, the canonical encoder and the JSON view. FORMAT.md section 2.
 *
 * Parsing takes the whole bytes of an authenticated document and refuses everything else than the one canonical
 * form: (1) byte scan (UTF-8, no forbidden code points, LF at the end), (2) type line compared as bytes, (3) the head
 * read by libyaml's events against the schema, then encoded again and compared, (4) lists of RECORDS, which come last,
 * by an exact scanner that accepts only what the encoder writes.
 */
#ifndef MANIFESTS_SCHEMA_H
#define MANIFESTS_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/json.h"

struct err;

/* How a field is written, and the C type it stands in. */
enum field_kind {
	FIELD_TEXT = 1,	/* "…"                     char *            min..max: length in bytes */
	FIELD_DIGEST,	/* 64 hex digits           struct digest */
	FIELD_NUMBER,	/* 123                     uint64_t          min..max */
	FIELD_TIME,	/* 2026-11-22T10:00:00Z    int64_t */
	FIELD_BOOL,	/* true or false           bool */
	FIELD_FLAG,	/* true, or absent         bool              always optional */
	FIELD_CHOICE,	/* one of `words`, plain   int               index into words */
	FIELD_TEXTS,	/* ["…", "…"]              char ** + size_t  min..max: length of each; max_count */
	FIELD_DIGESTS,	/* [hex, hex]              struct digest * + size_t */
	FIELD_MAP,	/* {a: 1, b: 2}            the struct itself */
	FIELD_MAPS,	/* [{…}, {…}]              struct * + size_t */
	FIELD_BLOCK,	/* indented block mapping  the struct itself */
	FIELD_RECORDS,	/* one flow mapping a line: "  - {…}"   struct * + size_t   last fields of a document only */
	FIELD_ENTRIES	/* a block mapping each:    "  - item: …\n    revision: …"  struct * + size_t */
};

struct schema;

struct field {
	const char *name;
	enum field_kind kind;
	size_t at;		/* offsetof the value */
	size_t count_at;	/* lists: offsetof the size_t count */
	bool optional;		/* absent: TEXT NULL, lists empty (then never written as []), FLAG false, others by present_at */
	size_t present_at;	/* optional NUMBER, TIME, DIGEST, MAP, BOOL, CHOICE: offsetof a bool; 0 otherwise */
	uint64_t min, max;	/* max 0: NUMBER up to MAX_SUM, text as long as the document allows */
	size_t max_count;	/* 0: as many as the document allows */
	const struct schema *sub;	/* MAP, MAPS, BLOCK, RECORDS, ENTRIES */
	const char *const *words;	/* CHOICE: NULL-terminated */
	int (*check)(const char *s, size_t len, struct err *e);	/* TEXT, TEXTS: further rule, or NULL */
};

struct schema {
	const char *type;	/* "manifest"; the type line is "satchel: manifest/1". NULL for a sub-schema */
	size_t size;		/* sizeof the struct */
	const struct field *fields;	/* ends with a zero row */
	int (*check)(const void *value, struct err *e);	/* rules between fields of one record or document, or NULL */
};

/*
 * Parses a whole document into out (of schema->size, zeroed by this function); strings and lists live in `a`.
 * Errors: R_DOCUMENT_TYPE, R_DOCUMENT_VERSION, R_DOCUMENT_FORM (with line and field), R_NAME, ERR_MEMORY.
 */
int schema_parse(const struct schema *s, const void *data, size_t len, void *out, struct arena *a, struct err *e);

/* The same for files that people write (station.yaml, store.yaml): comments, any order, spacing and quoting, block or
 * flow style; whatever is `optional` may be left out, also without present_at (then it stays zero), lists and blocks
 * may be left empty; unknown, repeated and missing fields are refused all the same. ERR_CONFIG. */
int schema_parse_config(const struct schema *s, const void *data, size_t len, void *out, struct arena *a, struct err *e);

/* Appends the canonical bytes of the whole document, type line included. */
int schema_encode(const struct schema *s, const void *in, struct buf *out, struct err *e);

/* For writers of long lists: everything up to the first RECORDS field; a list's opening ("files:\n" or "files: []\n");
 * one record's line ("  - {…}\n"). */
int schema_encode_head(const struct schema *s, const void *in, struct buf *out, struct err *e);
void schema_encode_list(const char *field, bool empty, struct buf *out);
void schema_encode_record(const struct schema *sub, const void *record, struct buf *out);

/* The document as a JSON object with the same names ("type" first), numbers as numbers, times and digests as text. */
json_t *schema_json(const struct schema *s, const void *in);

/* The type a document claims by its first line, without judging it: "manifest" into out; 0 or -1 (no type line). */
int schema_type_of(const void *data, size_t len, char out[32]);

#endif

/*
 * What the files of schema share among themselves; nobody else includes it.
 *
 *     schema.c         the type line; what a value must be; lists under construction
 *     schema_parse.c   whole documents: heads by libyaml against the table
 *     schema_scan.c    bytes, and lists of RECORDS, exactly
 *     schema_encode.c  the canonical form, and comparing with it
 *     schema_json.c    the JSON view
 */
#ifndef MANIFESTS_SCHEMA_IMPL_H
#define MANIFESTS_SCHEMA_IMPL_H

#include <string.h>

#include "lib/digest.h"
#include "manifests/schema.h"

struct err;

/* A field's place in its struct. */
static inline void *schema_at(void *base, size_t at)
{
	return (char *)base + at;
}
static inline const void *schema_at_const(const void *base, size_t at)
{
	return (const char *)base + at;
}
/* The elements of a list. Copied, since the field's own type is a pointer to something else. */
static inline const void *schema_pointer(const struct field *f, const void *value)
{
	const void *p;

	memcpy(&p, schema_at_const(value, f->at), sizeof(p));
	return p;
}

/* ---- schema.c ---- */

bool schema_is_list(const struct field *f);	/* has a count */
/* Whether a struct has this field, as the encoder sees it; and whether a strict document may lack it. */
bool schema_present(const struct field *f, const void *value);
bool schema_may_lack(const struct field *f);
void schema_set_present(const struct field *f, void *value);
size_t schema_field_count(const struct schema *s);
/* Index of the first of the RECORDS fields that end a document; their count may be 0. */
size_t schema_tail(const struct schema *s);
uint64_t schema_max_number(const struct field *f);

/* The first line of a strict document; *len: of that line with its LF. */
int schema_judge_type(const struct schema *s, const void *data, size_t size, size_t *len, struct err *e);
/* One text by length, code points and the field's own rule. */
int schema_judge_text(const struct field *f, const char *s, size_t len, struct err *e);
/* All of a struct, before it is encoded: what the parser would refuse. */
int schema_judge_value(const struct schema *s, const void *value, struct err *e);
/* Index of a word of a CHOICE, or -1. */
int schema_choice(const struct field *f, const char *s, size_t len);
/* Line that an offset stands in, from 1. */
unsigned schema_line(const void *data, size_t at);

/* A list while it is read: either grown in memory of its own and copied into the arena at the end, or, where the
 * number is known beforehand, placed there at once. Zeroed elements. */
struct schema_list {
	char *data;
	size_t n, cap, size;
	bool placed;	/* data is in the arena; cap is final */
};
size_t schema_element_size(const struct field *f);
int schema_list_place(struct schema_list *l, size_t cap, struct arena *a, struct err *e);
void *schema_list_add(struct schema_list *l, const struct field *f, struct err *e);	/* R_DOCUMENT_FORM beyond max_count */
/* Hands the list over into the field of `value`; frees what is temporary. */
int schema_list_done(struct schema_list *l, const struct field *f, void *value, struct arena *a, struct err *e);
void schema_list_free(struct schema_list *l);

/* ---- schema_scan.c ---- */

/* UTF-8, no forbidden code points, a LF at the end. R_DOCUMENT_FORM. */
int schema_scan_bytes(const void *data, size_t len, struct err *e);
/* The RECORDS fields from s->fields[first] on, which stand from offset `at` to the end. */
int schema_scan_lists(const struct schema *s, size_t first, const void *data, size_t len, size_t at, void *out,
		      struct arena *a, struct err *e);

/* ---- schema_encode.c ---- */

/* Compares the first `fields` fields (type line included) with the bytes they were read from. */
int schema_encode_compare(const struct schema *s, size_t fields, const void *in, const void *data, size_t len,
			  struct err *e);

#endif

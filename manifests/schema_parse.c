/*
 * Whole documents (FORMAT 2): bytes, type line, the head by libyaml's events against the table and compared with what
 * the encoder writes, then the lists of RECORDS by the exact scanner. Sits behind `unseal` on both sides: what comes
 * here is signed, or named by a digest that is.
 * The same walk over events, tolerant of style, reads the configuration files of station and store.
 */
#include "manifests/schema.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "lib/num.h"
#include "lib/yaml.h"
#include "manifests/limits.h"
#include "manifests/reason.h"
#include "manifests/schema_impl.h"

#include "lib/banned.h"

struct reader {
	struct yaml *y;
	struct yaml_item item;	/* the current one */
	bool people;		/* a file that people write */
	const char *data;	/* of a document, while at its own fields: to count entries by lines */
	size_t len;
	struct arena *a;
	struct err *e;
};

static int read_map(struct reader *r, const struct schema *s, size_t fields, void *out);

static bool reads(const struct yaml_item *i, const char *word)
{
	return i->type == YAML_SCALAR && i->len == strlen(word) && !memcmp(i->value, word, i->len);
}

static int next(struct reader *r)
{
	if (yaml_next(r->y, &r->item, r->e) == 0)
		return 0;
	if (r->e->reason == ERR_FORM)
		r->e->reason = r->people ? ERR_CONFIG : R_DOCUMENT_FORM;
	return -1;
}

/* Refuses the current value. */
__attribute__((format(printf, 3, 4))) static int refuse(struct reader *r, const struct field *f, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(r->e, r->people ? ERR_CONFIG : R_DOCUMENT_FORM, "line %u: %s: %s", r->item.line, f->name, text);
}

/* Adds the place to an error that a judge of values has set. */
static int misplaced(struct reader *r, const char *name)
{
	if (r->people && r->e->reason != ERR_MEMORY)
		r->e->reason = ERR_CONFIG;
	return err_prefix(r->e, "line %u: %s", r->item.line, name);
}

/* Text, in double quotes in documents. Two kinds of field are text: those, and the words and numbers, which stand
 * plain; people may do as they like. */
static int expect_scalar(struct reader *r, const struct field *f)
{
	bool quoted = f->kind == FIELD_TEXT || f->kind == FIELD_TEXTS;

	if (r->item.type != YAML_SCALAR)
		return refuse(r, f, "must be a single value");
	if (!r->people && r->item.quoted != quoted)
		return refuse(r, f, quoted ? "must stand in double quotes" : "must not stand in quotes");
	return 0;
}

static int read_text(struct reader *r, const struct field *f, char **out)
{
	if (schema_judge_text(f, r->item.value, r->item.len, r->e))
		return misplaced(r, f->name);
	*out = arena_strndup(r->a, r->item.value, r->item.len);
	return *out ? 0 : err_mem(r->e);
}

static int read_bool(struct reader *r, const struct field *f, bool *out)
{
	*out = reads(&r->item, "true");
	if (*out || (reads(&r->item, "false") && (r->people || f->kind == FIELD_BOOL)))
		return 0;
	return refuse(r, f, f->kind == FIELD_BOOL || r->people ? "must be true or false" : "must be true or left out");
}

static int read_choice(struct reader *r, const struct field *f, int *out)
{
	char words[128] = "";

	*out = schema_choice(f, r->item.value, r->item.len);
	if (*out != -1)
		return 0;
	for (size_t i = 0; f->words[i]; i++) {
		size_t n = strlen(words);

		snprintf(words + n, sizeof(words) - n, "%s%s", i ? ", " : "", f->words[i]);
	}
	return refuse(r, f, "must be one of %s", words);
}

/* A single value, of the current item. */
static int read_scalar(struct reader *r, const struct field *f, void *p)
{
	const struct yaml_item *i = &r->item;

	if (expect_scalar(r, f))
		return -1;
	switch (f->kind) {
	case FIELD_DIGEST:
	case FIELD_DIGESTS:
		return digest_parse(i->value, i->len, p) ? refuse(r, f, "must be 64 hex digits in lower case") : 0;
	case FIELD_NUMBER:
		return num_parse(i->value, i->len, f->min, schema_max_number(f), p)
			       ? refuse(r, f, "must be a number from %llu to %llu", (unsigned long long)f->min,
					(unsigned long long)schema_max_number(f))
			       : 0;
	case FIELD_TIME:
		return num_parse_time(i->value, i->len, p) ? refuse(r, f, "must be a time like 2026-11-22T10:00:00Z") : 0;
	case FIELD_BOOL:
	case FIELD_FLAG:
		return read_bool(r, f, p);
	case FIELD_CHOICE:
		return read_choice(r, f, p);
	default:
		return read_text(r, f, p);
	}
}

/* The end of a mapping: what is missing, and its own rules. */
static int finish_map(struct reader *r, const struct schema *s, size_t fields, uint64_t seen, void *out)
{
	for (size_t i = 0; i < fields && s->fields[i].name; i++) {
		const struct field *f = s->fields + i;

		if (!(seen >> i & 1) && !schema_may_lack(f) && !(r->people && f->optional))
			return refuse(r, f, "is missing");
	}
	/* a document's own rules wait for its lists */
	if (s->check && (r->people || !s->type) && s->check(out, r->e)) {
		if (r->people && r->e->reason != ERR_MEMORY)
			r->e->reason = ERR_CONFIG;
		return err_prefix(r->e, "line %u", r->item.line);
	}
	return 0;
}

/* People leave a list or block empty that they commented out. */
static bool nothing_there(const struct reader *r)
{
	return r->people && r->item.type == YAML_SCALAR && r->item.len == 0 && !r->item.quoted;
}

static int read_struct(struct reader *r, const struct field *f, void *p)
{
	if (nothing_there(r))
		return finish_map(r, f->sub, SIZE_MAX, 0, p);
	if (r->item.type != YAML_MAP)
		return refuse(r, f, "must be a mapping");
	return read_map(r, f->sub, SIZE_MAX, p);
}

/* Number of entries a list of the document can have: as many as there are lines that begin one. */
static size_t count_entries(const struct reader *r, const struct field *f)
{
	const char *p = r->data, *end = r->data + r->len;
	size_t n = 0;

	while ((p = memmem(p, (size_t)(end - p), "\n  - ", 5)) && (f->max_count == 0 || n < f->max_count)) {
		n++;
		p += 5;
	}
	return n;
}

/* A list, of the current item on. Long ones are placed at once: growing them would take their memory three times. */
static int read_list(struct reader *r, const struct field *f, void *out)
{
	struct schema_list l = {.size = schema_element_size(f)};
	bool lines = f->kind == FIELD_ENTRIES || f->kind == FIELD_RECORDS;
	int rc = -1;

	if (nothing_there(r))
		return 0;
	if (r->item.type != YAML_LIST)
		return refuse(r, f, "must be a list");
	if (lines && r->data && schema_list_place(&l, count_entries(r, f), r->a, r->e))
		return -1;
	r->data = NULL;
	for (;;) {
		void *slot;

		if (next(r))
			goto out;
		if (r->item.type == YAML_LIST_CLOSE)
			break;
		slot = schema_list_add(&l, f, r->e);
		if (!slot) {
			misplaced(r, f->name);
			goto out;
		}
		if (f->sub ? read_struct(r, f, slot) : read_scalar(r, f, slot))
			goto out;
	}
	rc = schema_list_done(&l, f, out, r->a, r->e);
out:
	schema_list_free(&l);
	return rc;
}

static int read_value(struct reader *r, const struct field *f, void *out)
{
	const char *data = r->data;
	void *p = schema_at(out, f->at);
	int rc;

	schema_set_present(f, out);
	if (schema_is_list(f)) {
		rc = read_list(r, f, out);
	} else {
		r->data = NULL;
		rc = f->sub ? read_struct(r, f, p) : read_scalar(r, f, p);
	}
	r->data = data;
	return rc;
}

/* The pseudo-field at the head: in documents it was judged as bytes already. */
static int read_type(struct reader *r, const struct schema *s)
{
	const struct field f = {.name = "satchel"};
	char want[48];

	snprintf(want, sizeof(want), "%s/1", s->type);
	if (next(r))
		return -1;
	if (!reads(&r->item, want))
		return refuse(r, &f, "must be %s", want);
	return 0;
}

/* A field that no document of the kind has, or that stands a level too high. */
static int refuse_field(struct reader *r, const struct schema *s, const struct field *unknown)
{
	refuse(r, unknown, "unknown field, or out of place");
	for (size_t i = 0; s->fields[i].name; i++)
		for (size_t k = 0; s->fields[i].kind == FIELD_BLOCK && s->fields[i].sub->fields[k].name; k++)
			if (strcmp(s->fields[i].sub->fields[k].name, unknown->name) == 0)
				err_hint(r->e, "it belongs under `%s:`", s->fields[i].name);
	return -1;
}

/* Reads a mapping whose opening is the current item, of which only the first `fields` fields may occur. */
static int read_map(struct reader *r, const struct schema *s, size_t fields, void *out)
{
	struct field unknown = {0};
	bool typed = s->type == NULL;
	uint64_t seen = 0;

	for (;;) {
		size_t i = 0;

		if (next(r))
			return -1;
		if (r->item.type == YAML_MAP_CLOSE)
			break;
		unknown.name = r->item.type == YAML_SCALAR ? r->item.value : "field";
		if (r->item.type != YAML_SCALAR)
			return refuse(r, &unknown, "its name must be a word");
		if (!typed && reads(&r->item, "satchel")) {
			typed = true;
			if (read_type(r, s))
				return -1;
			continue;
		}
		while (i < fields && s->fields[i].name && !reads(&r->item, s->fields[i].name))
			i++;
		if (i >= fields || !s->fields[i].name)
			return refuse_field(r, s, &unknown);
		if (seen >> i & 1)
			return refuse(r, s->fields + i, "comes twice");
		seen |= UINT64_C(1) << i;
		if (next(r) || read_value(r, s->fields + i, out))
			return -1;
	}
	unknown.name = "satchel";
	if (!typed)
		return refuse(r, &unknown, "is missing, the first line must be \"satchel: %s/1\"", s->type);
	return finish_map(r, s, fields, seen, out);
}

static int read_document(struct reader *r, const struct schema *s, size_t fields, const void *data, size_t len, void *out)
{
	const struct field whole = {.name = s->type};
	int rc = -1;

	r->y = yaml_open(data, len, MAX_DOCUMENT_DEPTH, r->people, r->e);
	if (!r->y || next(r))
		goto out;
	if (r->item.type != YAML_MAP) {
		refuse(r, &whole, "must be a mapping of fields");
		goto out;
	}
	if (read_map(r, s, fields, out) || next(r))
		goto out;
	rc = r->item.type == YAML_DONE ? 0 : refuse(r, &whole, "goes on after its end");
out:
	yaml_close(r->y);
	return rc;
}

/* Where the first of the lists at the end begins, or the end of the document. */
static size_t find_tail(const struct schema *s, size_t first, const char *data, size_t len)
{
	size_t at = len;
	char line[72];

	for (const struct field *f = s->fields + first; f->name; f++) {
		int n = snprintf(line, sizeof(line), "\n%s:", f->name);
		const char *p = memmem(data, at, line, (size_t)n);

		if (p)
			at = (size_t)(p + 1 - data);
	}
	return at;
}

int schema_parse(const struct schema *s, const void *data, size_t len, void *out, struct arena *a, struct err *e)
{
	size_t first = schema_tail(s), type_len, head;
	struct reader r = {.a = a, .e = e};

	memset(out, 0, s->size);
	if (schema_scan_bytes(data, len, e) || schema_judge_type(s, data, len, &type_len, e))
		return -1;
	head = find_tail(s, first, data, len);
	r.data = data;
	r.len = head;
	if (head > type_len || first > 0) {
		if (read_document(&r, s, first, data, head, out) ||
		    schema_encode_compare(s, first, out, data, head, e))
			return -1;
	}
	if (schema_scan_lists(s, first, data, len, head, out, a, e))
		return -1;
	return s->check ? s->check(out, e) : 0;
}

int schema_parse_config(const struct schema *s, const void *data, size_t len, void *out, struct arena *a, struct err *e)
{
	struct reader r = {.people = true, .a = a, .e = e};

	memset(out, 0, s->size);
	return read_document(&r, s, SIZE_MAX, data, len, out);
}

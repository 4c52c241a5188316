/*
 * What every part of schema asks: the type line, what a value of a field must be, and lists under construction.
 * FORMAT.md section 2. Refuses documents of another type or version, and values outside their table's bounds.
 */
#include "manifests/schema.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/num.h"
#include "lib/text.h"
#include "manifests/limits.h"
#include "manifests/reason.h"
#include "manifests/schema_impl.h"

#include "lib/banned.h"

#define TYPE_MARK "satchel: "
#define LAST_SECOND 253402300799	/* 9999-12-31T23:59:59Z */

bool schema_is_list(const struct field *f)
{
	return f->kind == FIELD_TEXTS || f->kind == FIELD_DIGESTS || f->kind == FIELD_MAPS || f->kind == FIELD_RECORDS ||
	       f->kind == FIELD_ENTRIES;
}

static bool any_present(const struct schema *s, const void *value)
{
	for (const struct field *f = s->fields; f->name; f++)
		if (schema_present(f, value))
			return true;
	return false;
}

bool schema_present(const struct field *f, const void *value)
{
	if (f->kind == FIELD_FLAG)
		return *(const bool *)schema_at_const(value, f->at);
	if (!f->optional)
		return true;
	if (f->kind == FIELD_TEXT)
		return *(char *const *)schema_at_const(value, f->at) != NULL;
	if (schema_is_list(f))
		return *(const size_t *)schema_at_const(value, f->count_at) > 0;
	if (f->present_at)
		return *(const bool *)schema_at_const(value, f->present_at);
	/* a block without fields can't be written, so one that has none is absent */
	return f->kind != FIELD_BLOCK || any_present(f->sub, schema_at_const(value, f->at));
}

bool schema_may_lack(const struct field *f)
{
	if (f->kind == FIELD_FLAG)
		return true;
	return f->optional && (f->kind == FIELD_TEXT || f->kind == FIELD_BLOCK || schema_is_list(f) || f->present_at);
}

void schema_set_present(const struct field *f, void *value)
{
	if (f->optional && f->present_at)
		*(bool *)schema_at(value, f->present_at) = true;
}

size_t schema_field_count(const struct schema *s)
{
	size_t n = 0;

	while (s->fields[n].name)
		n++;
	return n;
}

size_t schema_tail(const struct schema *s)
{
	size_t n = schema_field_count(s);

	while (n > 0 && s->fields[n - 1].kind == FIELD_RECORDS)
		n--;
	return n;
}

uint64_t schema_max_number(const struct field *f)
{
	return f->max ? f->max : MAX_SUM;
}

/* Splits "satchel: TYPE/VERSION" (LF excluded): lengths of both, or -1. */
static int split_type(const char *line, size_t len, size_t *type_len, size_t *version_len)
{
	size_t mark = strlen(TYPE_MARK), n = mark;

	if (len <= mark || memcmp(line, TYPE_MARK, mark))
		return -1;
	while (n < len && ((line[n] >= 'a' && line[n] <= 'z') || line[n] == '-'))
		n++;
	*type_len = n - mark;
	if (*type_len == 0 || n >= len || line[n] != '/')
		return -1;
	*version_len = len - ++n;
	for (size_t i = n; i < len; i++)
		if (line[i] < '0' || line[i] > '9')
			return -1;
	return *version_len >= 1 && *version_len <= 9 && line[n] != '0' ? 0 : -1;
}

int schema_type_of(const void *data, size_t len, char out[32])
{
	const char *lf = len ? memchr(data, '\n', len < 64 ? len : 64) : NULL;
	size_t type, version;

	if (!lf || split_type(data, (size_t)(lf - (const char *)data), &type, &version) || type >= 32)
		return -1;
	memcpy(out, (const char *)data + strlen(TYPE_MARK), type);
	out[type] = '\0';
	return 0;
}

int schema_judge_type(const struct schema *s, const void *data, size_t size, size_t *len, struct err *e)
{
	const char *lf = size ? memchr(data, '\n', size < 64 ? size : 64) : NULL;
	const char *name = (const char *)data + strlen(TYPE_MARK);
	size_t type, version;

	if (!lf || split_type(data, (size_t)(lf - (const char *)data), &type, &version))
		return err_set(e, R_DOCUMENT_TYPE, "line 1: must be \"satchel: %s/1\"", s->type);
	if (type != strlen(s->type) || memcmp(name, s->type, type))
		return err_set(e, R_DOCUMENT_TYPE, "line 1: must be \"satchel: %s/1\", and it is of type %.*s", s->type,
			       type < 32 ? (int)type : 32, name);
	if (version != 1 || name[type + 1] != '1') {
		err_set(e, R_DOCUMENT_VERSION, "line 1: %s of version %.*s, and this program reads version 1", s->type,
			(int)version, name + type + 1);
		return err_hint(e, "a newer satchel is needed");
	}
	*len = (size_t)(lf - (const char *)data) + 1;
	return 0;
}

/* Code points of a text: none that a document can't hold, no line break, and, where no rule of the field judges
 * them, nothing that turns the reading direction around (FORMAT 2.5). */
static int judge_code_points(const struct field *f, const char *s, size_t len, struct err *e)
{
	const uint8_t *p = (const uint8_t *)s;
	uint32_t cp;

	for (size_t i = text_plain(p, len), n; i < len; i += n, i += text_plain(p + i, len - i)) {
		n = text_decode(p + i, len - i, &cp);
		if (n == 0)
			return err_set(e, R_DOCUMENT_FORM, "is not well-formed UTF-8");
		if (cp == '\n' || text_forbidden(cp) || (!f->check && text_bidi(cp)))
			return err_set(e, R_DOCUMENT_FORM, "holds U+%04X, which is not allowed here", (unsigned)cp);
	}
	return 0;
}

int schema_judge_text(const struct field *f, const char *s, size_t len, struct err *e)
{
	if (judge_code_points(f, s, len, e))
		return -1;
	if (f->check && f->check(s, len, e)) {
		if (e->reason == ERR_NAME || e->reason == ERR_FORM)
			e->reason = e->reason == ERR_NAME ? R_NAME : R_DOCUMENT_FORM;
		return -1;
	}
	if (len < f->min)
		return len ? err_set(e, R_DOCUMENT_FORM, "is %zu bytes long, and the least is %llu", len,
				     (unsigned long long)f->min)
			   : err_set(e, R_DOCUMENT_FORM, "must not be empty");
	if (f->max && len > f->max)
		return err_set(e, R_DOCUMENT_FORM, "is %zu bytes long, and the most is %llu", len,
			       (unsigned long long)f->max);
	return 0;
}

int schema_choice(const struct field *f, const char *s, size_t len)
{
	for (int i = 0; f->words[i]; i++)
		if (strlen(f->words[i]) == len && !memcmp(f->words[i], s, len))
			return i;
	return -1;
}

static int judge_choice(const struct field *f, int index, struct err *e)
{
	for (int i = 0; f->words[i]; i++)
		if (i == index)
			return 0;
	return err_set(e, R_DOCUMENT_FORM, "is none of its words");
}

static int judge_list(const struct field *f, const void *value, struct err *e)
{
	size_t n = *(const size_t *)schema_at_const(value, f->count_at), size = schema_element_size(f);
	const char *list = schema_pointer(f, value);

	if (f->max_count && n > f->max_count)
		return err_set(e, R_DOCUMENT_FORM, "has %zu entries, and the most is %zu", n, f->max_count);
	for (size_t i = 0; i < n && f->kind != FIELD_DIGESTS; i++) {
		const char *text = f->kind == FIELD_TEXTS ? ((char *const *)(const void *)list)[i] : NULL;

		if (text ? schema_judge_text(f, text, strlen(text), e)
			 : schema_judge_value(f->sub, list + i * size, e))
			return err_prefix(e, "entry %zu", i + 1);
	}
	return 0;
}

static int judge_field(const struct field *f, const void *value, struct err *e)
{
	const void *p = schema_at_const(value, f->at);
	const char *text;
	uint64_t number;
	int64_t time;

	switch (f->kind) {
	case FIELD_TEXT:
		text = *(char *const *)p;
		return text ? schema_judge_text(f, text, strlen(text), e) : err_set(e, R_DOCUMENT_FORM, "is missing");
	case FIELD_NUMBER:
		number = *(const uint64_t *)p;
		if (number >= f->min && number <= schema_max_number(f))
			return 0;
		return err_set(e, R_DOCUMENT_FORM, "must be a number from %llu to %llu", (unsigned long long)f->min,
			       (unsigned long long)schema_max_number(f));
	case FIELD_TIME:
		time = *(const int64_t *)p;
		return time >= 0 && time <= LAST_SECOND ? 0 : err_set(e, R_DOCUMENT_FORM, "is not within the years 1970 to 9999");
	case FIELD_CHOICE:
		return judge_choice(f, *(const int *)p, e);
	case FIELD_MAP:
	case FIELD_BLOCK:
		return schema_judge_value(f->sub, p, e);
	default:
		return schema_is_list(f) ? judge_list(f, value, e) : 0;
	}
}

int schema_judge_value(const struct schema *s, const void *value, struct err *e)
{
	for (const struct field *f = s->fields; f->name; f++)
		if (schema_present(f, value) && judge_field(f, value, e))
			return err_prefix(e, "%s", f->name);
	return s->check ? s->check(value, e) : 0;
}

unsigned schema_line(const void *data, size_t at)
{
	const char *p = data, *end = p + at;
	unsigned line = 1;

	while (p < end && (p = memchr(p, '\n', (size_t)(end - p)))) {
		line++;
		p++;
	}
	return line;
}

size_t schema_element_size(const struct field *f)
{
	if (f->kind == FIELD_TEXTS)
		return sizeof(char *);
	return f->kind == FIELD_DIGESTS ? sizeof(struct digest) : f->sub->size;
}

int schema_list_place(struct schema_list *l, size_t cap, struct arena *a, struct err *e)
{
	size_t bytes;

	if (cap == 0)
		return 0;
	if (num_mul(cap, l->size, &bytes) || !(l->data = arena_alloc(a, bytes)))
		return err_mem(e);
	l->cap = cap;
	l->placed = true;
	return 0;
}

void *schema_list_add(struct schema_list *l, const struct field *f, struct err *e)
{
	if (f->max_count && l->n >= f->max_count) {
		err_set(e, R_DOCUMENT_FORM, "has more than %zu entries", f->max_count);
		return NULL;
	}
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 8, bytes;
		char *data;

		if (l->placed) {	/* more than there are lines of the canonical form */
			err_set(e, R_DOCUMENT_FORM, "not canonical");
			return NULL;
		}
		if (num_mul(cap, l->size, &bytes) || !(data = realloc(l->data, bytes))) {
			err_mem(e);
			return NULL;
		}
		memset(data + l->n * l->size, 0, (cap - l->n) * l->size);
		l->data = data;
		l->cap = cap;
	}
	return l->data + l->n++ * l->size;
}

int schema_list_done(struct schema_list *l, const struct field *f, void *value, struct arena *a, struct err *e)
{
	void *data = l->data;

	if (!l->placed && l->n > 0) {
		data = arena_alloc(a, l->n * l->size);
		if (!data)
			return err_mem(e);
		memcpy(data, l->data, l->n * l->size);
	}
	if (l->n == 0)
		data = NULL;
	memcpy(schema_at(value, f->at), &data, sizeof(data));
	*(size_t *)schema_at(value, f->count_at) = l->n;
	schema_list_free(l);
	return 0;
}

void schema_list_free(struct schema_list *l)
{
	if (!l->placed)
		free(l->data);
	l->data = NULL;
	l->n = l->cap = 0;
}

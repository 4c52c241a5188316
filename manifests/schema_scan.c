/*
 * Bytes, and long lists: what a document is made of before any YAML reader sees it, and an exact scanner for lists of
 * RECORDS. The scanner is no parser of YAML: it reads the one spelling that schema_encode writes and refuses every
 * other, which makes it small, and ten times as fast as libyaml's events (FORMAT 2.6).
 */
#include "manifests/schema.h"

#include <string.h>

#include "lib/err.h"
#include "lib/num.h"
#include "lib/text.h"
#include "manifests/reason.h"
#include "manifests/schema_impl.h"

#include "lib/banned.h"

#define BLOCK 64	/* bytes looked at at once */
#define TIME_LEN 20

struct cursor {
	const char *start, *p, *end;
	struct arena *a;
	struct err *e;
};

static int scan_map(struct cursor *c, const struct schema *s, void *out);

/* All of printable ASCII and LF. Without an early end, so that the compiler makes vectors of it. */
static bool plain(const uint8_t *p)
{
	unsigned char odd = 0;

	for (size_t i = 0; i < BLOCK; i++)
		odd |= (unsigned char)((unsigned char)(p[i] - 0x20) > 0x5e) & (unsigned char)(p[i] != '\n');
	return !odd;
}

int schema_scan_bytes(const void *data, size_t len, struct err *e)
{
	const uint8_t *p = data;
	uint32_t cp;
	size_t n;

	if (len == 0 || p[len - 1] != '\n')
		return err_set(e, R_DOCUMENT_FORM, "the last line does not end with a line feed");
	for (size_t i = 0; i < len; i += n) {
		n = BLOCK;
		if (len - i >= BLOCK && plain(p + i))
			continue;
		n = 1;
		if ((p[i] >= 0x20 && p[i] < 0x7f) || p[i] == '\n')
			continue;
		n = text_decode(p + i, len - i, &cp);
		if (n == 0)
			return err_set(e, R_DOCUMENT_FORM, "line %u: is not well-formed UTF-8", schema_line(data, i));
		if (text_forbidden(cp))
			return err_set(e, R_DOCUMENT_FORM, "line %u: holds U+%04X, which no document may",
				       schema_line(data, i), (unsigned)cp);
	}
	return 0;
}

static unsigned line_of(const struct cursor *c)
{
	return schema_line(c->start, (size_t)(c->p - c->start));
}

/* The bytes here are not those of the canonical form. */
static int refuse(struct cursor *c, const char *name)
{
	err_set(c->e, R_DOCUMENT_FORM, "%s: not canonical (FORMAT 2.3)", name);
	return err_prefix(c->e, "line %u", line_of(c));
}

static bool eat(struct cursor *c, const char *s, size_t n)
{
	if ((size_t)(c->end - c->p) < n || memcmp(c->p, s, n))
		return false;
	c->p += n;
	return true;
}

static int scan_text(struct cursor *c, const struct field *f, char **out)
{
	const char *first, *q;
	size_t escapes = 0, n = 0;
	char *s;

	if (!eat(c, "\"", 1))
		return refuse(c, f->name);
	first = c->p;
	for (q = first; q < c->end && *q != '"' && *q != '\n'; q++)
		if (*q == '\\') {
			if (++q >= c->end || (*q != '"' && *q != '\\'))
				return refuse(c, f->name);
			escapes++;
		}
	if (q >= c->end || *q != '"')
		return refuse(c, f->name);
	s = arena_alloc(c->a, (size_t)(q - first) - escapes + 1);
	if (!s)
		return err_mem(c->e);
	if (escapes == 0) {
		n = (size_t)(q - first);
		memcpy(s, first, n);
	} else {
		for (const char *r = first; r < q; r++)
			s[n++] = *r == '\\' ? *++r : *r;
	}
	if (schema_judge_text(f, s, n, c->e)) {
		err_prefix(c->e, "%s", f->name);
		return err_prefix(c->e, "line %u", line_of(c));
	}
	c->p = q + 1;
	*out = s;
	return 0;
}

/* A word, number, time or digest: its length up to where it must end. */
static size_t span(const struct cursor *c)
{
	const char *q = c->p;

	while (q < c->end && *q != ',' && *q != '}' && *q != ']' && *q != '\n')
		q++;
	return (size_t)(q - c->p);
}

static int scan_digest(struct cursor *c, const struct field *f, struct digest *out)
{
	if (c->end - c->p < DIGEST_HEX || digest_parse(c->p, DIGEST_HEX, out))
		return refuse(c, f->name);
	c->p += DIGEST_HEX;
	return 0;
}

static int scan_number(struct cursor *c, const struct field *f, uint64_t *out)
{
	size_t n = span(c);

	if (num_parse(c->p, n, f->min, schema_max_number(f), out)) {
		err_set(c->e, R_DOCUMENT_FORM, "%s: must be a number from %llu to %llu", f->name,
			(unsigned long long)f->min, (unsigned long long)schema_max_number(f));
		return err_prefix(c->e, "line %u", line_of(c));
	}
	c->p += n;
	return 0;
}

static int scan_time(struct cursor *c, const struct field *f, int64_t *out)
{
	if (c->end - c->p < TIME_LEN || num_parse_time(c->p, TIME_LEN, out))
		return refuse(c, f->name);
	c->p += TIME_LEN;
	return 0;
}

static int scan_bool(struct cursor *c, const struct field *f, bool *out)
{
	*out = eat(c, "true", 4);
	return *out || (f->kind == FIELD_BOOL && eat(c, "false", 5)) ? 0 : refuse(c, f->name);
}

static int scan_choice(struct cursor *c, const struct field *f, int *out)
{
	size_t n = span(c);

	*out = schema_choice(f, c->p, n);
	if (*out == -1)
		return refuse(c, f->name);
	c->p += n;
	return 0;
}

static int scan_element(struct cursor *c, const struct field *f, void *slot)
{
	if (f->kind == FIELD_TEXTS)
		return scan_text(c, f, slot);
	return f->kind == FIELD_DIGESTS ? scan_digest(c, f, slot) : scan_map(c, f->sub, slot);
}

static int scan_list(struct cursor *c, const struct field *f, void *out)
{
	struct schema_list l = {.size = schema_element_size(f)};
	void *slot;
	int rc = -1;

	if (!eat(c, "[", 1)) {
		refuse(c, f->name);
		goto out;
	}
	while (!eat(c, "]", 1)) {
		if (l.n > 0 && !eat(c, ", ", 2)) {
			refuse(c, f->name);
			goto out;
		}
		slot = schema_list_add(&l, f, c->e);
		if (!slot || scan_element(c, f, slot))
			goto out;
	}
	if (l.n == 0 && f->optional) {	/* is written by leaving it out */
		refuse(c, f->name);
		goto out;
	}
	rc = schema_list_done(&l, f, out, c->a, c->e);
out:
	schema_list_free(&l);
	return rc;
}

static int scan_value(struct cursor *c, const struct field *f, void *out)
{
	void *p = schema_at(out, f->at);

	schema_set_present(f, out);
	switch (f->kind) {
	case FIELD_TEXT:
		return scan_text(c, f, p);
	case FIELD_DIGEST:
		return scan_digest(c, f, p);
	case FIELD_NUMBER:
		return scan_number(c, f, p);
	case FIELD_TIME:
		return scan_time(c, f, p);
	case FIELD_BOOL:
	case FIELD_FLAG:
		return scan_bool(c, f, p);
	case FIELD_CHOICE:
		return scan_choice(c, f, p);
	case FIELD_MAP:
	case FIELD_BLOCK:
		return scan_map(c, f->sub, p);
	default:
		return scan_list(c, f, out);
	}
}

static int scan_map(struct cursor *c, const struct schema *s, void *out)
{
	const char *sep = "{";

	for (const struct field *f = s->fields; f->name; f++) {
		const char *here = c->p;
		size_t n = strlen(sep);

		if (eat(c, sep, n) && eat(c, f->name, strlen(f->name)) && eat(c, ": ", 2)) {
			if (scan_value(c, f, out))
				return -1;
			sep = ", ";
		} else if (c->p = here, !schema_may_lack(f)) {
			return refuse(c, f->name);
		}
	}
	if ((*sep == '{' && !eat(c, "{", 1)) || !eat(c, "}", 1))
		return refuse(c, "unknown or repeated field");
	if (s->check && s->check(out, c->e))
		return err_prefix(c->e, "line %u", line_of(c));
	return 0;
}

/* Number of lines from here on that are a record's, so that a list's memory is taken once; one more than `most` is
 * enough to know. */
static size_t count_records(const struct cursor *c, size_t most)
{
	const char *q = c->p, *lf;
	size_t n = 0;

	while (c->end - q >= 4 && !memcmp(q, "  - ", 4) && (most == 0 || n <= most)) {
		n++;
		lf = memchr(q, '\n', (size_t)(c->end - q));
		if (!lf)
			break;
		q = lf + 1;
	}
	return n;
}

static int scan_records(struct cursor *c, const struct field *f, void *out)
{
	struct schema_list l = {.size = f->sub->size};
	size_t n = count_records(c, f->max_count);

	if (n == 0)
		return refuse(c, f->name);
	if (f->max_count && n > f->max_count)
		return err_set(c->e, R_DOCUMENT_FORM, "line %u: %s: has more than %zu entries", line_of(c), f->name,
			       f->max_count);
	if (schema_list_place(&l, n, c->a, c->e))
		return -1;
	while (eat(c, "  - ", 4)) {
		void *slot = schema_list_add(&l, f, c->e);

		if (!slot || scan_map(c, f->sub, slot))
			return -1;
		if (!eat(c, "\n", 1))
			return refuse(c, f->name);
	}
	return schema_list_done(&l, f, out, c->a, c->e);
}

int schema_scan_lists(const struct schema *s, size_t first, const void *data, size_t len, size_t at, void *out,
		      struct arena *a, struct err *e)
{
	struct cursor c = {.start = data, .p = (const char *)data + at, .end = (const char *)data + len, .a = a, .e = e};

	for (const struct field *f = s->fields + first; f->name; f++) {
		const char *here = c.p;

		if (!eat(&c, f->name, strlen(f->name)) || !eat(&c, ":", 1)) {
			c.p = here;
			if (!schema_may_lack(f))
				return err_set(e, R_DOCUMENT_FORM, "line %u: %s: is missing", line_of(&c), f->name);
		} else if (eat(&c, "\n", 1)) {
			if (scan_records(&c, f, out))
				return -1;
		} else if (f->optional || !eat(&c, " []\n", 4)) {
			return refuse(&c, f->name);
		}
	}
	return c.p == c.end ? 0 : refuse(&c, "unknown or repeated field");
}

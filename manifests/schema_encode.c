/*
 * The one way a document is written (FORMAT 2.3), and the comparison of what was read with what would be written:
 * bytes that this encoder would not have written are refused.
 */
#include "manifests/schema.h"

#include <string.h>

#include "lib/err.h"
#include "lib/num.h"
#include "manifests/reason.h"
#include "manifests/schema_impl.h"

#include "lib/banned.h"

/* Where bytes go. In comparing, each piece is compared and dropped, so that a list of 48 MiB isn't held twice. */
struct sink {
	struct buf *out;
	const uint8_t *expect;	/* NULL: just writing */
	size_t expect_len, at;
	bool differs;		/* from offset `at` on */
};

static void flow_map(const struct schema *s, const void *value, struct buf *out);
static void block_fields(const struct schema *s, size_t n, const void *value, unsigned indent, bool dash, struct sink *w);

/* Compares what has gathered. */
static void checkpoint(struct sink *w)
{
	size_t n = w->out->len, i = 0;

	if (!w->expect || w->differs || n == 0 || w->out->failed)
		return;
	if (n > w->expect_len - w->at)
		n = w->expect_len - w->at;
	if (memcmp(w->out->data, w->expect + w->at, n)) {
		while (w->out->data[i] == w->expect[w->at + i])
			i++;
		n = i;
		w->differs = true;
	}
	w->at += n;
	w->differs = w->differs || n < w->out->len;
	buf_clear(w->out);
}

static void number(uint64_t n, struct buf *out)
{
	char digits[20];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + n % 10);
	while (n /= 10);
	buf_append(out, digits + at, sizeof(digits) - at);
}

static void text(const char *s, struct buf *out)
{
	buf_putc(out, '"');
	while (s && *s) {
		size_t n = strcspn(s, "\"\\");

		buf_append(out, s, n);
		s += n;
		if (*s) {
			buf_putc(out, '\\');
			buf_putc(out, *s++);
		}
	}
	buf_putc(out, '"');
}

static void hex(const struct digest *d, struct buf *out)
{
	char digits[DIGEST_HEX + 1];

	buf_append(out, digest_hex(d, digits), DIGEST_HEX);
}

/* [a, b] */
static void flow_list(const struct field *f, const void *value, struct buf *out)
{
	size_t n = *(const size_t *)schema_at_const(value, f->count_at), size = schema_element_size(f);
	const char *list = schema_pointer(f, value);

	buf_putc(out, '[');
	for (size_t i = 0; i < n; i++) {
		const void *p = list + i * size;

		if (i > 0)
			buf_append(out, ", ", 2);
		if (f->kind == FIELD_TEXTS)
			text(*(char *const *)p, out);
		else if (f->kind == FIELD_DIGESTS)
			hex(p, out);
		else
			flow_map(f->sub, p, out);
	}
	buf_putc(out, ']');
}

static void flow_value(const struct field *f, const void *value, struct buf *out)
{
	const void *p = schema_at_const(value, f->at);
	char time[32];

	switch (f->kind) {
	case FIELD_TEXT:
		text(*(char *const *)p, out);
		break;
	case FIELD_DIGEST:
		hex(p, out);
		break;
	case FIELD_NUMBER:
		number(*(const uint64_t *)p, out);
		break;
	case FIELD_TIME:
		buf_append(out, num_format_time(*(const int64_t *)p, time), 20);
		break;
	case FIELD_BOOL:
	case FIELD_FLAG:
		buf_puts(out, *(const bool *)p ? "true" : "false");
		break;
	case FIELD_CHOICE:
		buf_puts(out, f->words[*(const int *)p]);
		break;
	case FIELD_MAP:
	case FIELD_BLOCK:	/* within a flow mapping there is no other way */
		flow_map(f->sub, p, out);
		break;
	default:
		flow_list(f, value, out);
	}
}

/* {a: 1, b: "x"} */
static void flow_map(const struct schema *s, const void *value, struct buf *out)
{
	bool some = false;

	buf_putc(out, '{');
	for (const struct field *f = s->fields; f->name; f++) {
		if (!schema_present(f, value))
			continue;
		if (some)
			buf_append(out, ", ", 2);
		some = true;
		buf_puts(out, f->name);
		buf_append(out, ": ", 2);
		flow_value(f, value, out);
	}
	buf_putc(out, '}');
}

static void pad(unsigned n, struct buf *out)
{
	while (n-- > 0)
		buf_putc(out, ' ');
}

/* A list with a line, or several, for each element. */
static void block_list(const struct field *f, const void *value, unsigned indent, struct sink *w)
{
	size_t n = *(const size_t *)schema_at_const(value, f->count_at);
	const char *list = schema_pointer(f, value);

	schema_encode_list(f->name, n == 0, w->out);
	for (size_t i = 0; i < n; i++) {
		const void *p = list + i * f->sub->size;

		if (f->kind == FIELD_ENTRIES) {
			block_fields(f->sub, SIZE_MAX, p, indent + 4, true, w);
		} else {
			pad(indent, w->out);
			schema_encode_record(f->sub, p, w->out);
		}
		checkpoint(w);
	}
}

/* Fields of a block mapping, a line or more each; dash: the first one begins with "- ", two columns to the left. */
static void block_fields(const struct schema *s, size_t n, const void *value, unsigned indent, bool dash, struct sink *w)
{
	for (const struct field *f = s->fields; f->name && n > 0; f++, n--) {
		if (!schema_present(f, value))
			continue;
		pad(dash ? indent - 2 : indent, w->out);
		if (dash)
			buf_append(w->out, "- ", 2);
		dash = false;
		if (f->kind == FIELD_RECORDS || f->kind == FIELD_ENTRIES) {
			block_list(f, value, indent, w);
		} else if (f->kind == FIELD_BLOCK) {
			buf_puts(w->out, f->name);
			buf_append(w->out, ":\n", 2);
			block_fields(f->sub, SIZE_MAX, schema_at_const(value, f->at), indent + 2, false, w);
		} else {
			buf_puts(w->out, f->name);
			buf_append(w->out, ": ", 2);
			flow_value(f, value, w->out);
			buf_putc(w->out, '\n');
		}
	}
	if (dash) {	/* an entry of nothing but absent fields */
		pad(indent - 2, w->out);
		buf_puts(w->out, "- {}\n");
	}
}

static void document(const struct schema *s, size_t fields, const void *in, struct sink *w)
{
	buf_puts(w->out, "satchel: ");
	buf_puts(w->out, s->type);
	buf_puts(w->out, "/1\n");
	block_fields(s, fields, in, 0, false, w);
	checkpoint(w);
}

void schema_encode_list(const char *field, bool empty, struct buf *out)
{
	buf_puts(out, field);
	buf_puts(out, empty ? ": []\n" : ":\n");
}

void schema_encode_record(const struct schema *sub, const void *record, struct buf *out)
{
	buf_append(out, "  - ", 4);
	flow_map(sub, record, out);
	buf_putc(out, '\n');
}

int schema_encode(const struct schema *s, const void *in, struct buf *out, struct err *e)
{
	struct sink w = {.out = out};

	if (schema_judge_value(s, in, e))
		return -1;
	document(s, SIZE_MAX, in, &w);
	return buf_ok(out, e);
}

int schema_encode_head(const struct schema *s, const void *in, struct buf *out, struct err *e)
{
	struct sink w = {.out = out};
	size_t n = 0;

	while (s->fields[n].name && s->fields[n].kind != FIELD_RECORDS)
		n++;
	document(s, n, in, &w);
	return buf_ok(out, e);
}

int schema_encode_compare(const struct schema *s, size_t fields, const void *in, const void *data, size_t len,
			  struct err *e)
{
	struct buf out = {0};
	struct sink w = {.out = &out, .expect = data, .expect_len = len};
	int rc;

	document(s, fields, in, &w);
	rc = buf_ok(&out, e);
	buf_free(&out);
	if (rc == 0 && (w.differs || w.at < len))
		rc = err_set(e, R_DOCUMENT_FORM, "line %u: not canonical (FORMAT 2.3)", schema_line(data, w.at));
	return rc;
}

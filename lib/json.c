/*
 * jansson with two habits: texts from outside always become valid strings, one object is one line of ASCII. Refuses,
 * when parsing, everything but one object: duplicate members, NULs, depth above MAX_DEPTH, anything around it.
 */
#include "lib/json.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/text.h"

#include "lib/banned.h"

#define MAX_DEPTH 16

/* A member could not be set: no object of this process may be printed any more, since one of them lacks something. */
static atomic_bool incomplete;

json_t *json_text(const char *s)
{
	size_t len = strlen(s);
	struct buf clean = {0};
	json_t *text;

	for (size_t at = 0; at < len;) {
		uint32_t cp;
		size_t n = text_decode((const uint8_t *)s + at, len - at, &cp);

		if (n > 0)
			buf_append(&clean, s + at, n);
		else
			buf_printf(&clean, "\\x%02x", (unsigned)(unsigned char)s[at]);
		at += n > 0 ? n : 1;
	}
	buf_append(&clean, "", 0);
	text = clean.failed ? NULL : json_stringn((const char *)clean.data, clean.len);
	buf_free(&clean);
	return text;
}

int json_put(json_t *o, const char *key, json_t *take)
{
	if (json_object_set_new(o, key, take) == 0)
		return 0;
	atomic_store(&incomplete, true);
	return -1;
}

int json_put_text(json_t *o, const char *key, const char *s)
{
	return json_put(o, key, json_text(s));
}

int json_put_number(json_t *o, const char *key, uint64_t n)
{
	char text[24];

	if (n <= INT64_MAX)
		return json_put(o, key, json_integer((json_int_t)n));
	snprintf(text, sizeof text, "%llu", (unsigned long long)n);	/* beyond jansson's integers */
	return json_put_text(o, key, text);
}

static int take(const char *data, size_t len, void *out)
{
	buf_append(out, data, len);
	return ((struct buf *)out)->failed ? -1 : 0;
}

int json_line(const json_t *o, struct buf *out, struct err *e)
{
	size_t before = out->len;

	if (o == NULL || atomic_load(&incomplete))
		return err_mem(e);
	if (json_dump_callback(o, take, out, JSON_ENSURE_ASCII | JSON_COMPACT | JSON_PRESERVE_ORDER) == 0)
		return 0;
	if (out->len > before)
		out->len = before;
	return err_mem(e);
}

/* Depth of brackets outside strings, before jansson (which allows 2048) recurses into them. */
static bool too_deep(const char *data, size_t len)
{
	bool string = false;
	unsigned depth = 0;

	for (size_t i = 0; i < len; i++) {
		if (string) {
			if (data[i] == '\\')
				i++;
			else if (data[i] == '"')
				string = false;
		} else if (data[i] == '"') {
			string = true;
		} else if (data[i] == '{' || data[i] == '[') {
			if (++depth > MAX_DEPTH)
				return true;
		} else if ((data[i] == '}' || data[i] == ']') && depth > 0) {
			depth--;
		}
	}
	return false;
}

json_t *json_parse_line(const char *data, size_t len, struct err *e)
{
	json_error_t cause;
	json_t *o;

	/* jansson passes over a NUL that stands behind a number */
	if (len < 2 || data[0] != '{' || data[len - 1] != '}' || memchr(data, '\0', len) != NULL) {
		err_set(e, ERR_FORM, "not one JSON object");
		return NULL;
	}
	if (too_deep(data, len)) {
		err_set(e, ERR_FORM, "JSON deeper than %d levels", MAX_DEPTH);
		return NULL;
	}
	o = json_loadb(data, len, JSON_REJECT_DUPLICATES, &cause);
	if (o == NULL && json_error_code(&cause) == json_error_out_of_memory)
		err_mem(e);
	else if (o == NULL)
		err_set(e, ERR_FORM, "JSON, byte %d: %s", cause.position, cause.text);
	return o;
}

const char *json_get_text(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

int json_get_number(const json_t *o, const char *key, uint64_t *out)
{
	const json_t *n = json_object_get(o, key);

	if (!json_is_integer(n) || json_integer_value(n) < 0)
		return -1;
	*out = (uint64_t)json_integer_value(n);
	return 0;
}

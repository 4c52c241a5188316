/*
 * A document as a JSON object, for `show --json` and other programs. Same names, same order, what is absent is absent.
 */
#include "manifests/schema.h"

#include "lib/err.h"
#include "lib/json.h"
#include "lib/num.h"
#include "manifests/schema_impl.h"

#include "lib/banned.h"

static json_t *object(const struct schema *s, const void *in);

static json_t *hex(const struct digest *d)
{
	char digits[DIGEST_HEX + 1];

	return json_text(digest_hex(d, digits));
}

static json_t *list(const struct field *f, const void *in)
{
	size_t n = *(const size_t *)schema_at_const(in, f->count_at), size = schema_element_size(f);
	const char *first = schema_pointer(f, in);
	json_t *array = json_array(), *one;

	for (size_t i = 0; array && i < n; i++) {
		const void *p = first + i * size;

		if (f->kind == FIELD_TEXTS)
			one = json_text(*(char *const *)p);
		else
			one = f->kind == FIELD_DIGESTS ? hex(p) : object(f->sub, p);
		if (json_array_append_new(array, one)) {	/* also where one is NULL */
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *member(const struct field *f, const void *in)
{
	const void *p = schema_at_const(in, f->at);
	char time[32];

	switch (f->kind) {
	case FIELD_TEXT:
		return json_text(*(char *const *)p);
	case FIELD_DIGEST:
		return hex(p);
	case FIELD_NUMBER:
		return json_integer((json_int_t)*(const uint64_t *)p);
	case FIELD_TIME:
		return json_text(num_format_time(*(const int64_t *)p, time));
	case FIELD_BOOL:
	case FIELD_FLAG:
		return json_boolean(*(const bool *)p);
	case FIELD_CHOICE:
		return json_text(f->words[*(const int *)p]);
	case FIELD_MAP:
	case FIELD_BLOCK:
		return object(f->sub, p);
	default:
		return list(f, in);
	}
}

static json_t *object(const struct schema *s, const void *in)
{
	json_t *o = json_object();
	int rc = o ? 0 : -1;

	if (rc == 0 && s->type)
		rc = json_put_text(o, "type", s->type);
	for (const struct field *f = s->fields; rc == 0 && f->name; f++)
		if (schema_present(f, in))
			rc = json_put(o, f->name, member(f, in));
	if (rc) {
		json_decref(o);
		return NULL;
	}
	return o;
}

json_t *schema_json(const struct schema *s, const void *in)
{
	return object(s, in);
}

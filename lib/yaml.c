/*
 * libyaml's events as a pull reader. Refuses what makes YAML dangerous or ambiguous: anchors, aliases, tags,
 * directives, a second document, characters that readers change, depth. Unless lenient also document markers, single
 * quotes and block scalars.
 */
#include "lib/yaml.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "lib/err.h"
#include "lib/text.h"

#include "lib/banned.h"

struct yaml {
	yaml_parser_t parser;
	yaml_event_t event;	/* the one that the last yaml_item points into */
	bool have_event;
	bool lenient, done;
	unsigned depth, max_depth;
	struct err err;		/* the first one, given again by every later call */
};

static void drop(struct yaml *y)
{
	if (y->have_event)
		yaml_event_delete(&y->event);
	y->have_event = false;
}

static int refuse(struct yaml *y, const char *what)
{
	return err_set(&y->err, ERR_FORM, "line %zu: %s", y->event.start_mark.line + 1, what);
}

/* The next event of libyaml into y->event. */
static int fetch(struct yaml *y)
{
	drop(y);
	if (yaml_parser_parse(&y->parser, &y->event) != 1) {
		const yaml_parser_t *p = &y->parser;

		if (p->error == YAML_MEMORY_ERROR)
			return err_mem(&y->err);
		return err_set(&y->err, ERR_FORM, "line %zu: %s", p->problem_mark.line + 1,
			       p->problem != NULL ? p->problem : "no YAML");
	}
	y->have_event = true;
	return 0;
}

/* Characters no reader may see: libyaml would skip some (a byte order mark) and take others for line ends. */
static int check_characters(const uint8_t *data, size_t len, bool lenient, struct err *e)
{
	unsigned line = 1;

	for (size_t at = 0; at < len;) {
		uint32_t cp;
		size_t n = text_decode(data + at, len - at, &cp);

		if (n == 0)
			return err_set(e, ERR_FORM, "line %u: not UTF-8", line);
		if (text_forbidden(cp) && !(lenient && (cp == '\t' || cp == '\r')))
			return err_set(e, ERR_FORM, "line %u: contains the character U+%04X", line, (unsigned)cp);
		line += cp == '\n';
		at += n;
	}
	return 0;
}

/* Everything before the first value: the input's and the document's start. */
static int begin(struct yaml *y)
{
	if (fetch(y) == -1 || fetch(y) == -1)
		return -1;
	if (y->event.type != YAML_DOCUMENT_START_EVENT)
		return refuse(y, "no document");
	if (y->event.data.document_start.version_directive != NULL ||
	    y->event.data.document_start.tag_directives.start != y->event.data.document_start.tag_directives.end)
		return refuse(y, "a directive");
	if (!y->event.data.document_start.implicit && !y->lenient)
		return refuse(y, "a document marker");
	return 0;
}

struct yaml *yaml_open(const void *data, size_t len, unsigned max_depth, bool lenient, struct err *e)
{
	struct yaml *y;

	if (check_characters(data, len, lenient, e) == -1)
		return NULL;
	y = calloc(1, sizeof *y);
	if (y == NULL || yaml_parser_initialize(&y->parser) != 1) {
		free(y);
		err_mem(e);
		return NULL;
	}
	y->lenient = lenient;
	y->max_depth = max_depth;
	yaml_parser_set_encoding(&y->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&y->parser, len > 0 ? data : (const void *)"", len);
	if (begin(y) == -1) {
		if (e != NULL && e->reason == ERR_NONE)
			*e = y->err;
		yaml_close(y);
		return NULL;
	}
	return y;
}

static int open_level(struct yaml *y, const yaml_char_t *anchor, const yaml_char_t *tag)
{
	if (anchor != NULL)
		return refuse(y, "an anchor");
	if (tag != NULL)
		return refuse(y, "a tag");
	if (++y->depth > y->max_depth)
		return err_set(&y->err, ERR_FORM, "line %zu: deeper than %u levels", y->event.start_mark.line + 1,
			       y->max_depth);
	return 0;
}

static int take_scalar(struct yaml *y, struct yaml_item *out)
{
	yaml_scalar_style_t style = y->event.data.scalar.style;

	if (y->event.data.scalar.anchor != NULL)
		return refuse(y, "an anchor");
	if (y->event.data.scalar.tag != NULL)
		return refuse(y, "a tag");
	if (style != YAML_PLAIN_SCALAR_STYLE && style != YAML_DOUBLE_QUOTED_SCALAR_STYLE && !y->lenient)
		return refuse(y, "a string that is not in double quotes");
	out->type = YAML_SCALAR;
	out->quoted = style != YAML_PLAIN_SCALAR_STYLE;
	out->value = (const char *)y->event.data.scalar.value;
	out->len = y->event.data.scalar.length;
	return 0;
}

/* The document's end: nothing may follow. */
static int end(struct yaml *y, struct yaml_item *out)
{
	if (!y->event.data.document_end.implicit && !y->lenient)
		return refuse(y, "a document marker");
	if (fetch(y) == -1)
		return -1;
	if (y->event.type != YAML_STREAM_END_EVENT)
		return refuse(y, "a second document");
	y->done = true;
	out->type = YAML_DONE;
	return 0;
}

static int next(struct yaml *y, struct yaml_item *out)
{
	if (y->err.reason != ERR_NONE)
		return -1;
	*out = (struct yaml_item){.type = YAML_DONE, .line = (unsigned)y->event.start_mark.line + 1};
	if (y->done)
		return 0;
	if (fetch(y) == -1)
		return -1;
	out->line = (unsigned)y->event.start_mark.line + 1;
	switch (y->event.type) {
	case YAML_MAPPING_START_EVENT:
		out->type = YAML_MAP;
		return open_level(y, y->event.data.mapping_start.anchor, y->event.data.mapping_start.tag);
	case YAML_SEQUENCE_START_EVENT:
		out->type = YAML_LIST;
		return open_level(y, y->event.data.sequence_start.anchor, y->event.data.sequence_start.tag);
	case YAML_MAPPING_END_EVENT:
		out->type = YAML_MAP_CLOSE;
		y->depth--;
		return 0;
	case YAML_SEQUENCE_END_EVENT:
		out->type = YAML_LIST_CLOSE;
		y->depth--;
		return 0;
	case YAML_SCALAR_EVENT:
		return take_scalar(y, out);
	case YAML_DOCUMENT_END_EVENT:
		return end(y, out);
	case YAML_ALIAS_EVENT:
		return refuse(y, "an alias");
	default:
		return refuse(y, "an unexpected event");
	}
}

int yaml_next(struct yaml *y, struct yaml_item *out, struct err *e)
{
	if (next(y, out) == 0)
		return 0;
	if (e != NULL && e->reason == ERR_NONE)
		*e = y->err;
	return -1;
}

void yaml_close(struct yaml *y)
{
	if (y == NULL)
		return;
	drop(y);
	yaml_parser_delete(&y->parser);
	free(y);
}

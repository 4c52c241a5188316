/*
 * libyaml as a pull reader with everything dangerous refused: anchors, aliases, tags, directives, more than one
 * document, text after it, depth above the given one. Events carry line numbers for messages.
 */
#ifndef LIB_YAML_H
#define LIB_YAML_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct yaml;

enum yaml_type {
	YAML_MAP = 1, YAML_MAP_CLOSE, YAML_LIST, YAML_LIST_CLOSE, YAML_SCALAR, YAML_DONE
};
struct yaml_item {
	enum yaml_type type;
	bool quoted;		/* scalar: double-quoted (single-quoted and block scalars are refused unless lenient) */
	const char *value;	/* scalar: NUL-terminated, valid until the next call; may hold NULs only within len */
	size_t len;
	unsigned line;		/* 1-based */
};

/* data must outlive the reader. lenient: single-quoted scalars pass as quoted (for files that people write). */
struct yaml *yaml_open(const void *data, size_t len, unsigned max_depth, bool lenient, struct err *e);
int yaml_next(struct yaml *y, struct yaml_item *out, struct err *e);	/* 0, or -1 with ERR_FORM and the line */
void yaml_close(struct yaml *y);

#endif

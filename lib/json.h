/*
 * jansson with two habits: texts from outside always become valid strings, and one object is one line of ASCII.
 */
#ifndef LIB_JSON_H
#define LIB_JSON_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct err;
struct buf;

/* A JSON string of s; ill-formed bytes become \xHH text. NULL: out of memory. */
json_t *json_text(const char *s);
/* Set members of an object; errors are latched by making json_line fail: returns 0 or -1. */
int json_put(json_t *o, const char *key, json_t *take);	/* takes the reference, also on error */
int json_put_text(json_t *o, const char *key, const char *s);
int json_put_number(json_t *o, const char *key, uint64_t n);

/* Appends the object in one line: compact, members in order of insertion, non-ASCII as \u, no LF at the end. */
int json_line(const json_t *o, struct buf *out, struct err *e);
/* Parses exactly one object from len bytes: no duplicate members, nothing after it, depth at most 16. NULL on error. */
json_t *json_parse_line(const char *data, size_t len, struct err *e);
/* Members: NULL / -1 when missing or of another type. */
const char *json_get_text(const json_t *o, const char *key);
int json_get_number(const json_t *o, const char *key, uint64_t *out);

#endif

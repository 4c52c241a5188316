/*
 * The only way to the terminal. Everything is escaped here (text_escape), so that no name from outside can move the
 * cursor, and written whole. Results go to stdout, talk to stderr.
 */
#ifndef LIB_SAY_H
#define LIB_SAY_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/json.h"

struct err;

struct say {
	const char *program;	/* its name, which messages begin with */
	bool quiet;		/* -q: no talk but warnings and errors */
	bool json;		/* --json: results as JSON objects; say_line prints nothing */
	const char *(*word)(int reason);	/* the stable word of a reason */
};

/* Once, from main; the struct must stay until say_start(NULL). */
void say_start(const struct say *s);
bool say_json(void);	/* whether results are to be printed as JSON */

/* A result line on stdout (LF added). Nothing under --json. */
void say_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A result that is a document and nothing but text that may stand on a terminal: as it is, also under --json. */
void say_bytes(const void *data, size_t len);
/* A result object on stdout under --json, nothing otherwise. Takes the reference. */
void say_object(json_t *take);
/* The same with one more member, the last: a list of n objects, each made when its turn comes, so that they may be many. */
void say_object_list(json_t *take, const char *key, size_t n, json_t *(*make)(const void *arg, size_t i), const void *arg);
/* Talk: "PROGRAM: TEXT" on stderr; not under -q. */
void say_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void say_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));	/* also under -q: "PROGRAM: warning: TEXT" */
/* "PROGRAM: TEXT (WORD)" on stderr, and under --json {"error": WORD, "message": TEXT} on stdout. */
void say_error(const struct err *e);
/* 0, or -1 where stdout or stderr could not be written (main then turns 0 into an I/O error). */
int say_finish(struct err *e);

#endif

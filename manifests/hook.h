/*
 * HOOK: a command that the configuration of a station or store names for an event, run without a shell (lib/process). It gets
 * SATCHEL_* variables and PATH, nothing else of ours; what it says, at most HOOK_MAX_OUTPUT bytes, is for the journal.
 */
#ifndef MANIFESTS_HOOK_H
#define MANIFESTS_HOOK_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/json.h"

struct err;

#define HOOK_MAX_OUTPUT 4096
#define HOOK_MAX_VARS 24
#define HOOK_SECONDS 600	/* how long one may run where nothing is said */
#define HOOK_MAX_SECONDS 86400

/* A row of a schema: the program and its arguments; member and member_n of the struct. */
#define HOOK_FIELD(type, member) {.name = #member, .kind = FIELD_TEXTS, .at = offsetof(type, member), \
				  .count_at = offsetof(type, member##_n), .optional = true, .min = 1, .max = PATH_MAX_LEN, \
				  .max_count = MAX_HOOK_WORDS}
/* Programs are named by absolute paths: ERR_CONFIG. n 0: there is none. */
int hook_check(char *const *words, size_t n, struct err *e);

struct hook_env {		/* zero-initialise */
	char *list[HOOK_MAX_VARS + 1];
	size_t n;
	bool failed;
};
/* Adds SATCHEL_NAME=value; control characters are escaped. Failures are latched until it is used. */
void hook_put(struct hook_env *env, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void hook_free(struct hook_env *env);

enum hook_answer {
	HOOK_YES,		/* exit 0 */
	HOOK_NO,		/* exit 1 */
	HOOK_FAILED		/* anything else: it could not judge, or took too long */
};
struct hook {
	const char *event;	/* SATCHEL_EVENT */
	char *const *words;	/* the program and its arguments */
	size_t n;
	unsigned seconds;
	const char *path;	/* a last argument, and SATCHEL_PATH; or NULL */
};
/*
 * Runs it and takes env over. *line: what the journal shall say of it ("hook", "command", "code" or "error", "output"), the
 * caller's. warning: set where it did not exit with 0, or could not be run. 0, or -1 (memory).
 */
int hook_run(const struct hook *h, struct hook_env *env, enum hook_answer *out, json_t **line, struct err *warning,
	     struct err *e);

#endif

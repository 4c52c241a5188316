/*
 * HOOKS: the commands of store.yaml, run without a shell (lib/process). Each gets SATCHEL_* variables and PATH, nothing else
 * of ours; what it says, at most HOOKS_MAX_OUTPUT bytes, goes into the journal. They run while the store is locked.
 *
 *     SATCHEL_EVENT       scan, published, refused, waiting
 *     SATCHEL_STORE       the store's path; SATCHEL_STORE_NAME its name
 *     SATCHEL_STREAM      (all but a refused bundle of no stream)
 *     scan:               SATCHEL_PATH, also the last argument; SATCHEL_ITEM, SATCHEL_REVISION where it is one item
 *     published, waiting: SATCHEL_LIST (in effect), SATCHEL_NEWEST, SATCHEL_ROLLBACK (1 or empty), SATCHEL_ITEMS,
 *                         SATCHEL_ADDED, SATCHEL_CHANGED, SATCHEL_REMOVED, SATCHEL_WAITING, SATCHEL_MISSING
 *     refused:            SATCHEL_REASON, SATCHEL_TEXT; SATCHEL_BUNDLE and SATCHEL_MEDIUM, or SATCHEL_ITEM and SATCHEL_REVISION
 */
#ifndef IMPORT_HOOKS_H
#define IMPORT_HOOKS_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct run;

#define HOOKS_MAX_OUTPUT 4096
#define HOOKS_MAX_VARS 24

enum hooks_event { HOOKS_SCAN, HOOKS_PUBLISHED, HOOKS_REFUSED, HOOKS_WAITING };

struct hooks_env {		/* zero-initialise */
	char *list[HOOKS_MAX_VARS + 1];
	size_t n;
	bool failed;
};
/* Adds SATCHEL_NAME=value; control characters are escaped. Failures are latched until it is used. */
void hooks_put(struct hooks_env *env, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void hooks_free(struct hooks_env *env);

/* Whether there is a command for it. */
bool hooks_wanted(const struct run *r, enum hooks_event event);
/* Tells somebody: a command that fails is warned of and changes nothing. Takes env over. 0, or -1 (the journal). */
int hooks_notify(struct run *r, enum hooks_event event, struct hooks_env *env, struct err *e);

enum hooks_answer {
	HOOKS_YES,		/* exit 0 */
	HOOKS_NO,		/* exit 1 */
	HOOKS_FAILED		/* anything else: it could not judge, or took too long */
};
/* Asks the scan hook about a path below the store. Takes env over. 0, or -1. */
int hooks_ask(struct run *r, const char *path, struct hooks_env *env, enum hooks_answer *out, struct err *e);

#endif

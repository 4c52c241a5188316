/*
 * HOOKS: the commands of store.yaml (manifests/hook.h). What they say goes into the journal; they run while the store is
 * locked.
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

#include "manifests/hook.h"

struct err;
struct run;

enum hooks_event { HOOKS_SCAN, HOOKS_PUBLISHED, HOOKS_REFUSED, HOOKS_WAITING };

/* Whether there is a command for it. */
bool hooks_wanted(const struct run *r, enum hooks_event event);
/* Tells somebody: a command that fails is warned of and changes nothing. Takes env over. 0, or -1 (the journal). */
int hooks_notify(struct run *r, enum hooks_event event, struct hook_env *env, struct err *e);

/* Asks the scan hook about a path below the store. Takes env over. 0, or -1. */
int hooks_ask(struct run *r, const char *path, struct hook_env *env, enum hook_answer *out, struct err *e);

#endif

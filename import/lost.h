/*
 * LOST: a list that the state in service names, and that is not kept, or damaged: nobody can tell then what is to be
 * published, and an older list must not come into effect in its place. kept > LOST > outlook, status, prune, check. Reads only.
 */
#ifndef IMPORT_LOST_H
#define IMPORT_LOST_H

#include "verify/state.h"

struct err;

/* By what is kept: 0, or R_STORE_DAMAGED, naming the stream, where what `now` (or NULL) says is complete, or newest, is gone or
 * damaged. */
int lost_check(const struct store *s, const char *stream, const struct state *now, struct err *e);
/* Whether `is` (or NULL: there is none) may be the newest list where `was` has been: the same, a later one, or `was` was dropped
 * under a new trust root, as the journal says. 0, or R_STORE_DAMAGED. */
int lost_newest(const struct store *s, const char *stream, const struct list_ref *was, const struct list_ref *is, struct err *e);

#endif

/*
 * KEPT: the approval lists a store keeps, as far as they can be relied on. A list whose bytes, signatures or place do not
 * verify by the root recorded with it is damaged: it is not known, and nothing is concluded from it. lists > KEPT > admit,
 * lost, outlook. Writes nothing.
 */
#ifndef IMPORT_KEPT_H
#define IMPORT_KEPT_H

#include <stdbool.h>

#include "lib/json.h"
#include "verify/state.h"

struct err;

enum kept {
	KEPT_NOT,
	KEPT_WHOLE,
	KEPT_DAMAGED
};
/*
 * What became of the list of this epoch and revision: an enum kept, or -1. ref->sha256: the digest that it may have; a list
 * of it is not parsed. *is: the digest of a whole one.
 */
int kept_judge(const struct store *s, const char *stream, const struct list_ref *ref, struct digest *is, struct err *e);
/*
 * Which lists of a stream were ever admitted, with which digests, by the journal, else by a state.yaml, kept or not: another list of such
 * a number must not take its place, be it damaged, gone, or dropped by policy. Some 80 bytes for each list that approvers signed.
 */
struct kept_past;
/* Reads the journal and both states: NULL on error; free with kept_past_free. */
struct kept_past *kept_past_load(const struct store *s, const char *stream, struct err *e);
/* What the journal is told after that: the event, with its members. */
int kept_past_note(struct kept_past *p, const char *event, const json_t *members, struct err *e);
/* The digest that the list of this epoch and revision was admitted with: false where there was none, or a new trust root dropped it. */
bool kept_past_digest(const struct kept_past *p, const struct list_ref *ref, struct digest *out);
void kept_past_free(struct kept_past *p);
/* Whether the journal says that this list was dropped under a new trust root, and not that it was admitted again: 1, 0, -1. */
int kept_was_dropped(const struct store *s, const char *stream, const struct list_ref *ref, struct err *e);
/* 0 where this list is kept whole, or R_STORE_DAMAGED as of kept_refuse. */
int kept_need(const struct store *s, const char *stream, const struct list_ref *ref, struct err *e);
/*
 * R_STORE_DAMAGED about a list that is damaged, or gone, or has another one in its place: which it is, and what to do. Any other reason
 * has nothing to do with the list. Always -1.
 */
int kept_refuse(const struct store *s, const char *stream, const struct list_ref *ref, struct err *e);
/* Loads one: NULL as of kept_refuse. */
struct approvals *kept_load(const struct store *s, const char *stream, const struct list_ref *ref, struct err *e);
/* Calls each for every damaged one, ascending, with what kept_load says of it. */
int kept_each_damaged(const struct store *s, const char *stream,
		      int (*each)(void *arg, const struct list_ref *ref, const struct err *why, struct err *e), void *arg,
		      struct err *e);

#endif

/*
 * PUBLISH: makes the tree that is not current equal to what effect says, by the difference only, then makes it current
 * by one rename of the link. Crash rule: state.yaml of a tree says `building`, with what it held and what it shall hold,
 * before the tree is touched; both documents are synced; an interrupted build is finished (idempotently) before anything
 * else is done with that tree.
 */
#ifndef IMPORT_PUBLISH_H
#define IMPORT_PUBLISH_H

#include <stdbool.h>
#include <stdint.h>

#include "verify/state.h"

struct err;
struct objects;
struct service;

struct publish_result {
	bool switched;		/* the link was moved */
	uint64_t items_added, items_removed, items_changed;	/* against the tree that was current */
};
/*
 * want: a clean state (items sorted; waiting, missing, newest, complete filled in). Where the items equal those of the
 * current tree only its state.yaml is replaced. Where neither tree holds anything both are built, and then one is switched
 * to: what has no room on the disk for both trees' directories is not served at all. After a switch to the first full list the
 * other tree is built too. A tree whose state is gone is not trusted: where it is current, the other one takes its place.
 */
int publish_update(const struct store *s, struct objects *o, const struct state *want, struct publish_result *r, struct err *e);
/*
 * After an interruption that left objects unsettled, before objects_recover: empties the trees whose links would hide torn objects
 * from it (verify/unfinished.h). Not durable before the next sync, after which the marker goes; until then it is done again.
 */
int publish_undo(const struct store *s, struct err *e);
/* Finishes interrupted builds of a stream, if any: *found. Called at start with the lock held. */
int publish_recover(const struct store *s, struct objects *o, const char *stream, bool *found, struct err *e);
/* Puts the links and folders of a stream right where service_judge found a fault; the tree itself is publish_update's. A link that
 * leads elsewhere is replaced; R_STORE_DAMAGED where something else stands in its place. */
int publish_restore(const struct store *s, const struct service *v, struct err *e);
/*
 * Makes the names of these objects (sorted) what they must be in both trees, one by one: healed ones get theirs back, those
 * that are lost lose them, unless a name still has the bytes: then the object gets them from there and is healed. places (or NULL) is answered for them.
 */
struct digest;
struct places;
int publish_heal(const struct store *s, struct objects *o, const char *stream, const struct digest *list, size_t n,
		 struct places *places, struct err *e);
/* Makes the folders and links of a stream at init: streams/NAME/{a,b,lists}, published/NAME. */
int publish_init(const struct file *store, const char *stream, struct err *e);

#endif

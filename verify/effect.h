/*
 * EFFECT: what is published, as a pure function (DESIGN 5). No file is touched here: lists come in parsed, objects
 * are asked for through `ready`. FORMAT.md does not describe it, DESIGN's words do; they stand in effect.c beside the code.
 */
#ifndef VERIFY_EFFECT_H
#define VERIFY_EFFECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/digest.h"
#include "manifests/approvals.h"

struct err;

struct effect_ready {		/* answer about one entry's contents */
	bool received;		/* contents list, parts and objects are all received */
	uint64_t objects, bytes;	/* missing ones as far as known (a missing contents list or part: 1 object) */
};
struct effect_input {
	const struct approvals *const *lists;	/* admitted and kept, ascending by (epoch, revision); may be empty */
	size_t lists_n;
	char *const *rings;
	size_t rings_n;
	/* Whether an entry's contents are all received. Asked at most once for each contents digest, of newest and the lists
	 * down to complete, and where something is held of older ones too. */
	int (*ready)(void *arg, const struct approval *entry, struct effect_ready *out, struct err *e);
	bool (*held)(void *arg, const struct digest *contents);	/* by the scan hook; NULL: nothing is */
	void *arg;
	/* How many of the highest lists don't count as complete, whatever is received: none for who publishes; an auditor asks what
	 * followed from the list that was complete. */
	size_t not_complete;
	/* A rollback in force: index in lists, or SIZE_MAX. `rollback_newest`: index of the newest list of that moment. */
	size_t rollback, rollback_newest;
	/* Contents that a rollback in force publishes although they are revoked (--with-revoked); any order. It counts only
	 * while the rollback is in force. */
	const struct digest *exempt;
	size_t exempt_n;
};
struct effect_item {
	const struct approval *entry;	/* in lists[list] */
	size_t list;
};
struct effect_waiting {
	const struct approval *entry;	/* of newest */
	uint64_t objects, bytes;
	const char *why;	/* "objects", "requires", "held", "list" (waits for the rest of its list), "nested", "rollback" (its
				 * list doesn't count while the rollback is in force) */
	const char *whom;	/* the item in the way, or NULL */
};
struct effect {
	size_t newest, complete;	/* indexes, or SIZE_MAX; complete: the rollback's list while one is in force */
	bool rollback;		/* one is in force: false where it was given but has ended, since a later list is complete */
	bool complete_received;	/* so is all of complete; not so, maybe, a list gone back to */
	bool newest_received;	/* of newest every entry for these rings is received (false without lists) */
	struct effect_item *items;	/* published, sorted by item */
	size_t items_n;
	struct effect_waiting *waiting;	/* entries of newest for these rings that are not what is published, sorted by item */
	size_t waiting_n;
};
/* 0 or -1. Entries stay owned by the lists. */
int effect_compute(const struct effect_input *in, struct effect *out, struct err *e);
void effect_free(struct effect *f);

#endif

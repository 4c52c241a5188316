/*
 * The draft: every item seen, its revisions, and the decisions so far (STATION/draft.yaml, `satchel: draft/1`, unsigned).
 * Every decision and revocation is of a revision that has its row.
 */
#ifndef EXPORT_DRAFT_H
#define EXPORT_DRAFT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/arena.h"
#include "manifests/approvals.h"

struct err;
struct station;

struct draft_revision {		/* one row for each revision of each item */
	char *item;
	uint64_t revision;
	struct contents_ref contents;
	int64_t seen;		/* when scan first saw it */
	char **requires;	/* items its links point into; sorted */
	size_t requires_n;
	bool declined;		/* decided: not this revision */
	char **declined_for;	/* decided: not for these rings; sorted, distinct */
	size_t declined_for_n;
	bool gone;		/* newest revision only: no longer under the content root */
};
struct draft {
	struct draft_revision *revisions;	/* sorted by item, revision */
	size_t revisions_n;
	struct approval *decisions;	/* what the next list will say; sorted as in a list */
	size_t decisions_n;
	struct revocation *revoked;	/* sorted as in a list; since: 0, freezing knows it */
	size_t revoked_n;
	struct arena arena;
};
extern const struct schema draft_schema;

/*
 * Loads STATION/draft.yaml; an empty draft where nothing was decided yet. Where it is gone although lists were frozen from it, or is
 * damaged, R_STATION_DAMAGED with what to do: taken for an empty one, it would withdraw everything and forget what was revoked. Free
 * with draft_free.
 */
struct draft *draft_load(const struct station *s, struct err *e);
/* Whether it is gone although lists were frozen from it: 1, 0, -1. And one that says nothing, to be made again from a list. */
int draft_lost(const struct station *s, struct err *e);
struct draft *draft_new(struct err *e);
int draft_save(const struct station *s, const struct draft *d, struct err *e);
void draft_free(struct draft *d);
/* Rows of an item: first index (where there are none: where they would stand) and count. */
size_t draft_find(const struct draft *d, const char *item, size_t *count);
/* Whether a revision was declined for a ring, or as such. */
bool draft_declined(const struct draft_revision *r, const char *ring);
/* Remembers, and forgets, that one was declined for a ring. The name must outlive the draft. */
int draft_decline(struct draft *d, struct draft_revision *r, char *ring, struct err *e);
void draft_allow(struct draft_revision *r, const char *ring);
/* The newest revision of an item, or NULL. */
const struct draft_revision *draft_newest(const struct draft *d, const char *item);
/* A digest over the newest revision of every item: what a scan compares with. */
int draft_fingerprint(const struct draft *d, struct digest *out, struct err *e);

#endif

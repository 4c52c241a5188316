/*
 * LACKING: the objects a store knows it lacks, and what is there of them: set aside as damaged, staged in part, needed by
 * the newest lists. objects, outlook > LACKING > receipt.
 */
#ifndef IMPORT_LACKING_H
#define IMPORT_LACKING_H

#include <stddef.h>
#include <stdint.h>

#include "lib/distinct.h"
#include "manifests/receipt.h"

struct err;
struct objects;
struct outlook;

struct lacking {		/* zero-initialise */
	struct receipt_missing *list;	/* at most MAX_RECEIPT_MISSING; all of an object or nothing */
	size_t n, room;
	uint64_t objects;	/* in all */
	struct distinct seen;
};
/* In this order: each object is counted once, and as what it was added first. 0 or -1. */
int lacking_add_staged(struct lacking *l, const struct objects *o, struct err *e);
int lacking_add_lost(struct lacking *l, const struct digest *d, struct err *e);
int lacking_add_newest(struct lacking *l, struct objects *o, const struct outlook *look, char *const *rings, size_t rings_n,
		       struct err *e);
/* Puts them into order. */
void lacking_sort(struct lacking *l);
void lacking_free(struct lacking *l);

#endif

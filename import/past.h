/*
 * PAST: what the journal tells a receipt: the receipts before, and what was refused. journal > PAST > receipt.
 */
#ifndef IMPORT_PAST_H
#define IMPORT_PAST_H

#include <stddef.h>
#include <stdint.h>

#include "lib/arena.h"
#include "manifests/limits.h"
#include "manifests/receipt.h"

struct err;
struct file;

struct past {		/* zero-initialise */
	struct receipt_history history[MAX_RECEIPT_HISTORY];	/* the newest, in a ring */
	size_t history_n;	/* receipts in all */
	struct receipt_refusal refusals[MAX_RECEIPT_REFUSALS];	/* the newest, in a ring */
	size_t refusals_n;	/* in all */
	uint64_t counter;	/* the highest so far; 0: none */
	char *sandbox;		/* of the newest line that tells of one, or NULL; owned */
	struct arena arena;
};
/* Reads the journal of a store. 0 or -1. */
int past_read(const struct file *store, struct past *p, struct err *e);
/* Adds a receipt just journaled. */
void past_add(struct past *p, const struct receipt_history *h);
/* Puts them into a receipt, oldest first; its lists and texts live as long as p. */
int past_fill(struct past *p, struct receipt *r, struct err *e);
void past_free(struct past *p);

#endif

/*
 * What a store shows against what its journal tells. A run tells of a list it admits, of a rollback, and that it begins, before
 * it does so; it indexes a bundle, and ends, after it has told of that (FORMAT 10.7). So what is there and is not told was put there by somebody
 * else, or the journal lost its end; no kill explains it.
 */
#ifndef VERIFY_AUDIT_TOLD_H
#define VERIFY_AUDIT_TOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/digest.h"

struct err;
struct kept_lists;
struct report;
struct rollback;
struct state;
struct store;

/* The journal from its start, its trust roots and its runs; *length and *head of it. What is wrong is reported; -1 only where the
 * audit can't go on. */
int audit_told_store(const struct store *s, struct report *r, uint64_t *length, struct digest *head, struct err *e);

struct audit_told {		/* of one stream; loaded before the journal is read here, which only grows */
	const struct store *store;
	const char *stream;
	struct report *report;
	const struct kept_lists *lists;	/* with the digests of those that are good, zeros else */
	const struct state *const *states;	/* of a and b; NULL: none */
	const struct rollback *rollback;	/* in rollback.yaml, or NULL */
};
/* *settled: the journal is whole, and no run is at work or was cut off. */
int audit_told_stream(const struct audit_told *t, bool *settled, struct err *e);

#endif

/*
 * ROOTS: new trust roots, which unseal found and judged, become the store's own: a transaction of its own, whatever
 * becomes of the bundle they came with.
 */
#ifndef IMPORT_ROOTS_H
#define IMPORT_ROOTS_H

#include <stddef.h>

struct err;
struct run;

/* Writes chain.roots[from..] of the run's store to trust/, journals them, and judges waiting lists again. 0 or -1. */
int roots_commit(struct run *r, size_t from, struct err *e);
/* After an interrupted run: roots that were committed and not journaled are journaled. */
int roots_recover(struct run *r, struct err *e);
/* Removes what an interrupted commit left in stage/. */
struct store;
int roots_sweep(const struct store *s, struct err *e);

#endif

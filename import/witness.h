/*
 * WITNESS: a manifest names the head of this store's journal as the station last saw it in a receipt. A journal that
 * does not hold that line was replaced by an older one: the store was restored from a backup.
 */
#ifndef IMPORT_WITNESS_H
#define IMPORT_WITNESS_H

struct err;
struct manifest;
struct manifest_witness;
struct store;

/* The first witness for this store that its journal doesn't hold: 1 and *out; 0 where there is none; -1. */
int witness_missing(const struct store *s, const struct manifest *m, const struct manifest_witness **out, struct err *e);

#endif

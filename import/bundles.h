/*
 * BUNDLES: which bundles of a stream a store has taken in (verify/bundles.h), asked and written.
 */
#ifndef IMPORT_BUNDLES_H
#define IMPORT_BUNDLES_H

#include <stdbool.h>
#include <stdint.h>

#include "verify/bundles.h"

struct err;
struct store;

/* Reads it, or makes it from the journal in memory. NULL on error; free with bundles_free. */
struct bundles *bundles_load(const struct store *s, const char *stream, struct err *e);
void bundles_free(struct bundles *b);
/* At the start of a run that may write: one that is gone or damaged is made again, on disk. now: since when a stream that has none is
 * followed, where the journal doesn't begin with it. */
int bundles_recover(const struct store *s, const char *stream, int64_t now, struct err *e);
/* An empty one for a new stream, on disk. store: its directory. */
struct file;
int bundles_init(const struct file *store, const char *stream, int64_t since, struct err *e);

bool bundles_known(const struct bundles *b, uint64_t sequence, const struct digest *manifest);
/* Another manifest with the same sequence, or NULL. */
const struct bundles_record *bundles_other(const struct bundles *b, uint64_t sequence, const struct digest *manifest);
/* The highest sequence; 0 where nothing came yet. */
uint64_t bundles_highest(const struct bundles *b);
/* Newest `created` and `arrived`; 0 where nothing came yet. */
int64_t bundles_created(const struct bundles *b);
int64_t bundles_arrived(const struct bundles *b);
/* Adds a record (or brings `arrived` of a known one up to date) and writes the document, durably. */
int bundles_add(struct bundles *b, const struct store *s, const struct bundles_record *r, struct err *e);

#endif

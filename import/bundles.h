/*
 * BUNDLES: which bundles of a stream a store has taken in: STORE/streams/NAME/bundles, a strict document of one record a
 * bundle. It is an index into the journal: lost or damaged, it is made again from there.
 */
#ifndef IMPORT_BUNDLES_H
#define IMPORT_BUNDLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/digest.h"
#include "manifests/schema.h"

struct err;
struct store;

/* Older sequences are forgotten beyond it: such a bundle would be judged like a new one, and add nothing. */
#define BUNDLES_MAX 65536

struct bundles_record {
	uint64_t sequence;
	struct digest manifest;
	int64_t created;	/* as the manifest says */
	int64_t arrived;	/* by this store's clock */
};
struct bundles {
	char *stream;
	int64_t since;		/* when the store began to follow the stream */
	struct bundles_record *list;	/* sorted by sequence, then manifest */
	size_t n;
	/* not part of the document: */
	size_t room;		/* of list, where it was grown here */
	struct arena arena;
};
extern const struct schema bundles_schema;

/* Reads it, or makes it from the journal in memory. NULL on error; free with bundles_free. */
struct bundles *bundles_load(const struct store *s, const char *stream, struct err *e);
void bundles_free(struct bundles *b);
/* An empty one for a new stream, on disk. store: its directory. */
struct file;
int bundles_init(const struct file *store, const char *stream, int64_t since, struct err *e);

bool bundles_known(const struct bundles *b, uint64_t sequence, const struct digest *manifest);
/* Another manifest with the same sequence, or NULL. */
const struct bundles_record *bundles_other(const struct bundles *b, uint64_t sequence, const struct digest *manifest);
/* Newest `created` and `arrived`; 0 where nothing came yet. */
int64_t bundles_created(const struct bundles *b);
int64_t bundles_arrived(const struct bundles *b);
/* Adds a record (or brings `arrived` of a known one up to date) and writes the document, durably. */
int bundles_add(struct bundles *b, const struct store *s, const struct bundles_record *r, struct err *e);

#endif

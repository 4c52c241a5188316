/*
 * Which bundles of a stream a store has taken in: STORE/streams/NAME/bundles, a strict document of one record a bundle, written by
 * satchel-import. It is an index into the journal: lost or damaged, it is made again from there.
 */
#ifndef VERIFY_BUNDLES_H
#define VERIFY_BUNDLES_H

#include <stddef.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/digest.h"
#include "manifests/limits.h"
#include "manifests/schema.h"

struct err;
struct store;

/* Older sequences are forgotten beyond it: such a bundle would be judged like a new one, and add nothing. */
#define BUNDLES_MAX_SIZE ((size_t)BUNDLES_MAX * 200)	/* bytes: more than a line takes of each */
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
	size_t room;		/* of list, where import grew it */
	struct arena arena;
};
extern const struct schema bundles_schema;	/* type "bundles" */

/* 1: as read; 0: not there, or not usable; -1 on error. Free its arena in any case. */
int bundles_read(const struct store *s, const char *stream, struct bundles *out, struct err *e);
/* Index of the first record that does not come before (sequence, manifest). */
size_t bundles_place(const struct bundles *b, uint64_t sequence, const struct digest *manifest);

/* "streams/NAME/bundles" */
#define BUNDLES_PATH (MAX_NAME_LEN + 32)
const char *bundles_path(const char *stream, char out[BUNDLES_PATH]);

#endif

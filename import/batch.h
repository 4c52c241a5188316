/*
 * BATCH: small objects on their way into a store. They are collected into batches of a few MiB, which workers of
 * lib/pool hash and write; so one thread unpacks while others store, and 200,000 tiny objects don't cost 200,000
 * hand-overs.
 */
#ifndef IMPORT_BATCH_H
#define IMPORT_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/digest.h"
#include "lib/err.h"

struct objects;
struct batches;

#define BATCH_MAX_OBJECT (4u << 20)	/* larger ones are written as they come (objects_piece) */

struct batch_sum {
	uint64_t objects, bytes;	/* added */
	struct err lied;	/* R_OBJECT_DIGEST: bytes that are not what their digest says; the others were stored */
};
struct batches *batch_open(struct objects *o, unsigned jobs, struct err *e);
/* The next object, of len <= BATCH_MAX_OBJECT bytes. */
int batch_begin(struct batches *b, const struct digest *d, size_t len, struct err *e);
/* Bytes of it; the caller stays within len. */
void batch_write(struct batches *b, size_t at, const void *data, size_t len);
/* It is whole and may be stored; without this call the next begin drops it. */
void batch_keep(struct batches *b);
/* Whether an object was not what its digest says: time to stop. */
bool batch_lied(struct batches *b);
/* Waits for all; frees b; adds to *sum. 0 or -1 where the store could not be written. */
int batch_close(struct batches *b, struct batch_sum *sum, struct err *e);

#endif

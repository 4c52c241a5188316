/*
 * Objects that come in pieces, hashed across the volumes of a bundle.
 */
#ifndef VERIFY_PIECES_H
#define VERIFY_PIECES_H

#include <stddef.h>
#include <stdint.h>

#include "lib/digest.h"

struct err;
struct volume_object;

#define PIECES_MAX 65536	/* objects begun and not ended at once; whoever packs faithfully has one */

struct pieces {
	void *tree;	/* of struct piece (tsearch) */
	size_t n;
};
struct piece {
	struct digest sha256;
	uint64_t size, next;	/* bytes 0..next were hashed */
	struct digest_ctx *hash;
};
/* The object a piece belongs to, begun now or before. NULL on error (R_DOCUMENT_FORM: PIECES_MAX). */
struct piece *pieces_get(struct pieces *p, const struct volume_object *o, struct err *e);
/* Bytes at a place of the whole object: hashed when they are the next ones, passed over otherwise. */
void pieces_add(struct piece *piece, uint64_t at, const void *data, size_t len);
/* Whether all bytes came: 1 and it is forgotten: *right, whether they are its bytes; 0: some are still to come; -1. */
int pieces_end(struct pieces *p, struct piece *piece, int *right, struct err *e);

/* Calls each for those that never ended, and forgets everything. each may be NULL. */
void pieces_close(struct pieces *p, void (*each)(void *arg, const struct piece *piece), void *arg);

#endif

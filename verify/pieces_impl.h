/*
 * What pieces.c and pieces_plan.c share. For nobody else.
 */
#ifndef VERIFY_PIECES_IMPL_H
#define VERIFY_PIECES_IMPL_H

#include "verify/pieces.h"
#include "verify/spool.h"

#define PIECES_NOT_KEPT UINT64_MAX

struct pieces_entry {		/* a piece that an index tells of */
	struct digest sha256;
	uint64_t size, from, to;	/* of the object; bytes from..to of it */
	const void *bundle;
	size_t order;		/* in which they come */
	size_t piece;		/* after pieces_plan: of pieces.list */
	bool alone;		/* the bundle has all of the object */
};
struct segment {		/* of an object, up to where the next begins: as many pieces have all of it */
	uint64_t from;
	uint64_t came;		/* of one that is kept: bytes, from its start on, without a gap */
	uint64_t place;		/* in what is kept of the object; PIECES_NOT_KEPT: it is hashed as it comes */
};
struct piece {			/* an object */
	struct digest sha256;
	uint64_t size;
	size_t first, n;	/* of pieces.segments; n 0: some of it never comes */
	const void *last;	/* the bundle whose piece of it comes last */
	uint64_t kept;		/* bytes */
	bool placed, no_room;
	uint64_t place;		/* of those bytes in the spool, once placed */
	struct digest_ctx *hash;	/* NULL: not begun, or done; of bytes 0..next */
	uint64_t next;
	size_t at;		/* the segment that lies in */
	bool differs;		/* the piece at hand does, from what came before */
	enum pieces_verdict verdict;
	bool told;		/* the verdict was */
};
struct pieces {
	uint64_t keep;
	struct pieces_entry *entries;	/* after pieces_plan in order of pieces_compare */
	size_t entries_n, room;
	bool too_many;
	struct piece *list;
	size_t list_n;
	struct segment *segments;
	size_t segments_n;
	struct spool spool;
	uint8_t chunk[256u << 10];
};

/* By object (digest and size), then bundle. */
int pieces_compare(const struct pieces_entry *a, const struct pieces_entry *b);

#endif

/*
 * Objects that come in pieces: put together over the volumes and bundles of a run, whatever their order, and judged as wholes.
 *
 * All pieces are known before the first byte of one comes, by the signed indexes. So bytes that will come in order, and once,
 * are hashed as they come and never kept, which is all there is to do for what a faithful exporter packs. Kept in a file
 * (verify/spool.h) are those that come before their turn, those that come more than once, so that all copies are compared, and
 * small objects, which the caller may want to see.
 *
 * The pieces that a bundle has of an object are a whole of their own where nothing of it is missing. Those of all
 * other bundles are put together, with those of one bundle that has them all, if there is any.
 */
#ifndef VERIFY_PIECES_H
#define VERIFY_PIECES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/digest.h"

struct buf;
struct err;
struct piece;
struct pieces;
struct volume;
struct volume_object;

#define PIECES_MAX 131072	/* pieces of a run: 100,000 extents that a receipt asks for, or 500 TiB in volumes; 30 MiB */

/* keep: objects up to this size are kept, for pieces_document. NULL on error. */
struct pieces *pieces_open(uint64_t keep, struct err *e);
void pieces_close(struct pieces *p);	/* NULL is a no-op */

/* The pieces in this index are the next to come; bundle: any address that stands for the bundle. Beyond PIECES_MAX there is no
 * plan, and pieces_find finds nothing. 0 or -1. */
int pieces_expect(struct pieces *p, const struct volume *index, const void *bundle, struct err *e);
int pieces_plan(struct pieces *p, struct err *e);	/* after the last index; 0 or -1 */
void pieces_give_up(struct pieces *p);	/* as beyond PIECES_MAX */
bool pieces_too_many(const struct pieces *p);

/* What a piece of this bundle belongs to, or NULL: it was not expected. *alone: the bundle has all bytes of the object. */
struct piece *pieces_find(struct pieces *p, const void *bundle, const struct volume_object *o, bool *alone);
/* Bytes at a place of the whole object; they may change while they are read. Those that a gap was left before may be passed over. */
int pieces_add(struct pieces *p, struct piece *piece, uint64_t at, const void *data, size_t len, struct err *e);

enum pieces_verdict {
	PIECES_OPEN,		/* bytes are still to come, or it was judged before */
	PIECES_RIGHT,
	PIECES_WRONG		/* of another digest; or this piece and one before it have different bytes in one place */
};
/* After the bytes of one piece. Each verdict is given once. */
enum pieces_verdict pieces_end(struct piece *piece);
/* The bytes of a small object (pieces_open) that is right: appended to out. 0; 1 where it is larger than that; -1. */
int pieces_document(struct pieces *p, const struct piece *piece, struct buf *out, struct err *e);

enum pieces_doubt {		/* why no verdict was given on an object in the end */
	PIECES_ABSENT,		/* no bundle has the rest of it */
	PIECES_LATER,		/* a bundle that is still to come does */
	PIECES_LOST,		/* bytes that were expected did not come */
	PIECES_NO_ROOM		/* to keep what comes before its turn */
};
/* Calls each for the objects that a bundle has pieces of and that have no verdict, in order of digests; after its last volume. */
int pieces_doubts(struct pieces *p, const void *bundle,
		  int (*each)(void *arg, const struct digest *d, enum pieces_doubt doubt, struct err *e), void *arg, struct err *e);

#endif

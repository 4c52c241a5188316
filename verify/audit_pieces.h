/*
 * Objects in pieces, for `satchel-verify bundle`: all of them are known before the first is read, and those that could not be
 * proven are told.
 */
#ifndef VERIFY_AUDIT_PIECES_H
#define VERIFY_AUDIT_PIECES_H

#include <stdint.h>

struct bundle;
struct err;
struct gather;
struct pieces;
struct report;
struct unseal;

/*
 * Unseals every bundle on the media of g, which keeps what it reads (gather_keep), so that no byte is read again, and plans. how: each
 * bundle is judged, looking ahead, but for what it is to see. What is wrong with one is told where it is judged. 0 or -1.
 */
int audit_pieces_look_ahead(struct pieces *p, struct gather *g, const struct unseal *how, struct err *e);
/* The same for the only bundle there is, which is unsealed already. */
int audit_pieces_of(struct pieces *p, const struct bundle *b, const void *key, struct err *e);

/* After a bundle's volumes: what of its objects in pieces was not proven, and why. unexpected: pieces that no plan spoke of.
 * *unproven: objects. */
int audit_pieces_tell(struct pieces *p, const void *key, uint64_t unexpected, struct report *r, const char *place,
		      uint64_t *unproven, struct err *e);

#endif

/*
 * NEEDS: which kept objects and contents lists the station still needs, and why.
 *
 *     contents lists, parts   those of every revision in the draft (scan tells by them what returns) and of every frozen list
 *                             (confirmed, diff and reports read them)
 *     objects                 of what the draft approves or lets wait; of the effective list, of every newer one, of as many
 *                             former ones as asked for; of the lists that destinations say they have, that were acknowledged
 *                             last, or that are under way to them and have not expired, but for what was revoked since
 */
#ifndef EXPORT_NEEDS_H
#define EXPORT_NEEDS_H

#include <stdint.h>

#include "lib/bloom.h"
#include "lib/distinct.h"

struct board;
struct err;

struct needs {			/* zero-initialise */
	struct bloom met;	/* documents and objects alike */
	struct distinct listed, walked;	/* contents lists whose parts, or whose objects, were added */
	struct distinct revoked;	/* contents lists */
};
/*
 * Gathers it all; former: how many lists below the effective one count like it. R_STATION_DAMAGED where what is approved, or
 * signed and not superseded, has a contents list that can't be read: what it needs must not be taken for unneeded.
 */
int needs_gather(struct needs *n, const struct board *b, uint64_t former, struct err *e);
void needs_free(struct needs *n);

#endif

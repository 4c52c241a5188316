/*
 * admit > STAGE > store: takes what a bundle has and the store lacks, from the reader's hands into objects. Every object
 * is hashed as it is written; nothing that comes from the reader is believed.
 */
#ifndef IMPORT_STAGE_H
#define IMPORT_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/digest.h"
#include "lib/err.h"

struct bundle;
struct objects;

#define STAGE_MAX_DAMAGES 100	/* told in detail; all are counted */
#define STAGE_MAX_LOST 10	/* objects named for each */

struct stage_damage {		/* an extent of a volume that could not be read, or is not what it must be */
	char file[32];		/* of the bundle */
	bool whole;		/* the file as a whole (R_FILE_TYPE, R_FILE_SIZE); no extent */
	size_t frame, frames;	/* the first, and how many in a row */
	uint64_t at, size;
	int reason;
	char text[200];		/* cause, from the reader */
	struct digest lost[STAGE_MAX_LOST];	/* objects it held bytes of */
	uint64_t lost_n;
};
struct stage_result {
	uint64_t objects;	/* complete ones that were added */
	uint64_t bytes;		/* taken, extents of incomplete ones included */
	uint64_t lost;		/* objects that could not be completed for damage */
	struct stage_damage *damages;	/* at most STAGE_MAX_DAMAGES */
	uint64_t damages_n;	/* in all */
	struct err lied;	/* set: the signer's index is not true (exit 1); nothing further was read */
	struct digest lied_of;	/* where lied is R_OBJECT_DIGEST: the object, if its bytes were found to be others */
};
struct stage_ask {
	struct objects *objects;
	struct bundle *bundle;
	uint8_t *const *lacking;	/* of each volume, lack_bundle's answers; NULL: the store is asked again */
	unsigned jobs;
};
/*
 * Takes every object of the bundle that is lacking. 0, also where there was damage or a lie (see result). -1: the
 * store could not be written, or the reader failed; what is complete is kept. Settling objects is the caller's.
 */
int stage_bundle(const struct stage_ask *ask, struct stage_result *out, struct err *e);
void stage_result_free(struct stage_result *r);

#endif

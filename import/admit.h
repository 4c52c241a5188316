/*
 * find > unseal > ADMIT > stage: is this authenticated bundle, and the list in it, for this store? Asked before a
 * volume is opened. Writes nothing.
 */
#ifndef IMPORT_ADMIT_H
#define IMPORT_ADMIT_H

#include <stdint.h>

#include "lib/err.h"
#include "verify/state.h"
#include "verify/unseal.h"

struct run;

/* 0, or R_WRONG_DESTINATION naming those it is for. */
int admit_destination(const struct manifest *m, const char *store, struct err *e);

enum admit_verdict {
	ADMIT_NONE,	/* the bundle carries no list */
	ADMIT_NEW,	/* to be kept */
	ADMIT_KNOWN,	/* kept already */
	ADMIT_IGNORED,	/* not newer than the newest one, and it fails: said, nothing else */
	ADMIT_REFUSED	/* exit 1; the objects of the bundle are taken all the same */
};
struct admit {
	enum admit_verdict verdict;
	struct approvals *list;	/* ADMIT_NEW: owned, free with approvals_free */
	struct err why;		/* ADMIT_IGNORED, ADMIT_REFUSED */
	bool former;		/* ADMIT_NEW: as many lists as policy keeps lie between it and the complete one: it would go again at once */
	bool older;		/* ADMIT_NEW: one newer than it is kept; it replaces nothing */
	bool heals;		/* ADMIT_NEW: it takes the place of one that is damaged or gone, which was this one as far as can be told */
	bool forked;
	struct digest ours;	/* forked: the digest of the list kept, or that it was admitted with */
};
struct admit_ask {
	struct run *run;
	const struct bundle *bundle;
};
/* 0; -1: the bundle as a whole is refused, nothing of it may be taken (a newer list below threshold, or malformed). */
int admit_list(const struct admit_ask *ask, struct admit *out, struct err *e);

#endif

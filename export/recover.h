/*
 * recover MEDIUM|RECEIPT...: a station restored from a backup catches up with what was seen of it since.
 */
#ifndef EXPORT_RECOVER_H
#define EXPORT_RECOVER_H

#include <stddef.h>
#include <stdint.h>

#include "export/floor.h"
#include "lib/options.h"

struct approvals;
struct draft;
struct err;
struct file;
struct station;

/* Exit code 0, or 1 where something contradicts what the station says now (said). */
int recover_run(const struct args *a, struct err *e);

/* ---- what lies on a medium (recover_bundle.c) ---- */

struct recover_seen {
	struct floor floor;		/* to be written: what was written before, lifted by what was seen */
	struct floor known;		/* the station's own numbers and the root's epoch */
	size_t roots, bundles, lists;	/* taken over */
	size_t wrong;			/* refused, or contradicting */
	size_t found;			/* bundles of this stream, whatever became of them; those that are not finished don't count */
};
/* Every bundle of this stream in MEDIUM/satchel, in order of sequences: roots, lists, manifests and indexes that are signed as
 * they must be and that the station lacks are its own again. On error *seen has what was witnessed so far. */
int recover_medium(struct station *s, const struct file *satchel, struct recover_seen *seen, struct err *e);

/* ---- the draft (recover_draft.c) ---- */

/*
 * Makes the draft's decisions those of a list, and remembers all it revokes beside what the draft revokes: every revision it
 * names has its row again. Strings belong to the list, which must outlive the draft.
 */
int recover_decisions(struct draft *d, const struct approvals *list, int64_t now, struct err *e);

#endif

/*
 * What a destination is sure to keep of bundles that arrived by word alone (FORMAT 14.7): what the newest list among them
 * needs for its rings, and what no list needed yet, for as long as stores keep that. All else it may have pruned by now.
 */
#ifndef EXPORT_LASTING_H
#define EXPORT_LASTING_H

#include <stdbool.h>
#include <stdint.h>

#include "export/cargo.h"
#include "lib/bloom.h"
#include "lib/digest.h"
#include "lib/distinct.h"
#include "manifests/manifest.h"

struct err;
struct station;
struct station_destination;

struct lasting {			/* zero-initialise */
	struct manifest_approvals running, last, low;	/* of the bundle before; the newest there; the oldest whose successors matter */
	bool has_last, has_recent, has_old;
	struct cargo needed;		/* by `last`; sizes mean nothing */
	struct bloom former;		/* needed by lists from `low` on, below `last` */
	struct distinct walked;		/* contents lists and their parts */
	bool gap;			/* what a former list needs can't be told */
};
/* A list that is there. */
void lasting_list(struct lasting *l, const struct manifest_approvals *list);
/* A bundle that was sent to anybody, in order of sequences; arrived: to this destination. */
void lasting_bundle(struct lasting *l, const struct station *s, const struct manifest *m, bool arrived);
/* When all were named: walks `last` whole where anything could be in doubt, and of the lists below it what changed while bundles may
 * have carried what is still ahead: about AHEAD_DAYS, however long nobody sent a receipt. */
int lasting_gather(struct lasting *l, const struct station *s, const struct station_destination *d, struct err *e);
/* Whether an object that an arrived bundle carried is there still. */
bool lasting_has(const struct lasting *l, const struct station *s, const struct manifest *m, const struct digest *d);
void lasting_free(struct lasting *l);

#endif

/*
 * The bundles of several media, before any of them is judged: all are to be judged by the newest trust root that one of them
 * proves, so that no answer depends on the order in which the media were named.
 */
#ifndef VERIFY_GATHER_H
#define VERIFY_GATHER_H

#include <stddef.h>

#include "manifests/names.h"
#include "verify/seen.h"

struct err;
struct reader;
struct unseal;

struct gathered {		/* a bundle, and what was read of it already */
	struct reader *reader;
	char name[NAMES_BUNDLE_LEN];
	struct seen seen;
};
struct gather {
	struct gathered *list;
	size_t n, room;
};
/* Adds the bundles of a medium. A medium that can't be read adds none: whoever judges its bundles finds out as well. */
int gather_medium(struct gather *g, struct reader *r, struct err *e);
/*
 * After the last medium: extends u's chain by the roots in all bundles, as a store would that had seen them all; roots that
 * are no good end the walk in their bundle, where unseal says why. -1: out of memory and the like.
 */
int gather_roots(struct gather *g, const struct unseal *u, struct err *e);
/* What was read of a bundle, for unseal, which then reads no byte of it again. NULL: not gathered. */
struct seen *gather_seen(struct gather *g, const struct reader *r, const char *name);
void gather_free(struct gather *g);

#endif

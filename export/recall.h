/*
 * Bytes that return to a former state, after SCAN wrote their contents list: a new revision, but with the contents list of
 * that former one (DESIGN 3), whatever the times of the files are now. So what was revoked stays revoked.
 */
#ifndef EXPORT_RECALL_H
#define EXPORT_RECALL_H

#include "export/draft.h"
#include "export/shelf.h"
#include "export/station.h"

struct err;

/*
 * The newest row of the item whose records are those of `now` but for their mtimes, or NULL in *out where there is none.
 * contents: where the lists of this scan are staged. A former list that can't be read is no match. 0 or -1.
 */
int recall_find(const struct station *s, const struct shelf *contents, const struct draft *d, const char *item,
		const struct contents_ref *now, const struct draft_revision **out, struct err *e);

#endif

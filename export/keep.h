/*
 * KEEP: the approved bytes, held by the station so that upstream may move on and a lost medium can be remade.
 */
#ifndef EXPORT_KEEP_H
#define EXPORT_KEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "manifests/approvals.h"

struct err;
struct keep;
struct station;

/*
 * Keeping, once for all items of a command: their objects are reflinked into STATION/objects, else copied, and hashed
 * against the contents lists either way. changed (or NULL) is told every file that is no longer what was scanned, by
 * its path below the content root. NULL on error.
 */
struct keep *keep_start(struct station *s, void (*changed)(void *arg, const char *path, const char *why), void *arg,
			struct err *e);
int keep_item(struct keep *k, const char *item, const struct contents_ref *ref, struct err *e);
/*
 * Does it: room is forecast before the first byte (ERR_NO_SPACE), one sync at the end makes all of it durable. Nothing
 * is kept where anything failed. R_CONTENT_CHANGED where `changed` was called, with their number. Nothing to do under
 * keep_objects: false. Frees k.
 */
int keep_finish(struct keep *k, unsigned jobs, struct err *e);
void keep_abort(struct keep *k);	/* frees k; NULL is a no-op */

#endif

/*
 * KEEP: the approved bytes, held by the station so that upstream may move on and a lost medium can be remade.
 */
#ifndef EXPORT_KEEP_H
#define EXPORT_KEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/digest.h"
#include "lib/file.h"
#include "manifests/approvals.h"

struct err;
struct station;

/* Makes sure that every object of an item revision is in STATION/objects: reflinked, else copied, hashed against the
 * contents list either way; room forecast first. R_CONTENT_CHANGED names every file that is no longer what was scanned. */
int keep_item(struct station *s, const char *item, const struct contents_ref *ref, struct err *e);

/*
 * Opens an object for reading: from STATION/objects; with keep_objects: false, or for what is not approved (--ahead), from
 * the content root at `path` (relative to it; NULL: kept objects only), after comparing size and times with the cache.
 * 0; 1 where it is nowhere; -1. The reader must hash what it reads: nothing here is trusted.
 */
int keep_open(const struct station *s, const struct digest *d, uint64_t size, const char *path, struct file *out, struct err *e);

#endif

/*
 * INSPECT: what is about to be published is shown to the scan hook first. outlook > INSPECT > publish.
 */
#ifndef IMPORT_INSPECT_H
#define IMPORT_INSPECT_H

#include <stddef.h>

#include "verify/scanned.h"

struct err;
struct outlook;
struct run;

/* Verdicts that count at the start of a run: those where the hook failed do not, it is asked again. */
int inspect_load(struct run *r, const char *stream, struct scanned *out, struct err *e);
/*
 * Shows the hook what look would publish, is not published now, and was not judged before: first all at once as one tree,
 * then, if it doesn't like that, item by item. Adds the verdicts to *known, durably. Returns 1 where there was something to
 * show: the outlook may be another now; 0; -1. *held: counts items that the hook did not pass.
 */
int inspect_stream(struct run *r, const struct store_stream *stream, const struct outlook *look, struct scanned *known,
		   size_t *held, struct err *e);
/* Forgets verdicts other than `passed` of items that match a pattern (NULL: all). Returns how many, durably; -1. */
int inspect_forget(struct run *r, const char *stream, const char *pattern, struct err *e);
/* Removes what an interrupted run left in stage/. */
int inspect_sweep(const struct store *s, struct err *e);

#endif

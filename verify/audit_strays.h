/*
 * Names in trust/ and streams/ of a store: what decides about the trees stands there, and nothing but that may.
 */
#ifndef VERIFY_AUDIT_STRAYS_H
#define VERIFY_AUDIT_STRAYS_H

#include <stdbool.h>

struct report;
struct store;

/*
 * path: below the store, with at least two components, and all above it known. False where it is not to be entered: a name that nothing
 * of a store has is reported, and so is, as a note, a directory of a stream that is not followed. What is being written, and what a killed
 * writer left, counts as known while the mark of a run is there; the next run removes it.
 */
bool audit_strays_known(const struct store *s, const char *path, struct report *r);

#endif

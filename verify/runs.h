/*
 * Runs of satchel-import as a store's journal tells of them: their intent before the first change, their outcome after the last one
 * (import/run.h). In between a run is at work, or was cut off, and the store may be between two states; else it is not.
 */
#ifndef VERIFY_RUNS_H
#define VERIFY_RUNS_H

#include <stdbool.h>

#include "lib/json.h"

/* Follows the journal, line by line: *open is whether the last intent has no outcome so far. */
void runs_follow(const json_t *line, bool *open);

#endif

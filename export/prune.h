/*
 * prune [--keep N] [--dry-run]: the station keeps approved bytes; those that nothing needs any more go.
 */
#ifndef EXPORT_PRUNE_H
#define EXPORT_PRUNE_H

#include "lib/options.h"

struct err;

extern const struct option_def prune_options[];
int prune_run(const struct args *a, struct err *e);

#endif

/*
 * approve ITEM...: rings get a revision.
 */
#ifndef EXPORT_APPROVE_H
#define EXPORT_APPROVE_H

#include "lib/options.h"

struct err;

extern const struct option_def approve_options[];
int approve_run(const struct args *a, struct err *e);

#endif

/*
 * list [ITEM...]: items, revisions and decisions.
 */
#ifndef EXPORT_LIST_H
#define EXPORT_LIST_H

#include "lib/options.h"

struct err;

extern const struct option_def list_options[];
int list_run(const struct args *a, struct err *e);

#endif

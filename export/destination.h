/*
 * destination add|remove|list: the stores as the station knows them.
 */
#ifndef EXPORT_DESTINATION_H
#define EXPORT_DESTINATION_H

#include "lib/options.h"

struct err;

extern const struct option_def destination_options[];
int destination_add(const struct args *a, struct err *e);
int destination_remove(const struct args *a, struct err *e);
int destination_list(const struct args *a, struct err *e);

#endif

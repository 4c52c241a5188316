/*
 * init STATION: a new station with keys and a trust root of its own, or under a root that exists.
 */
#ifndef EXPORT_INIT_H
#define EXPORT_INIT_H

#include "lib/options.h"

struct err;

extern const struct option_def init_options[];
int init_run(const struct args *a, struct err *e);

#endif

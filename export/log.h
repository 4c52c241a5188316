/*
 * log: the ledger for people.
 */
#ifndef EXPORT_LOG_H
#define EXPORT_LOG_H

#include "lib/options.h"

struct err;

extern const struct option_def log_options[];
int log_run(const struct args *a, struct err *e);

#endif

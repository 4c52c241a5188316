/*
 * scan: compares the content root with the draft.
 */
#ifndef EXPORT_SCAN_H
#define EXPORT_SCAN_H

#include "lib/options.h"

struct err;

extern const struct option_def scan_options[];
int scan_run(const struct args *a, struct err *e);

#endif

/*
 * status: what waits, what expires, what was sent.
 */
#ifndef EXPORT_STATUS_H
#define EXPORT_STATUS_H

#include "lib/options.h"

struct err;

int status_run(const struct args *a, struct err *e);

#endif

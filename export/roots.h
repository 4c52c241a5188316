/*
 * trust show: the chain of trust roots.
 */
#ifndef EXPORT_ROOTS_H
#define EXPORT_ROOTS_H

#include "lib/options.h"

struct err;

int roots_show(const struct args *a, struct err *e);

#endif

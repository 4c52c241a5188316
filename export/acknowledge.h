/*
 * acknowledge DESTINATION SEQUENCE...: where nothing may travel back, a person says what has arrived.
 */
#ifndef EXPORT_ACKNOWLEDGE_H
#define EXPORT_ACKNOWLEDGE_H

#include "lib/options.h"

struct err;

int acknowledge_run(const struct args *a, struct err *e);

#endif

/*
 * FREEZE: the draft's decisions become a list that approvers sign (`sign` without FILE), and `renew`.
 */
#ifndef EXPORT_FREEZE_H
#define EXPORT_FREEZE_H

#include "lib/options.h"

struct err;

extern const struct option_def freeze_options[];
int freeze_sign(const struct args *a, struct err *e);
int freeze_renew(const struct args *a, struct err *e);

#endif

/*
 * decline ITEM..., revoke ITEM...: rings lose a revision.
 */
#ifndef EXPORT_WITHDRAW_H
#define EXPORT_WITHDRAW_H

#include "lib/options.h"

struct err;

extern const struct option_def withdraw_decline_options[], withdraw_revoke_options[];
int withdraw_decline(const struct args *a, struct err *e);
int withdraw_revoke(const struct args *a, struct err *e);

#endif

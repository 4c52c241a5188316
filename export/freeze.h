/*
 * FREEZE: the draft's decisions become a list that approvers sign (`sign` without FILE), and `renew`.
 */
#ifndef EXPORT_FREEZE_H
#define EXPORT_FREEZE_H

#include <stdbool.h>

#include "lib/options.h"

struct err;

struct approval;
struct approvals;
struct draft;

/* Whether two entries say the same. */
bool freeze_same_entry(const struct approval *x, const struct approval *y);
/* Whether the draft's decisions differ from those of a list (or NULL). */
bool freeze_changed(const struct draft *d, const struct approvals *l);

extern const struct option_def freeze_options[];
int freeze_sign(const struct args *a, struct err *e);
int freeze_renew(const struct args *a, struct err *e);

#endif

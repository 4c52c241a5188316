/*
 * FREEZE: the draft's decisions become a list that approvers sign (`sign` without FILE), and `renew`.
 */
#ifndef EXPORT_FREEZE_H
#define EXPORT_FREEZE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/options.h"

struct err;

struct approval;
struct approvals;
struct draft;
struct revocation;

/* Whether two entries say the same. */
bool freeze_same_entry(const struct approval *x, const struct approval *y);
/* Whether the draft's decisions differ from those of a list (or NULL). */
bool freeze_changed(const struct draft *d, const struct approvals *l);

/* The list that first had a revocation, by a list (or NULL); 0 where that hasn't got it. */
uint64_t freeze_since(const struct approvals *l, const struct revocation *r);

extern const struct option_def freeze_options[];
int freeze_sign(const struct args *a, struct err *e);
int freeze_renew(const struct args *a, struct err *e);

#endif

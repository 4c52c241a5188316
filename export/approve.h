/*
 * approve ITEM...: rings get a revision.
 */
#ifndef EXPORT_APPROVE_H
#define EXPORT_APPROVE_H

#include <stdbool.h>

#include "lib/options.h"

struct board;
struct err;
struct station;

extern const struct option_def approve_options[];
int approve_run(const struct args *a, struct err *e);

/* Keeps the bytes of every row that was not approved before, and of those with again[i] (or NULL) what the station has lost;
 * what changed since the scan is told. R_CONTENT_CHANGED. */
int approve_keep(struct station *s, const struct board *b, const bool *again, struct err *e);
/* Whether an approved item lies above or below that of row i: its row, else SIZE_MAX. */
size_t approve_nested(const struct board *b, size_t i);

#endif

/*
 * approve --supersedes: the items whose place the named ones take; `revoke --superseded` revokes them later.
 */
#ifndef EXPORT_SUPERSEDE_H
#define EXPORT_SUPERSEDE_H

#include <stdbool.h>

#include "lib/args.h"

struct board;
struct board_terms;
struct draft;
struct err;

/* The items of the option, sorted, each once, into the terms; they lie in the draft's arena. R_ITEM_UNKNOWN. */
int supersede_read(const struct args *a, struct draft *d, struct board_terms *t, struct err *e);
/* None may come to take the place of what takes its own, at any distance, if the rows with named[i] get these terms: ERR_USAGE. */
int supersede_check(const struct board *b, const bool *named, const struct board_terms *t, struct err *e);

#endif

/*
 * ITEM arguments: names, shell patterns, --all, --gone, --superseded.
 */
#ifndef EXPORT_PICK_H
#define EXPORT_PICK_H

#include <stdint.h>

#include "export/draft.h"
#include "lib/options.h"

struct err;

enum picked { PICK_NO, PICK_ALL, PICK_PATTERN, PICK_NAMED };	/* how an item was meant; the more explicit counts */

/*
 * For every row of the draft, what was said of its item: out[i] is set for the newest revision only. Names and patterns
 * that fit no item: R_ITEM_UNKNOWN. no arguments, and none of these: ERR_USAGE. Free *out.
 */
int pick_items(const struct args *a, const struct draft *d, uint8_t **out, struct err *e);
/* The one item that --revision needs: its row of that revision. ERR_USAGE, R_ITEM_UNKNOWN. */
int pick_revision(const struct args *a, const struct draft *d, uint64_t revision, size_t *row, struct err *e);

#endif

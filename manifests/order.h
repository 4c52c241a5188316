/*
 * The order of paths in long lists: by their bytes, each once, and none below another. Names come one by one; memory
 * is that of one path, however long the list. FORMAT.md sections 5 and 6.
 */
#ifndef MANIFESTS_ORDER_H
#define MANIFESTS_ORDER_H

#include <stddef.h>
#include <stdint.h>

#include "lib/path.h"

struct err;

struct order {	/* zero-initialise */
	char last[PATH_MAX_LEN + 1];
	size_t len;
	/* Lengths, ascending, of the beginnings of `last` that were themselves in the list and could still be met below. */
	uint16_t open[PATH_MAX_LEN];
	size_t open_n;
};

/*
 * Judges the next path (one that path_check accepts): R_DOCUMENT_FORM where it does not come after the last one,
 * R_NAME where it lies below an earlier one. A path that is refused leaves everything as it was.
 */
int order_next(struct order *o, const char *path, struct err *e);

#endif

/*
 * NEEDED: which objects lists and trees need, remembered in a fixed amount of memory whatever the size of a store
 * (lib/bloom: a few in ten million that nobody needs count as needed).
 */
#ifndef IMPORT_NEEDED_H
#define IMPORT_NEEDED_H

#include <stdbool.h>

#include "lib/bloom.h"
#include "lib/distinct.h"
#include "manifests/approvals.h"
#include "verify/state.h"

struct err;
struct objects;

struct needed {
	struct bloom met;
	struct distinct walked;	/* contents lists that need not be read again */
};
int needed_open(struct needed *n, struct err *e);
void needed_free(struct needed *n);
bool needed_has(const struct needed *n, const struct digest *d);

/*
 * Adds all that an entry of a list, or a tree, needs: contents list, parts, objects. What a contents list that was never
 * received would name isn't known. One that was set aside as damaged, or is gone under a tree: R_STORE_DAMAGED, since
 * what it names must not be taken for unneeded.
 */
int needed_add_list(struct needed *n, struct objects *o, const struct approvals *list, const struct store_stream *stream,
		    struct err *e);
int needed_add_tree(struct needed *n, struct objects *o, const struct state *tree, struct err *e);

#endif

/*
 * BUILD: brings one tree from the items it holds to those it shall hold, by the difference, in two passes: first all
 * removals, then all additions, so that a name may change from file to directory, or from one item to another, in
 * any way.
 */
#ifndef IMPORT_PUBLISH_BUILD_H
#define IMPORT_PUBLISH_BUILD_H

#include "lib/file.h"
#include "verify/state.h"

struct err;
struct objects;

/* A former and a wanted item of one name (or NULL: none) whose contents differ. */
typedef int publish_build_each(void *arg, const struct state_item *was, const struct state_item *is, struct err *e);
/* Calls each for those, in order of names. Both lists are sorted. */
int publish_build_compare(const struct state_item *former, size_t former_n, const struct state_item *items, size_t items_n,
			  publish_build_each *each, void *arg, struct err *e);

/*
 * dirs[..n): one, or up to TREE_TWINS that hold nothing and shall hold the same. state: phase building, former what dirs[0]/tree
 * held, items what it shall hold. May be repeated (AGAIN) from any point of an earlier run with the same lists. Synced (syncfs) when it returns 0. Where a former contents list can't be read any more
 * the item's tree is removed as a whole.
 */
enum publish_build_run { PUBLISH_BUILD_FIRST, PUBLISH_BUILD_AGAIN };
int publish_build_run(struct objects *o, const struct file *dirs, size_t n, const struct state *state, enum publish_build_run run,
		      struct err *e);

#endif

/*
 * LISTS: the approval lists a store keeps, written. STORE/streams/NAME/lists/EPOCH-REVISION holds the list, the good
 * signatures and the version of the root that judged it; it comes and goes whole, by one rename through stage/.
 * Read side: state_lists, state_list_load, and import/kept for which of them are damaged.
 */
#ifndef IMPORT_LISTS_H
#define IMPORT_LISTS_H

#include <stdbool.h>
#include <stdint.h>

#include "verify/state.h"

struct err;
struct run;

/*
 * Keeps an admitted list, durably, also in place of a damaged one, which goes. found: signatures as found; those that are good by
 * the newest root are kept.
 */
int lists_commit(const struct store *s, const struct approvals *a, const struct signatures *found, struct err *e);
int lists_drop(const struct store *s, const char *stream, uint64_t epoch, uint64_t revision, struct err *e);
/*
 * Judges again, by the newest root, the lists newer than what is fully in effect that an older root judged; drops and
 * journals those that fail (DESIGN 5). *dropped: whether there were any. A dry run drops nothing.
 */
int lists_judge_again(struct run *r, const char *stream, bool *dropped, struct err *e);
/* The lists to be dropped: former ones but for the newest `keep` before complete, and but for those that a tree publishes
 * items from: these are in *used (or NULL). Free both with state_lists_free. */
int lists_former(const struct store *s, const char *stream, const struct list_ref *complete, uint64_t keep,
		 struct kept_lists *out, struct kept_lists *used, struct err *e);
/* Drops them. */
int lists_prune(const struct store *s, const char *stream, const struct list_ref *complete, uint64_t keep, struct err *e);
/* Removes what an interrupted commit or drop left in stage/. */
int lists_sweep(const struct store *s, struct err *e);

#endif

/*
 * MEND: what stands in a published tree against the tree's state.yaml: looked at with the auditor's eyes, then put right name
 * by name. objects > check > MEND > journal.
 */
#ifndef IMPORT_MEND_H
#define IMPORT_MEND_H

#include <stddef.h>

#include "lib/arena.h"
#include "verify/store.h"

struct err;
struct objects;

struct mend_fault {
	char *path;		/* in the tree; "": the tree itself */
	int reason;
	char *text;		/* as satchel-verify says it */
};
struct mend_faults {
	const char *stream;
	char tree;
	struct mend_fault *list;	/* sorted by path */
	size_t n, room;
	struct arena arena;	/* paths, and texts: one for those that follow each other and are the same */
};
/* Changes nothing. A tree without a state is passed over: it is built anew before it is used. 0 or -1; mend_free in any case. */
int mend_look(const struct store *s, const char *stream, char tree, struct mend_faults *out, struct err *e);
void mend_free(struct mend_faults *f);

struct mend_told {
	const char *place;	/* "streams/NAME/a/tree/PATH" */
	int reason;
	const char *text, *done;	/* done: "put right", "removed" */
};
struct mend_ask {
	const struct store *store;
	struct objects *objects;
	int (*each)(void *arg, const struct mend_told *t, struct err *e);	/* for everything that was changed */
	void *arg;
};
/*
 * What no item accounts for goes; what an item's contents list names becomes what it must be, one by one, without a switch.
 * A name whose object is lost waits for it, and an item whose contents list is gone or damaged stays as it is: the list's healing
 * comes first. Where the machine fails to read the list, this fails. Synced. Objects are to be seen to before (publish_heal).
 */
int mend_run(const struct mend_ask *ask, const struct mend_faults *f, struct err *e);

#endif

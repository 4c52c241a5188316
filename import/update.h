/*
 * UPDATE: brings what a stream publishes up to date with the lists kept and the objects received; at the end of an
 * import, once for each stream.
 */
#ifndef IMPORT_UPDATE_H
#define IMPORT_UPDATE_H

#include <stdbool.h>

#include "import/outlook.h"
#include "import/publish.h"

struct run;
struct places;
struct err;

struct update {
	struct outlook outlook;
	struct publish_result result;
	bool changed;		/* what is published, or what its state says, is new */
	size_t refused;		/* items that the scan hook did not pass in this run */
};
/* places: answered as far as it can be. 0 or -1; update_free in any case. */
int update_stream(struct run *r, const struct store_stream *s, struct places *places, struct update *out, struct err *e);
void update_free(struct update *u);

/* Takes a rollback out of force, journaled; what is published follows with update_stream. */
struct rollback;
int update_end_rollback(struct run *r, const struct rollback *was, const char *why, struct err *e);
/* Where a run was cut off between the two: the journal says that it ended. */
int update_recover_rollback(struct run *r, const char *stream, struct err *e);

/* Gives the objects that a run healed their names back, in every stream, and journals how many they were. After an interruption the
 * names of those that are lost go: a check may have been cut off before it took them away. */
int update_heal(struct run *r, struct err *e);

struct update_all {
	const bool *touched;	/* for each stream of the store: to be brought up to date, NULL: none; the others only after an
				 * interruption */
	struct places *places;
	int (*each)(void *arg, const struct update *u, struct err *e);	/* what a stream came to; may be NULL */
	void *arg;
};
/* The end of a run: update_heal, then every stream that needs it. */
int update_all(struct run *r, const struct update_all *how, struct err *e);
/* First what an interrupted run left to be done: trees are what lists and rollbacks say. Nothing in a dry run. */
int update_rest(struct run *r, struct err *e);

#endif

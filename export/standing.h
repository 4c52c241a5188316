/*
 * How the destinations stand: what each publishes, what waits there, what it lacks, when it was last heard of, which
 * bundles for it nobody has confirmed.
 */
#ifndef EXPORT_STANDING_H
#define EXPORT_STANDING_H

#include <stdbool.h>

#include "lib/json.h"

struct approvals;
struct draft;
struct err;
struct station;

struct standing_ask {
	const struct station *station;
	const struct approvals *list;	/* the effective one, or NULL */
	const struct approvals *newest;	/* of all that are here, whatever their signatures, or NULL */
	const struct draft *draft;
	json_t *into;		/* an array: one object for each destination is appended */
	/* What a person has to do something about. */
	void (*problem)(void *arg, bool unhealthy, const char *text);
	void *arg;
};
/* Prints it all. 0 or -1. */
int standing_tell(const struct standing_ask *ask, struct err *e);

#endif

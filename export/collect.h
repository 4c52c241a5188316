/*
 * The second half of SCAN: entries of the survey become contents lists, one for each item, compared with the item's
 * newest revision. While nothing of an item changed, nothing of it is read or written.
 */
#ifndef EXPORT_COLLECT_H
#define EXPORT_COLLECT_H

#include <stdbool.h>
#include <stddef.h>

#include "export/cache.h"
#include "export/draft.h"
#include "export/shelf.h"
#include "export/station.h"
#include "export/survey.h"

struct err;

enum outcome_kind {
	OUTCOME_SAME,		/* as its newest revision */
	OUTCOME_NEW,		/* first seen, or other contents */
	OUTCOME_REFUSED,	/* stays as it was */
	OUTCOME_EMPTY		/* nothing of it is carried */
};
struct outcome {
	char *item;
	enum outcome_kind kind;
	struct contents_ref contents;
	char **links;		/* items its links would point into, by their text alone; sorted */
	size_t links_n;
};

struct collect {	/* fill in the first part, zero the rest; free with collect_free */
	struct station *station;
	const struct draft *draft;
	struct shelf *contents;
	const struct cache *old;	/* NULL where it doesn't belong to this draft */
	struct cache_writer *cache;
	void (*refused)(const char *path, const char *why);

	struct arena arena;
	struct outcome *list;	/* in order of the walk */
	size_t n, room;
	uint64_t refused_n, files;
	struct collect_item *item;	/* the current one */
};
/* `take` of a survey; arg is the struct collect *. */
int collect_take(void *arg, const struct entry *entry, struct err *e);
void collect_free(struct collect *c);

#endif

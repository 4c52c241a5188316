/*
 * MISSING: which objects an approved entry lacks. Walks its contents list; against what is published of the same item
 * only the records that differ are looked at.
 */
#ifndef IMPORT_MISSING_H
#define IMPORT_MISSING_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/digest.h"
#include "manifests/approvals.h"

struct err;
struct objects;
struct state_item;

struct missing_object {
	struct digest sha256;
	uint64_t size;
	const char *item;
	const char *path;	/* of a record that needs it; NULL: it is the contents list or a part of it */
};
/*
 * Calls each once for every missing object of an entry (see DISTINCT_MAX), as far as they are known: what a missing contents
 * list or part would name isn't. former: what is published of this item, or NULL. 0 or -1.
 */
int missing_each(struct objects *o, const struct approval *entry, const struct state_item *former,
		 int (*each)(void *arg, const struct missing_object *m, struct err *e), void *arg, struct err *e);

/* Whether an error of missing_each says that the contents list itself, approved as it is, can't be published. */
bool missing_is_malformed(int reason);
/* Whether an error of reading a contents list says that it is damaged or malformed, as against a machine that fails. */
bool missing_is_damage(int reason);
/* Where contents_reader_open or _next gave nothing: 0, whoever can do without the list passes over it: it is gone (no error) or
 * damaged; -1 with the error: the machine fails, and the list may be whole. */
int missing_pass_over(const struct err *why, struct err *e);

#endif

/*
 * SELECT: which items a bundle is for, and which objects that takes, in the order in which they are carried: contents
 * lists and parts of all entries, then content in order of item and path.
 */
#ifndef EXPORT_SELECT_H
#define EXPORT_SELECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "export/cargo.h"
#include "manifests/approvals.h"
#include "manifests/limits.h"

struct confirmed;
struct draft;
struct err;
struct station;
struct station_destination;

struct select_wish {	/* what was asked for */
	const struct station_destination *const *destinations;	/* whose rings count, at most MAX_DESTINATIONS; none: every entry */
	size_t destinations_n;
	const char *const *only;	/* patterns; none: everything */
	size_t only_n;
	const char *const *ahead;	/* patterns of items whose newest revision is carried unapproved */
	size_t ahead_n;
};
struct select_entry {	/* one item revision; strings belong to the list or the draft */
	const char *item;
	uint64_t revision;
	const struct contents_ref *contents;
	bool kept;		/* else its bytes may have to come from the content root */
	uint64_t whom[MAX_DESTINATIONS / 64];	/* bits of the destinations it is for, in the order of the wish */
};
struct selection {	/* zero-initialise */
	struct select_entry *entries;	/* sorted by item, then revision */
	size_t entries_n;
	struct cargo cargo;
};

/*
 * Chooses the entries: those of the list (NULL: none) for the destinations and patterns, and those ahead.
 * R_ITEM_UNKNOWN for a pattern that names no item; R_NOT_APPROVED for one that names none that may be carried;
 * R_REVOKED for an item ahead whose newest contents are revoked.
 */
int select_entries(const struct station *s, const struct approvals *list, const struct draft *d, const struct select_wish *w,
		   struct selection *out, struct err *e);
/*
 * Fills the cargo with what the entries need and the destinations they are for are not known to hold (confirmed: one for
 * each destination of the wish, in its order, and a NULL; or itself NULL: all is carried). R_STATION_DAMAGED where a contents
 * list is not there.
 */
int select_cargo(const struct station *s, struct confirmed *const *confirmed, struct selection *out, struct err *e);
/* Path, below the content root, under which an entry needs this object (the first one): 0; 1: it is a document, or none. */
int select_path(const struct station *s, const struct selection *sel, const struct digest *d, char *path, size_t size,
		struct err *e);
void select_free(struct selection *s);

#endif

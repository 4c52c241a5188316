/*
 * What an approval list revokes of one item, for `who`.
 */
#ifndef VERIFY_REVOKED_H
#define VERIFY_REVOKED_H

#include <stddef.h>

#include "lib/json.h"

struct approvals;
struct err;
struct side_home;
struct terms;
struct trust_chain;

struct revoked {
	const struct side_home *home;	/* that keeps the list, and perhaps the one that revoked first */
	const struct terms *terms;
	const struct trust_chain *chain;
	const struct approvals *list;
};
/* Index range of an item's revocations in a list: first and count (0: none). */
size_t revoked_find(const struct approvals *a, const char *item, size_t *count);
/* A line for each revision that is revoked: since which list, the note, and who signed that list, or where it is kept no more,
 * this one. And an array "revoked" in o. */
int revoked_tell(const struct revoked *r, const char *item, json_t *o, struct err *e);

#endif

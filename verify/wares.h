/*
 * What a store publishes of one stream, item by item, and what it published before: of each item the former revisions that
 * lists still kept name for the store's rings, and items that no longer are.
 */
#ifndef VERIFY_WARES_H
#define VERIFY_WARES_H

#include <stddef.h>
#include <stdint.h>

#include "verify/deployed.h"

struct err;
struct state;
struct store;

struct wares {
	struct deployed_item *items;	/* by item; none lies below another */
	size_t n;
	char **names;		/* of those that no longer are; owned */
	size_t names_n;
};
/* now: the current tree's; it must stay. Lists that can't be read are warned of and passed over. */
int wares_open(const struct store *s, const char *stream, const struct state *now, struct wares *out, struct err *e);
/*
 * In place of the current tree's state: the entries for the store's rings of the list that was in force at a time, by the journal.
 * ERR_MISSING where none was, or the list is kept no more.
 */
int wares_then(const struct store *s, const char *stream, int64_t by, struct state **out, struct err *e);
void wares_close(struct wares *w);

/* The item of this name, or NULL; and whether an item lies below a directory. */
struct deployed_item *wares_find(const struct wares *w, const char *path);
bool wares_lead(const struct wares *w, const char *path);

#endif

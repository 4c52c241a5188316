/*
 * What a store says about its streams, read only: the state.yaml of each tree, which tree is current, and the lists kept.
 * Where these files lie stands in verify/store.h.
 */
#ifndef VERIFY_STATE_H
#define VERIFY_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/digest.h"
#include "manifests/approvals.h"
#include "verify/store.h"

struct err;

struct list_ref {
	uint64_t epoch, revision;
	struct digest sha256;
};
struct state_item {		/* what a tree publishes */
	char *item;
	uint64_t epoch, list;	/* the list it is taken from */
	uint64_t revision;	/* of the item */
	struct digest contents;
	uint64_t size, files, bytes;	/* as in struct contents_ref */
};
struct state_waiting {		/* an entry of the newest list that is not published yet */
	char *item;
	uint64_t revision;
	struct digest contents;
	uint64_t objects, bytes;	/* missing objects known so far, and their sizes; a contents list that is missing counts as one */
	char *why;		/* "objects", "requires ITEM", "held", "list", "nested ITEM" */
};
struct state_missing {
	struct digest sha256;
	uint64_t size;
};
struct state {
	char *stream;
	int phase;		/* STATE_CLEAN, STATE_BUILDING */
	int64_t time;
	char **rings;		/* for which it was judged; sorted, distinct. None: not known */
	size_t rings_n;
	bool has_newest, has_complete, has_rollback;
	struct list_ref newest, complete;
	struct list_ref rollback;	/* the list a rollback in force went back to; then `complete` is it, too */
	uint64_t missing_total;	/* objects missing in all; `missing` lists at most STATE_MAX_MISSING of them */
	struct state_item *items, *former;	/* sorted by item; former: what the tree held before, while building (absent when none) */
	size_t items_n, former_n;
	struct state_waiting *waiting;	/* sorted by item */
	size_t waiting_n;
	struct state_missing *missing;
	size_t missing_n;
	struct digest sha256;	/* of the document, where it was read from one */
	struct arena arena;
};
enum { STATE_CLEAN, STATE_BUILDING };
#define STATE_MAX_MISSING 10000
#define STATE_MAX_SIZE (192u << 20)	/* 200,000 items twice and waiting, of 300 bytes each */
extern const struct schema state_schema;	/* type "state" */
extern const struct schema state_ref_schema;	/* of struct list_ref */

/* Order by (epoch, revision): <0, 0, >0. */
int state_compare(const struct list_ref *a, const struct list_ref *b);
/* Whether an item (or NULL: it is not there) is published from these contents; also what its entry said of the contents list must be
 * what was judged then (FORMAT 6.8). */
bool state_publishes(const struct state_item *i, const struct contents_ref *c);

/* state.yaml of tree 'a' or 'b': 0; 1 where there is none yet (*out NULL); -1. Free with state_free. */
int state_load(const struct store *s, const char *stream, char tree, struct state **out, struct err *e);
void state_free(struct state *s);
/* The digest of a tree's state.yaml as it is on the disk, unread: 0; 1 where there is none yet; -1. */
int state_digest(const struct store *s, const char *stream, char tree, struct digest *out, struct err *e);
/* Whether its tree is being built from nothing: what that links to need not be durable yet, while stage/receiving is there. */
bool state_from_nothing(const struct state *s);
/* The first item that does not come before a path in bytes; items_n where all do. */
size_t state_bound(const struct state *s, const char *path);
/* Which tree is current: 'a', 'b', or 0 where nothing was published yet. R_STORE_DAMAGED. */
int state_current(const struct store *s, const char *stream, char *tree, struct err *e);

/* Lists kept for a stream, ascending. Other names in that directory are passed over; without it, as of a stream followed from now on,
 * there are none. */
struct kept_lists {
	struct list_ref *refs;	/* sha256 not filled */
	size_t n;
};
int state_lists(const struct store *s, const char *stream, struct kept_lists *out, struct err *e);
/* Whether a name is that of a kept list, "1-42"; *out: which. */
bool state_list_name(const char *name, struct list_ref *out);
void state_lists_free(struct kept_lists *k);
/* R_TRUST_DAMAGED where a newest list was judged by a trust root that the store has no more: roots were deleted, and keys that they
 * removed would count again. */
int state_check_roots(const struct store *s, struct err *e);
/*
 * Whether its bytes have the signatures they need, by the root recorded with it: 0, 1 where no such list is kept, -1. They are not
 * parsed, so what list they are is not known. *out: their digest.
 */
int state_list_check(const struct store *s, const char *stream, uint64_t epoch, uint64_t revision, struct digest *out,
		     struct err *e);
/* Loads one, judged by the root recorded with it. NULL on error. */
struct approvals *state_list_load(const struct store *s, const char *stream, uint64_t epoch, uint64_t revision, struct err *e);

#endif

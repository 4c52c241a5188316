/*
 * What a store says about itself, read only: store.yaml, its chain of trust roots, the lists kept, and the state.yaml of
 * each tree. satchel-import writes these files, satchel-verify audits them.
 *
 *     STORE/store.yaml
 *     STORE/trust/trust-N.yaml + signatures        first one pinned by store.yaml's digest
 *     STORE/keys/receipt.key receipt.pub
 *     STORE/objects/9f/HEX HEX.x HEX.1 HEX.x.1 …   HEX.lost (empty): set aside as damaged, still counted as received
 *     STORE/streams/NAME/a|b/tree/  a|b/state.yaml
 *     STORE/streams/NAME/current -> a|b
 *     STORE/streams/NAME/lists/EPOCH-REVISION/approvals.yaml, its signatures, `root` (version of the root that judged it)
 *     STORE/published/NAME -> ../streams/NAME/current/tree
 *     STORE/stage/ (0700)  STORE/journal.jsonl  STORE/lock
 */
#ifndef VERIFY_STATE_H
#define VERIFY_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/file.h"
#include "manifests/approvals.h"
#include "manifests/trust.h"

struct err;

struct store_stream {
	char *stream;
	char **rings;
	size_t rings_n;
};
struct store_config {		/* store.yaml */
	char *name;
	struct store_pin { uint64_t version; struct digest sha256; } trust;
	struct store_stream *streams;
	size_t streams_n;
	bool has_policy;
	struct store_policy {	/* all optional in the file; defaults filled in */
		uint64_t ahead_days;	/* objects no list needs are kept so long: 90 */
		uint64_t keep_lists;	/* former lists kept for rollback: 10 */
		uint64_t stale_days;	/* unhealthy when nothing arrived for so long: 45 */
		bool has_ahead_days, has_keep_lists, has_stale_days;
	} policy;
};
extern const struct schema store_config_schema;

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
	bool has_newest, has_complete;
	struct list_ref newest, complete;
	uint64_t missing_total;	/* objects missing in all; `missing` lists at most STATE_MAX_MISSING of them */
	struct state_item *items, *former;	/* former: what the tree held before, while building */
	size_t items_n, former_n;
	struct state_waiting *waiting;
	size_t waiting_n;
	struct state_missing *missing;
	size_t missing_n;
	struct arena arena;
};
enum { STATE_CLEAN, STATE_BUILDING };
#define STATE_MAX_MISSING 10000
extern const struct schema state_schema;	/* type "state" */

struct store {
	struct file dir;
	struct store_config config;
	struct trust_chain chain;
	struct arena arena;
};
/* Opens a store for reading: owner check (ERR_UNSAFE), store.yaml, trust chain verified from its pin (R_TRUST_DAMAGED). */
int store_open(const char *path, struct store *out, struct err *e);
void store_close(struct store *s);
const struct store_stream *store_stream(const struct store *s, const char *name);	/* NULL: not followed */

/* state.yaml of tree 'a' or 'b': 0; 1 where there is none yet; -1. Free with state_free. */
int state_load(const struct store *s, const char *stream, char tree, struct state **out, struct err *e);
void state_free(struct state *s);
/* Which tree is current: 'a', 'b', or 0 where nothing was published yet. */
int state_current(const struct store *s, const char *stream, char *tree, struct err *e);

/* Lists kept for a stream, ascending. */
struct kept_lists {
	struct list_ref *refs;	/* sha256 not filled */
	size_t n;
};
int state_lists(const struct store *s, const char *stream, struct kept_lists *out, struct err *e);
void state_lists_free(struct kept_lists *k);
/* Loads one, judged by the root recorded with it. */
struct approvals *state_list_load(const struct store *s, const char *stream, uint64_t epoch, uint64_t revision, struct err *e);

/* contents_fetch over a store's objects: arg is the `struct store *`. */
int store_fetch(void *arg, const struct digest *d, uint64_t size, struct buf *out, struct err *e);

#endif

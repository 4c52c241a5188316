/*
 * Worlds for tests of publishing: a world is a set of items with their records, made at random or by hand, that can be put
 * into a bare store, published, and compared with what lies in a tree: every path, kind, mode, byte and target.
 */
#ifndef TESTS_UNIT_WORLD_H
#define TESTS_UNIT_WORLD_H

#include "import/publish.h"
#include "manifests/contents.h"
#include "tests/unit/bare_store.h"

#define WORLD_STREAM "updates"
#define WORLD_RECORDS 10
#define WORLD_ITEMS 8
#define WORLD_DATA 12		/* few texts, so that objects have many names */

struct world_record {
	char path[64];
	char kind;	/* f, x (executable), l, d */
	unsigned data;
	char target[64];
	int64_t mtime;
};
struct world_item {
	char name[32];
	struct world_record list[WORLD_RECORDS];
	size_t n;
};
struct world {
	struct world_item items[WORLD_ITEMS];
	size_t n;
};

/* Random numbers below n, the same in every run. */
extern uint64_t world_seed;
unsigned world_rnd(unsigned n);

/* A world in which no items nest; it often keeps items of the one before (or NULL), and changes a little in them. */
void world_random(struct world *w, const struct world *before);
/* By hand: an item, then its records in order of paths. Links go somewhere, times are 5000. */
void world_add_item(struct world *w, const char *name);
void world_add_record(struct world *w, const char *path, char kind, unsigned data);

/* The text of a number, which files hold; its digest; and putting it into a store. */
int world_text(unsigned data, char out[64]);
struct digest world_data_digest(unsigned data);
void world_put_data(struct bare_store *s, unsigned data);
/* contents_put over a struct objects. */
int world_put_document(void *arg, const struct digest *d, const void *data, size_t len, struct err *e);
/* All objects of an item, and its contents list. */
struct contents_ref world_put_item(struct bare_store *s, const struct world_item *it);
/* Puts everything and fills the state that publishes the world; names point into it. world_state_unsettled: begun, and not
 * settled. */
void world_state_unsettled(struct bare_store *s, const struct world *w, struct state *out, struct state_item items[WORLD_ITEMS]);
void world_state(struct bare_store *s, const struct world *w, struct state *out, struct state_item items[WORLD_ITEMS]);

/* A bare store with the folders of a stream. */
void world_make(struct bare_store *s);
struct publish_result world_update(struct bare_store *s, const struct state *want);
/* world_state, world_update, and the checks of the current tree and its state.yaml. */
struct publish_result world_publish(struct bare_store *s, const struct world *w);
/* What the next run of the program does first: whether it found an interrupted build. */
bool world_recover(struct bare_store *s);

bool world_tree_is(const char *path, const struct world *w);
void world_assert_tree(const char *path, const struct world *w);
void world_assert_state(struct bare_store *s, char tree, const struct state *want);
/* Paths, good until the next but three; and which tree is current, 0 for none. */
const char *world_published(const struct bare_store *s);
const char *world_tree_path(const struct bare_store *s, char tree);
char world_current(struct bare_store *s);
char world_other(struct bare_store *s);

#endif

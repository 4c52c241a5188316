/*
 * A list as a store in certain rings sees it: one entry an item, and which of them are ready. Shared by effect.c, which
 * chooses among lists, and effect_view.c.
 */
#ifndef VERIFY_EFFECT_IMPL_H
#define VERIFY_EFFECT_IMPL_H

#include "verify/effect.h"
#include "lib/arena.h"

struct effect_answer {		/* about one contents digest, for the whole computation */
	struct digest contents;
	struct effect_ready ready;
	bool held, revoked;
};
/* Answers by contents digest, asked once each. Open addressing; the hash is keyed, since digests in a list are whatever
 * its signers wrote. */
struct effect_asked {
	struct effect_answer **slots;
	size_t n, mask;		/* mask + 1 slots, or none yet */
	uint64_t key[4];
	struct arena arena;
	const struct effect_input *in;
	const struct digest *revoked;	/* sorted */
	size_t revoked_n;
};
/* Sets the keys. Zero-initialise the rest. */
int effect_view_ask_start(struct effect_asked *q, const struct effect_input *in, struct err *e);
void effect_view_ask_end(struct effect_asked *q);

struct effect_view {
	const struct approvals *list;	/* NULL: not opened */
	size_t n;
	const struct approval **entries;	/* sorted by item */
	struct effect_answer **answers;
	bool received;		/* every entry is */
	/* by effect_view_judge: */
	bool judged;
	bool *ready;
	const char **whom;	/* not ready for want of a required one: the item at the root of it; else NULL */
	size_t *first;		/* what entry i requires: edges[first[i]..first[i + 1]), indexes of entries */
	uint32_t *edges;
	size_t *back_first;	/* and who requires entry i */
	uint32_t *back;
};
/* Finds the entries and asks about each. */
int effect_view_open(struct effect_view *v, const struct approvals *list, struct effect_asked *q, struct err *e);
/* Fills `ready`, by the revocations and holds in q. */
int effect_view_judge(struct effect_view *v, struct effect_asked *q, struct err *e);
/* Marks in `mark` (n of them) everything that can be reached from the marked ones along requires: forward, what they
 * require; else, who requires them. */
int effect_view_spread(const struct effect_view *v, bool *mark, bool forward, struct err *e);
/* The entry of an item: its index, or SIZE_MAX. */
size_t effect_view_find(const struct effect_view *v, const char *item);
void effect_view_free(struct effect_view *v);

#endif

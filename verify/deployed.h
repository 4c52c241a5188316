/*
 * One item of a deployed copy against what a store publishes: contents list beside walk, both in order of path bytes, so
 * that memory does not grow with the item; files are hashed by several threads, and told of in order.
 */
#ifndef VERIFY_DEPLOYED_H
#define VERIFY_DEPLOYED_H

#include <stddef.h>
#include <stdint.h>

#include "lib/file.h"
#include "manifests/approvals.h"

struct err;
struct store;
struct walk_entry;

enum deployed_state { DEPLOYED_MISSING, DEPLOYED_STALE, DEPLOYED_CHANGED, DEPLOYED_EXTRA, DEPLOYED_UNREADABLE, DEPLOYED_STATES };

#define DEPLOYED_FORMER 16	/* former revisions of an item that are looked at: the newest ones */
struct deployed_item {
	const char *item;
	uint64_t revision;	/* published; 0: nothing of the item is any longer */
	struct contents_ref contents;
	struct { uint64_t revision; struct contents_ref contents; } former[DEPLOYED_FORMER];	/* other contents, newest first */
	size_t former_n;
};
struct deployed_tally {
	uint64_t records, found;	/* that must be there; that were found, whatever they hold */
	uint64_t n[DEPLOYED_STATES];
};
struct deployed_ops {		/* called in order, never two at once, on any thread */
	/* revision: the former one whose bytes these are, 0: none. item NULL: it lies outside of all items. why: or NULL. */
	void (*file)(void *arg, const struct deployed_item *item, enum deployed_state s, const char *path, uint64_t revision,
		     const char *why);
	void (*item)(void *arg, const struct deployed_item *item, const struct deployed_tally *t);
};

struct deployed;
/* top: the copy; stays open meanwhile. NULL on error. */
struct deployed *deployed_open(const struct store *s, const struct file *top, unsigned jobs, const struct deployed_ops *ops,
			       void *arg, struct err *e);
/* at: where the item stands in the copy, NULL: nowhere; with `sys` where it, or a directory above it, can't be read. The item must stay
 * until deployed_close. */
int deployed_item(struct deployed *d, const struct deployed_item *item, const struct walk_entry *at, struct err *e);
/* What belongs to no item. why: or NULL. */
int deployed_other(struct deployed *d, const char *path, const char *why, struct err *e);
/* Waits for all that was begun. 0, or -1 with the first error; NULL is a no-op. */
int deployed_close(struct deployed *d, struct err *e);

#endif

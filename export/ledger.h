/*
 * STATION/ledger.jsonl: every decision, signature and bundle, hash-chained (manifests/journal.h), with the local user.
 * A line is written before what it tells of takes effect: after a crash in between the ledger has a line too many,
 * which repeating the command explains, and never one too few.
 */
#ifndef EXPORT_LEDGER_H
#define EXPORT_LEDGER_H

#include <stdint.h>

#include "lib/digest.h"
#include "lib/json.h"

struct approvals;
struct err;
struct station;

#define LEDGER_NAME "ledger.jsonl"

/* Appends and syncs, with the member "user". Takes members over. */
int ledger_append(struct station *s, const char *event, json_t *members, struct err *e);
/* Sets the member "key". */
int ledger_put_key(json_t *o, const struct digest *id);
/* Sets "epoch", "revision" and "sha256" of a list. */
int ledger_put_list(json_t *o, uint64_t epoch, uint64_t revision, const struct digest *d);

/*
 * journal_read of the ledger for those who go on without it: where its chain is broken, or it is gone, 0 all the same, what stands
 * before that was told, and *broken (or NULL) says where.
 */
int ledger_read(const struct station *s,
		int (*each)(void *arg, uint64_t n, const struct digest *line, const json_t *o, struct err *e), void *arg,
		struct err *broken, struct err *e);
/* Whether the list is the one that was frozen, by its digest: 1, also where the ledger doesn't tell; 0; -1. */
int ledger_froze(const struct station *s, const struct approvals *list, struct err *e);

/* A decision on many items, in lines of bounded length: the members are in every line, the items in `items`. */
struct ledger_items;
struct ledger_items *ledger_items_open(struct station *s, const char *event, json_t *members, struct err *e);
/* One more item. */
int ledger_items_add(struct ledger_items *l, const char *item, uint64_t revision, char *const *rings, size_t rings_n,
		     struct err *e);
int ledger_items_close(struct ledger_items *l, struct err *e);	/* writes what is left, frees l */
void ledger_items_abort(struct ledger_items *l);

#endif

/*
 * TELL: what an import came to, for people and as JSON. The only code of import/ beside the commands that prints.
 */
#ifndef IMPORT_TELL_H
#define IMPORT_TELL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/json.h"

struct outcome;
struct places;
struct update;

/* One line for a bundle. */
void tell_bundle(const struct outcome *o, const char *medium);
/* Every damaged place of it, with the objects that were lost there and where they belong. */
void tell_damage(const struct outcome *o, const char *medium, const struct places *places);
/* What a stream publishes now, what waits and for which objects. */
void tell_stream(const struct update *u);

/* Parts of it, for status too. */
/* "list 42", "list 2 of epoch 3": the first epoch is not worth a word. Returns out. */
#define TELL_LIST 64
char *tell_list(uint64_t epoch, uint64_t revision, char out[TELL_LIST]);
struct state;
struct state_waiting;
/* The first waiting items: "  pool/o/openssl  revision 3 waits for 3 objects, 1.2 GiB; revision 2 stays". current may be
 * NULL. */
void tell_waiting(const struct state *s, const struct state *current);
/* One of them for --json, which has all: item, revision, why, objects, bytes. The caller's. */
json_t *tell_waiting_json(const void *state, size_t i);

/* Warns where `what` has expired (true; `reason` says so) or will within 30 days. */
bool tell_expiry(const char *what, int reason, int64_t expires, int64_t now);
/* Warns where a list has items but none for this store's rings, so that nothing is published: a ring may be misspelt. */
struct approvals;
struct store_stream;
void tell_rings(const struct approvals *list, const struct store_stream *stream);
/* The same as tell_expiry, of the newest trust root of a store. */
struct store;
bool tell_root_expiry(const struct store *s, int64_t now);

#endif

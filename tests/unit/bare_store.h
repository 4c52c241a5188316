/*
 * A bare store for unit tests of its write side: objects/ and stage/ in a fresh directory, nothing else.
 */
#ifndef TESTS_UNIT_BARE_STORE_H
#define TESTS_UNIT_BARE_STORE_H

#include <stddef.h>

#include "import/objects.h"
#include "verify/store.h"

struct bare_store {
	char path[64];
	struct store store;	/* only `dir` is filled in */
	struct objects *objects;
};
/* Ends the test where rc is -1, with the error's words. */
void bare_store_must(int rc, const struct err *e);

void bare_store_make(struct bare_store *s);	/* opens objects too */
void bare_store_remove(struct bare_store *s);
int bare_store_setup(void **state);	/* for cmocka: *state is a bare store */
int bare_store_teardown(void **state);
void bare_store_reopen(struct bare_store *s);	/* as the next run of the program would */

/* Within one begin and settle. Returns the digest. */
struct digest bare_store_put(struct bare_store *s, const void *data, size_t len);
/* The path of an object's file: suffix "", ".x", ".1", ".lost"; good until the next but three calls. */
const char *bare_store_object(const struct bare_store *s, const struct digest *d, const char *suffix);
/* Below the store. */
const char *bare_store_path(const struct bare_store *s, const char *path);

#endif

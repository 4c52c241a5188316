/*
 * Approval lists (`satchel: approvals/1`). FORMAT.md section 5.
 */
#ifndef MANIFESTS_APPROVALS_H
#define MANIFESTS_APPROVALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/digest.h"
#include "manifests/schema.h"

struct err;

/* Names a contents list and says what it comes to. */
struct contents_ref {
	struct digest sha256;	/* of the contents list document */
	uint64_t size;		/* of that document, in bytes */
	uint64_t files;		/* regular files it lists */
	uint64_t bytes;		/* their sizes added up */
};
extern const struct schema contents_ref_schema;

struct approval {		/* entry of a list: one revision of an item, for some rings */
	char *item;
	uint64_t revision;
	char **rings;		/* sorted, distinct, at least one */
	size_t rings_n;
	struct contents_ref contents;
	char *title;		/* or NULL */
	char **requires;	/* items; sorted, distinct; may be none */
	size_t requires_n;
	char **supersedes;	/* items that it takes the place of; sorted, distinct; may be none */
	size_t supersedes_n;
	bool urgent;
	bool has_deadline;
	int64_t deadline;
	char *note;		/* or NULL */
};
struct revocation {
	char *item;
	uint64_t revision;
	struct digest contents;	/* digest of the revoked contents list */
	uint64_t since;		/* revision of the first list that has it */
	char *note;		/* or NULL */
};
struct approvals {
	char *stream;
	uint64_t epoch, revision;
	int64_t issued, expires;
	struct approval *items;	/* sorted by item, then revision */
	size_t items_n;
	struct revocation *revoked;	/* sorted by item, then revision */
	size_t revoked_n;
	/* not part of the document: */
	struct arena arena;
	struct buf bytes;
	struct digest digest;
	struct digest *revoked_index;	/* contents of `revoked`, sorted; NULL in one that was built in memory */
};
extern const struct schema approvals_schema;
extern const struct schema approval_schema;	/* one entry */
extern const struct schema revocation_schema;

/*
 * Parses an authenticated list and checks it as a whole: order, no ring twice for an item, items don't nest, what an
 * entry requires is approved for the same rings (R_REQUIRES), no contents that are revoked (R_REVOKED), issued before
 * expires, at most MAX_RINGS different rings in all (a station has no more). Keeps a copy of the bytes. NULL on error;
 * free with approvals_free.
 */
struct approvals *approvals_parse(const void *data, size_t len, struct err *e);
/* The same, taking the bytes over, which a list of 200,000 entries has 48 MiB of: they are empty afterwards, on error too. */
struct approvals *approvals_take(struct buf *bytes, struct err *e);
void approvals_free(struct approvals *a);
/* Encodes one that was built in memory, after the same checks. */
int approvals_encode(const struct approvals *a, struct buf *out, struct err *e);
/* The checks alone. */
int approvals_check(const struct approvals *a, struct err *e);

/* R_CLOCK: issued more than MAX_CLOCK_AHEAD ahead of now; R_EXPIRED. */
int approvals_check_time(const struct approvals *a, int64_t now, struct err *e);
/* Order of lists: <0, 0, >0 by (epoch, revision). */
int approvals_compare(const struct approvals *a, const struct approvals *b);
/* The item's entry for a store in these rings: the highest revision that names one of them; NULL where none does. */
const struct approval *approvals_entry(const struct approvals *a, const char *item, char *const *rings, size_t rings_n);
/* Index range of the entries of an item: first and count (0: none). */
size_t approvals_find(const struct approvals *a, const char *item, size_t *count);
/* O(log n) in a list that was parsed, O(n) in one that was built in memory. */
bool approvals_revokes(const struct approvals *a, const struct digest *contents);
bool approval_in_rings(const struct approval *p, char *const *rings, size_t rings_n);

#endif

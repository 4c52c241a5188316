/*
 * Receipts (`satchel: receipt/1`): what a store says it holds and lacks, signed by its own key. FORMAT.md section 14.
 *
 *     STORE-00000012.yaml              the document; names_bundle spells STORE-00000012
 *     STORE-00000012.yaml.<id>.sig     its signature by the store's receipt key
 *     STORE-00000012.objects           digests of the objects held, sorted, one a line; a brief receipt has none
 */
#ifndef MANIFESTS_RECEIPT_H
#define MANIFESTS_RECEIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/digest.h"
#include "manifests/schema.h"

struct err;

struct receipt_list {
	uint64_t epoch, revision;
	struct digest sha256;
};
struct receipt_stream {		/* a stream that the store follows */
	char *stream;
	char **rings;		/* sorted, distinct */
	size_t rings_n;
	bool has_newest, has_complete, has_rollback;
	struct receipt_list newest, complete;
	struct receipt_list rollback;	/* the list a rollback in force went back to; then `complete` is it, too */
	uint64_t sequence;	/* highest bundle taken in; 0: none */
	bool has_arrived;
	int64_t arrived;	/* when a bundle was taken in last */
	uint64_t waiting;	/* items of the newest list that are not published yet */
	uint64_t missing, bytes;	/* objects the newest list lacks as far as known, and their sizes */
};
struct receipt_bundle {		/* taken in; sorted by stream, sequence, manifest */
	char *stream;
	uint64_t sequence;
	struct digest manifest;
	int64_t arrived;
};
struct receipt_waiting {	/* sorted by stream and item */
	char *stream, *item;
	uint64_t revision, objects, bytes;
	char *why;
};
struct receipt_missing {	/* an object, or bytes from..from+length of it; sorted by digest and from */
	struct digest sha256;
	bool has_size, has_from, has_length;	/* whole objects whose size isn't known have none of them */
	uint64_t size, from, length;
};
enum { RECEIPT_REFUSED, RECEIPT_FAILED, RECEIPT_ALARM };
struct receipt_refusal {	/* in order of the journal */
	int64_t time;
	int event;		/* RECEIPT_REFUSED ... */
	char *reason;		/* a word of section 13, or of an alarm */
	char *bundle, *text;	/* or NULL */
};
struct receipt_history {	/* the journal when the receipt of that counter was made, its own line included */
	uint64_t counter, length;
	struct digest head;
};
struct receipt {
	char *store;
	uint64_t counter;
	int64_t time;
	struct receipt_trust { uint64_t version; struct digest sha256; } trust;
	char **reads;		/* format versions, "approvals/1"; sorted, distinct */
	size_t reads_n;
	char *sandbox;		/* what confined the reading of the newest medium, for people; NULL: nothing was read */
	bool has_objects;	/* false: brief */
	struct receipt_objects { uint64_t count, size; struct digest sha256; } objects;	/* of the .objects file */
	uint64_t lacks;		/* objects lacking in all; `missing` names them unless there are too many */
	struct receipt_stream *streams;	/* sorted by name */
	size_t streams_n;
	struct receipt_bundle *bundles;	/* those with the highest sequences */
	size_t bundles_n;
	struct receipt_waiting *waiting;
	size_t waiting_n;
	struct receipt_missing *missing;
	size_t missing_n;
	struct receipt_refusal *refusals;	/* the newest */
	size_t refusals_n;
	struct receipt_history *history;	/* ascending; the last is this receipt's own */
	size_t history_n;
	/* not part of the document: */
	struct arena arena;
	struct buf bytes;
	struct digest digest;
};
extern const struct schema receipt_schema;

#define RECEIPT_MAX_SANDBOX 128	/* bytes of that text */
#define RECEIPT_LINE 65		/* of a .objects file: 64 digits and LF */

/* Parses an authenticated receipt and checks it as a whole. Keeps a copy of the bytes. NULL on error; free with
 * receipt_free. */
struct receipt *receipt_parse(const void *data, size_t len, struct err *e);
void receipt_free(struct receipt *r);
/* Encodes one that was built in memory, after the same checks. R_DOCUMENT_TOO_LARGE. */
int receipt_encode(const struct receipt *r, struct buf *out, struct err *e);

const struct receipt_stream *receipt_stream(const struct receipt *r, const char *stream);	/* or NULL */
/* Whether the receipt says that a bundle was taken in, or could no longer say it (it names only the newest). */
bool receipt_has_bundle(const struct receipt *r, const char *stream, uint64_t sequence, const struct digest *manifest);
/* Records of an object in `missing`: index of the first, and count. */
size_t receipt_find_missing(const struct receipt *r, const struct digest *d, size_t *count);
/* The journal at an earlier receipt, or NULL where the history doesn't go back so far. */
const struct receipt_history *receipt_history(const struct receipt *r, uint64_t counter);

/*
 * Whether `next` can follow `last`, both of one store and authentic: the journal of `next` extends that of `last`.
 */
enum receipt_order {
	RECEIPT_NEXT,		/* it does */
	RECEIPT_SAME,		/* the same receipt again */
	RECEIPT_OLDER,		/* an earlier one of the same history: a replay */
	RECEIPT_FORKED,		/* their journals differ: the store was set back, or somebody else has its key */
	RECEIPT_APART		/* too far from each other to be compared: more receipts in between than a history has */
};
enum receipt_order receipt_compare(const struct receipt *last, const struct receipt *next);

/* Reads an authenticated .objects file piece by piece: form, order and count. Zero-initialise it. */
struct receipt_held {
	char line[RECEIPT_LINE];
	size_t at;		/* bytes of the line that are here */
	uint64_t count;
	struct digest last;
};
/* R_DOCUMENT_FORM where it is not such a file. */
int receipt_held_add(struct receipt_held *h, const void *data, size_t len, struct err *e);
/* At its end: whether it is what the receipt says. R_DOCUMENT_FORM. */
int receipt_held_end(const struct receipt_held *h, const struct receipt_objects *o, struct err *e);

#endif

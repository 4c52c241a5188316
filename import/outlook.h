/*
 * OUTLOOK: what a stream shall publish and what waits, from the lists kept and the objects received. lists > effect >
 * OUTLOOK > publish. Reads the store, writes nothing.
 */
#ifndef IMPORT_OUTLOOK_H
#define IMPORT_OUTLOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "verify/state.h"

struct objects;
struct places;
struct rollback;
struct scanned;
struct approvals;
struct approval;

struct outlook_name {		/* a missing object and where it belongs */
	struct digest sha256;
	uint64_t size;
	const char *item;
	const char *path;	/* or NULL: a contents list or part */
};
struct outlook {
	struct state want;	/* clean; its strings and lists live as long as the outlook */
	struct state *current;	/* what is published now, or NULL */
	struct approvals **lists;	/* those that have a say, ascending; the last one is the newest */
	size_t lists_n;
	bool whole;		/* all of the newest list is received, or there is none */
	struct rollback *rollback;	/* as the store says, in force or not; NULL: there is none */
	bool held;		/* the scan hook holds something that the lists name */
	bool rollback_ended;	/* a list later than it is complete: it is to go */
	uint64_t missing_bytes;	/* sizes of the missing objects */
	struct outlook_name *names;	/* of as many of them as want.missing has */
	size_t names_n;
	struct err malformed;	/* set: an approved contents list that can't be published */
};
struct outlook_ask {
	const struct store *store;
	struct objects *objects;
	const struct store_stream *stream;
	int64_t now;
	struct places *places;	/* answered from the missing objects' names */
	bool planned;		/* judge as if `plan` were in force (NULL: none), whatever the store says */
	const struct rollback *plan;
	const struct scanned *scanned;	/* what the scan hook said; NULL: as the store says */
};
/* 0 or -1; outlook_free in any case. */
int outlook_open(const struct outlook_ask *ask, struct outlook *out, struct err *e);
void outlook_free(struct outlook *l);
/* Whether what is wanted says the same as what is published, but for the time. 1, 0, -1. */
int outlook_same(const struct outlook *l, struct err *e);
/* What is published of an item, or NULL. */
const struct state_item *outlook_published(const struct state *s, const char *item);

/* Reads the contents lists of a list's entries for these rings, as far as they are there: 0, or -1 where one can't be
 * published (missing_is_malformed) or another error. */
int outlook_try(const struct store *s, struct objects *o, const struct store_stream *stream, const struct approvals *list,
		struct err *e);

#endif

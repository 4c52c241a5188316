/*
 * One stream of a store: its lists, the states of its trees, and the trees.
 */
#ifndef VERIFY_AUDIT_STREAM_H
#define VERIFY_AUDIT_STREAM_H

#include <stdint.h>

struct err;
struct report;
struct store;
struct store_stream;

struct audit_stream {
	uint64_t lists;
	uint64_t epoch, list;	/* complete list of the current tree; 0: none */
	uint64_t items, files, links;	/* of the current tree */
};
/* now: for notes on expiry. What is wrong is reported; -1 only where the audit can't go on. */
int audit_stream(const struct store *s, const struct store_stream *stream, int64_t now, struct report *r,
		 struct audit_stream *out, struct err *e);

#endif

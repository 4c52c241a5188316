/*
 * What the scan hook of store.yaml said of contents: STORE/streams/NAME/scanned.yaml, a strict document. It counts only as
 * long as the hook is the same command; contents that are published already need no record.
 */
#ifndef VERIFY_SCANNED_H
#define VERIFY_SCANNED_H

#include "manifests/limits.h"
#include "verify/state.h"

enum scanned_verdict {
	SCANNED_PASSED,
	SCANNED_REFUSED,	/* held until somebody has it scanned again */
	SCANNED_FAILED		/* the hook could not judge it: held, and scanned again by the next run */
};
struct scanned_record {
	char *item;
	uint64_t revision;
	struct digest contents;
	int verdict;
	int64_t time;
};
struct scanned {
	char *stream;
	struct digest hook;	/* of its words, each with a NUL */
	struct scanned_record *records;	/* sorted by contents, distinct */
	size_t records_n;
	struct arena arena;
};
extern const struct schema scanned_schema;	/* type "scanned" */

/* 0; 1 where there is no scan hook, or it said nothing yet: *out is empty then, with `hook` filled in where there is one; -1.
 * scanned_free in any case. */
int scanned_load(const struct store *s, const char *stream, struct scanned *out, struct err *e);
/* The same whatever hook said it, for who judges what was published then. *present: it is the one that store.yaml has now. 0; 1 where nothing
 * was said; -1. scanned_free in any case. */
int scanned_read(const struct store *s, const char *stream, struct scanned *out, bool *present, struct err *e);
void scanned_free(struct scanned *s);
const struct scanned_record *scanned_find(const struct scanned *s, const struct digest *contents);	/* or NULL */
bool scanned_holds(const struct scanned *s, const struct digest *contents);

/* "streams/NAME/scanned.yaml" */
#define SCANNED_PATH (MAX_NAME_LEN + 32)
char *scanned_path(const char *stream, char out[SCANNED_PATH]);

#endif

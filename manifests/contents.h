/*
 * Contents lists (`satchel: contents/1`) and their parts (`satchel: contents-part/1`): every file of one item
 * revision. Read and written as streams of records; memory is bounded by one part and the list of parts.
 * FORMAT.md section 6.
 */
#ifndef MANIFESTS_CONTENTS_H
#define MANIFESTS_CONTENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/digest.h"
#include "manifests/approvals.h"
#include "manifests/schema.h"

struct err;

struct record {			/* a file, a link, or an empty directory */
	char *path;		/* begins with the item's own last component */
	bool has_file;		/* a regular file: */
	uint64_t size;
	bool has_sha256, has_mtime;	/* as has_file; three flags for the schema */
	struct digest sha256;
	int64_t mtime;
	bool exec;
	char *link;		/* a link: its target, else NULL */
	bool dir;		/* an empty directory */
};
extern const struct schema record_schema;
extern const struct schema contents_schema;	/* for show and JSON; struct contents_document in contents.c */
extern const struct schema contents_part_schema;

/* Judges one record by itself: path, link (item: for its depth in the published tree), exactly one kind. R_NAME,
 * R_DOCUMENT_FORM. */
int record_check(const struct record *r, const char *item, struct err *e);
bool record_equal(const struct record *a, const struct record *b);
/* The same but for mtime. */
bool record_same_content(const struct record *a, const struct record *b);

/* ---- writing ---- */

/* Gets every document as it is done, parts first, the contents list last: digest, bytes. 0 or -1. */
typedef int contents_put(void *arg, const struct digest *d, const void *data, size_t len, struct err *e);

struct contents_writer;
struct contents_writer *contents_writer_open(const char *item, contents_put *put, void *arg, struct err *e);
/* Records in order of path bytes; checked (record_check, order, nothing below a file or link). */
int contents_writer_add(struct contents_writer *w, const struct record *r, struct err *e);
/* Ends it and says what it came to. */
int contents_writer_finish(struct contents_writer *w, struct contents_ref *ref, struct err *e);
void contents_writer_free(struct contents_writer *w);

/* ---- reading ---- */

/* Fetches a document by digest: appends its bytes (size is known: exactly that many) to out. The caller of fetch
 * checks the digest again itself. 0; 1 where it isn't there; -1 on error. */
typedef int contents_fetch(void *arg, const struct digest *d, uint64_t size, struct buf *out, struct err *e);

struct contents_reader;
/*
 * Opens the list a ref names. Returns 0; 1 where the list itself is not there yet (*out is NULL); -1 on error.
 * Everything is checked while reading: digests, canonical form, order across parts, cuts, counts, names, and at the
 * end files and bytes against ref.
 */
int contents_reader_open(const struct contents_ref *ref, const char *item, contents_fetch *fetch, void *arg,
			 struct contents_reader **out, struct err *e);
/* Next record (valid until the next call): 1, 0 at the end, -1 on error; 2 where a part is not there (it is then
 * skipped: contents_reader_part tells which; order is checked across the gap, the counts at the end are not). */
int contents_reader_next(struct contents_reader *r, const struct record **out, struct err *e);
void contents_reader_close(struct contents_reader *r);

struct contents_part {
	char *first;		/* path of its first record */
	uint64_t records;
	struct digest sha256;
	uint64_t size;
};
extern const struct schema contents_part_ref_schema;
/* The list of parts (NULL and 0 where the list holds its records itself); owned by r. */
const struct contents_part *contents_reader_parts(const struct contents_reader *r, size_t *n);
/* The part last met by next. */
const struct contents_part *contents_reader_part(const struct contents_reader *r);

/* ---- comparing ---- */

/*
 * Records that differ between two lists of one item path (either may be NULL: nothing), in order of path bytes;
 * equal parts are skipped unread. was/is: NULL where it is only on the other side. Both are closed by the caller.
 * An `each` that returns -1 ends it. Parts that are not there end it with R_OBJECT_MISSING.
 */
int contents_diff(struct contents_reader *old, struct contents_reader *new,
		  int (*each)(void *arg, const struct record *was, const struct record *is, struct err *e), void *arg,
		  struct err *e);

#endif

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
struct digest_ctx;

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

struct contents_part {		/* line of a list of parts */
	char *first;		/* path of its first record */
	uint64_t records;
	struct digest sha256;
	uint64_t size;
};
extern const struct schema contents_part_ref_schema;

/* Whole documents, for show and JSON; everybody else reads and writes streams. Parsing them by their schema checks all
 * that one document alone can tell. */
struct contents_document {
	char *item;
	struct record *files;	/* 1 to MAX_PART_RECORDS; or none, and then */
	size_t files_n;
	struct contents_part *parts;	/* of more than MAX_PART_RECORDS records in all */
	size_t parts_n;
};
extern const struct schema contents_schema;
struct contents_part_document {
	struct record *files;
	size_t files_n;
};
extern const struct schema contents_part_schema;

/* Judges one record by itself: path, link (item: for its depth in the published tree), exactly one kind. The path in
 * the published tree (the item's parent, then the record's path) is bounded like any path. R_NAME, R_DOCUMENT_FORM. */
int record_check(const struct record *r, const char *item, struct err *e);
/* Of that only what record_schema can't know: that path and link fit into the item. */
int record_check_place(const struct record *r, const char *item, struct err *e);
bool record_equal(const struct record *a, const struct record *b);
/* The same but for mtime. */
bool record_same_content(const struct record *a, const struct record *b);

/*
 * Whether a run of records ends after this path: its SHA-256 ends in PART_CUT_BITS (nine) zero bits, counted from the
 * end of the digest: the last byte is 0, and so is the lowest bit of the byte before it. A run also ends after
 * MAX_PART_RECORDS records, and nowhere else but at the end of the list. ctx is used and left ready for the next.
 */
int contents_cut(struct digest_ctx *ctx, const char *path, bool *cut, struct err *e);

/* ---- writing ---- */

/* Gets every document as it is done, parts first, the contents list last: digest, bytes. 0 or -1. */
typedef int contents_put(void *arg, const struct digest *d, const void *data, size_t len, struct err *e);

struct contents_writer;
struct contents_writer *contents_writer_open(const char *item, contents_put *put, void *arg, struct err *e);
/* Records in order of path bytes; checked (record_check, order, nothing below a file or link). A record refused for
 * these leaves the writer as it was; any other error is final. */
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

/* The list of parts (NULL and 0 where the list holds its records itself); owned by r. */
const struct contents_part *contents_reader_parts(const struct contents_reader *r, size_t *n);
/* The part last met by next. */
const struct contents_part *contents_reader_part(const struct contents_reader *r);

/*
 * Calls each for every part that a list names, and no more: of one that holds its records itself nothing but the digest is
 * looked at. 0; 1 where the list is not there; -1, also when each says so.
 */
int contents_parts(const struct contents_ref *ref, const char *item, contents_fetch *fetch, void *arg,
		   int (*each)(void *each_arg, const struct contents_part *p, struct err *e), void *each_arg, struct err *e);

/* Without fetching anything: path of the record that comes next (NULL at the end); the part that next would fetch for
 * it (NULL in the middle of one, at the end, and in a list without parts); and passing over that part unread, after
 * which counts are not checked at the end. */
const char *contents_reader_peek(const struct contents_reader *r);
const struct contents_part *contents_reader_ahead(const struct contents_reader *r);
int contents_reader_skip(struct contents_reader *r, struct err *e);

/* ---- comparing ---- */

/*
 * Records that differ between two lists of one item path (either may be NULL: nothing), in order of path bytes;
 * equal parts are skipped unread. was/is: NULL where it is only on the other side. Both are closed by the caller.
 * An `each` that returns -1 ends it. Parts that are not there end it with R_OBJECT_MISSING.
 * What only a whole reading shows (the counts, a record below one of a skipped part) is not seen here: whoever takes
 * a list over from outside reads it with contents_reader_next to its end, once, before it is compared.
 */
int contents_diff(struct contents_reader *old, struct contents_reader *new,
		  int (*each)(void *arg, const struct record *was, const struct record *is, struct err *e), void *arg,
		  struct err *e);

#endif

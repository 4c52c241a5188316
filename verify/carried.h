/*
 * What one bundle was found to carry: digests of its objects, and the bytes of contents lists and parts among them. And what
 * its list needs of that.
 */
#ifndef VERIFY_CARRIED_H
#define VERIFY_CARRIED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/digest.h"
#include "verify/spool.h"

struct approvals;
struct buf;
struct err;
struct report;

#define CARRIED_MAX 3000000	/* objects compared with the list: 140 MiB; bundles with more are said to be too large for it */
#define CARRIED_PREFIX "satchel: contents"	/* an object that begins so may be a contents list or part */

struct carried_object {
	struct digest sha256;
	uint64_t size;	/* as the indexes say */
	bool whole;	/* all of its bytes are in the bundle, and are its bytes */
	atomic_bool needed;	/* by the list */
};
struct carried {
	struct carried_object *list;
	size_t n, room;
	size_t *first;		/* after settle: of 65,537, the first object whose digest begins with these 16 bits or later */
	bool too_many;
	const struct carried_object *two_sizes;	/* after settle: one of which the indexes state two sizes (FORMAT 8.6), or NULL */
	struct carried_document *documents;	/* contents lists and parts */
	size_t documents_n, documents_room;
	struct spool spool;
};
void carried_open(struct carried *c);
void carried_close(struct carried *c);	/* and empty, as opened */

int carried_add(struct carried *c, const struct digest *d, uint64_t size, bool whole, struct err *e);
/* The bytes of one that may be a contents list or part; their digest was compared. May take bytes->data over (verify/spool.h). */
int carried_add_document(struct carried *c, const struct digest *d, struct buf *bytes, struct err *e);
/* After the last add: sorts, and makes one of what is there twice. */
int carried_settle(struct carried *c, struct err *e);

struct carried_lack {
	uint64_t files, bytes;	/* regular files of contents lists that the bundle carries, without their object */
	uint64_t lists;		/* contents lists and parts it doesn't carry, or only in part */
	uint64_t lost;		/* those of them that it carries in part: damaged */
	uint64_t surplus;	/* objects that none of its contents lists needs */
	struct digest examples[3];	/* of the surplus */
};
/* Compares with the list, by `jobs` threads. What is wrong in a contents list is a finding at `place`, in order of the list. */
int carried_compare(struct carried *c, const struct approvals *a, unsigned jobs, struct report *r, const char *place,
		    struct carried_lack *out, struct err *e);

#endif

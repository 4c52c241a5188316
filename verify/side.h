/*
 * One side of a comparison: an approval list that a person names, and whether its signatures were proven.
 *
 *     FILE            the list, signatures beside it
 *     BUNDLE          the directory of a bundle: its list
 *     N, E-N          with a store or station: its list of that revision (and epoch, 1 unless said)
 *     DAY, TIME       with a store or station: its list in force then (2026-11-22 is the day's first second), which before the
 *                     first list is none
 */
#ifndef VERIFY_SIDE_H
#define VERIFY_SIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/file.h"
#include "manifests/approvals.h"

struct err;
struct buf;
struct list_ref;
struct store;
struct terms;
struct trust_chain;

struct side_home {		/* where revisions, times and contents lists are looked up; neither: nowhere */
	const struct store *store;
	const char *stream;	/* of the store */
	const struct file *station;
};
struct side {
	struct approvals *list;	/* NULL: no list was in force at that time */
	bool proven;
	char words[512];	/* "list 41 of updates, issued 2026-11-22T10:00:00Z; UNVERIFIED: no --trust was given" */
};
/* trust: path of the root to judge FILE and BUNDLE by, or NULL. What a store keeps is judged by the root it recorded. */
int side_open(const struct side_home *home, const struct terms *t, const char *trust, const char *name, struct side *out,
	      struct err *e);
void side_close(struct side *s);

/* The list that was in force at a time: 0; 1 where none was yet; -1. */
int side_in_force(const struct side_home *home, int64_t by, struct list_ref *out, struct err *e);
/* Of a list that the home keeps, who signed it: as signers_name. */
int side_signers(const struct side_home *home, const struct trust_chain *chain, const struct approvals *a, struct buf *out,
		 struct err *e);

/* A station's name for a list: "42.yaml", in epoch 2 "2-42.yaml". */
#define SIDE_LIST_NAME 64
char *side_list_name(uint64_t epoch, uint64_t revision, char out[SIDE_LIST_NAME]);

/* contents_fetch over a home: arg is the `struct side_home *`. Where there is no home, nothing is there. */
int side_fetch(void *arg, const struct digest *d, uint64_t size, struct buf *out, struct err *e);

#endif

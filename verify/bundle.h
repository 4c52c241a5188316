/*
 * A `struct bundle`: the only type that stands for an authenticated bundle. Only unseal() makes one.
 */
#ifndef VERIFY_BUNDLE_H
#define VERIFY_BUNDLE_H

#include <stdint.h>

#include "lib/buf.h"
#include "manifests/approvals.h"
#include "manifests/manifest.h"
#include "manifests/names.h"
#include "manifests/trust.h"
#include "manifests/volume.h"
#include "verify/spool.h"

struct reader;
struct err;

struct bundle {
	char name[NAMES_BUNDLE_LEN];
	struct reader *reader;		/* not owned */
	struct manifest *manifest;	/* signed by the exporter threshold of the newest root; or known (verify/unseal.h) */
	struct buf list;		/* bytes of approvals.yaml, digest as in the manifest; empty when it has none */
	struct signatures list_signatures;	/* as found, not judged */
	struct spool spool;
	struct spooled *indexes;	/* bytes of volume n's (from 1) are indexes[n-1]; as many as the manifest has volumes */
	struct bundle_ahead *ahead;	/* the index that is parsed meanwhile, or NULL */
};
void bundle_free(struct bundle *b);

/* Parses the index of volume n (1..manifest->volumes) and checks stream, sequence, number and size. When it is good, that of
 * the next one is parsed by a thread of its own, until it is asked for. One call at a time. */
struct volume *bundle_volume(struct bundle *b, uint64_t n, struct err *e);
/* Begins with the index of volume n, which must be in b->indexes; where there is no such volume, does nothing. 0 or -1. */
int bundle_begin_volume(struct bundle *b, uint64_t n, struct err *e);
/* Calls each for the indexes that tell of objects in pieces, in order; those that are no good are passed over, since
 * bundle_volume says why. 0 or -1. */
int bundle_each_cut(const struct bundle *b, int (*each)(void *arg, const struct volume *index, struct err *e), void *arg,
		    struct err *e);
/* The index of volume n will not be asked for again: frees the memory of its bytes. After bundle_volume(n). */
void bundle_end_volume(struct bundle *b, uint64_t n);

/*
 * Judges the bundle's list by the newest root: approver threshold, then form, stream and revision as the manifest says,
 * epoch equal to the root's (R_JUMP), issued against now, expiry (R_EXPIRED comes last and with *out set, so that the
 * caller can still name it). 0; -1. *out is NULL with no error where the bundle has none.
 */
int bundle_list(const struct bundle *b, const struct trust_chain *chain, int64_t now, struct approvals **out, struct err *e);

#endif

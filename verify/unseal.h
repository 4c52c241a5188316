/*
 * find | UNSEAL | unframe | unpack: from names on a medium to a `struct bundle`. Every signature is checked over raw bytes
 * before a document is parsed.
 */
#ifndef VERIFY_UNSEAL_H
#define VERIFY_UNSEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "verify/bundle.h"

struct file;
struct reader;
struct seen;
struct err;

struct unseal {			/* what unseal is given */
	struct seen *seen;		/* the bundle, and what unseal_roots read of it already */
	const struct trust_chain *chain;	/* pinned or stored, with the roots of all bundles at hand */
	int64_t now;			/* the one time sample of the run */
	const struct file *spool_dir;	/* where indexes go that are too many for memory (verify/spool.h); until bundle_free */
	uint64_t trust_max;		/* that of unseal_roots */
	bool look_ahead;		/* no volume is asked for this time: no index is parsed before somebody wants it */
	/* Asked where the newest root's exporters did not sign: whether the manifest of this digest was authenticated before, by an
	 * older root. 1, 0, -1. NULL: none was. */
	int (*known)(void *arg, const struct digest *manifest, struct err *e);
	void *arg;
};

/*
 * Judges one bundle by the newest root: its expiry, manifest signatures by its exporters, manifest, name and sequence,
 * `created` against now, trust version and digests against the chain, then every file of the manifest but volumes and
 * VERIFY.txt: size and digest. Each file is read once. *out is NULL on error. Its roots were walked before, by unseal_roots.
 * Errors: R_BUNDLE_INTERRUPTED (no manifest), R_SIGNATURE_*, R_TRUST_*, R_DOCUMENT_*, R_NAME (the directory bears another
 * bundle's name), R_CLOCK, R_FILE_MISSING, R_FILE_SIZE, R_FILE_DIGEST, R_FILE_TYPE, R_MEDIUM_READ (a small file that can't
 * be read: exit 3), each prefixed with bundle and file name. 1, and both *out and R_SIGNATURE_* in *e: the newest root refuses a
 * manifest that is known (u->known) and otherwise good. It can be asked what it names, and nothing may be taken from it.
 */
int unseal(const struct unseal *u, struct bundle **out, struct err *e);

/*
 * Walks trust-N.yaml of one bundle from the chain's newest version on, and appends to it the roots that extend it; one that
 * fails ends in its error, the chain then has the good ones before it. Comes first, for all bundles that are to be judged
 * (verify/gather.h). trust_max: roots above this version are not asked for; 0: all are. Errors as unseal's.
 */
int unseal_roots(struct seen *seen, struct trust_chain *chain, uint64_t trust_max, struct err *e);

/* Judges any list by one root: approver threshold, form. For lists in a store. */
struct approvals *unseal_list(const void *data, size_t len, const struct signatures *s, const struct trust *root, struct err *e);

/* Names of bundles on a medium, in order of (stream, sequence); stream NULL: all. */
struct found {
	char (*names)[NAMES_BUNDLE_LEN];
	size_t n;
};
int unseal_find(struct reader *r, const char *stream, struct found *out, struct err *e);
void unseal_found_free(struct found *f);

#endif

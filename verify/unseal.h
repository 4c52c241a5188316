/*
 * find | UNSEAL | unframe | unpack: from names on a medium to a `struct bundle`, the only type that stands for an
 * authenticated bundle. Every signature is checked over raw bytes before a document is parsed.
 */
#ifndef VERIFY_UNSEAL_H
#define VERIFY_UNSEAL_H

#include <stdbool.h>
#include <stdint.h>

#include "manifests/approvals.h"
#include "manifests/manifest.h"
#include "manifests/names.h"
#include "manifests/trust.h"
#include "manifests/volume.h"

struct reader;
struct err;

struct bundle {
	char name[NAMES_BUNDLE_LEN];
	struct reader *reader;		/* not owned */
	struct manifest *manifest;	/* signed by the exporter threshold of the newest root */
	struct buf list;		/* bytes of approvals.yaml, digest as in the manifest; empty when it has none */
	struct signatures list_signatures;	/* as found, not judged */
	/* Bytes of the indexes, spooled by unseal: volume n (from 1) at index_at[n-1], index_size[n-1] in `spool`. */
	int spool;			/* not owned */
	uint64_t *index_at, *index_size;
};

struct unseal {			/* what unseal is given */
	struct reader *reader;
	struct trust_chain *chain;	/* pinned or stored; roots found on the medium that extend it are appended */
	int64_t now;			/* the one time sample of the run */
	int spool;			/* an empty unlinked file or memfd of the caller's: authenticated index bytes are kept there,
					 * so that no byte of the medium is read twice and memory stays bounded */
};

/*
 * Judges one bundle: walks trust-N.yaml from the chain's newest version on (a root that fails ends in its error; the chain
 * then holds the good ones before it), expiry of the newest root, manifest signatures by its exporters, manifest, name
 * and sequence, `created` against now, trust version and digests against the chain, then every file of the manifest
 * but volumes and VERIFY.txt: size and digest. *out is NULL on error.
 * Errors: R_BUNDLE_INTERRUPTED (no manifest), R_SIGNATURE_*, R_TRUST_*, R_DOCUMENT_*, R_CLOCK, R_FILE_MISSING, R_FILE_SIZE,
 * R_FILE_DIGEST, R_MEDIUM_READ (a small file that can't be read: exit 3), each prefixed with bundle and file name.
 */
int unseal(const struct unseal *u, const char *name, struct bundle **out, struct err *e);
void bundle_free(struct bundle *b);

/* Parses the spooled index of volume n (1..manifest->volumes) and checks stream, sequence and number. */
struct volume *bundle_volume(const struct bundle *b, uint64_t n, struct err *e);

/*
 * Judges the bundle's list by the newest root: approver threshold, then form, stream, epoch equal to the root's, issued
 * against now, expiry (R_EXPIRED comes last and with *out set, so that the caller can still name it). NULL with no
 * error where the bundle has none.
 */
int bundle_list(const struct bundle *b, const struct trust_chain *chain, int64_t now, struct approvals **out, struct err *e);

/* Judges any list by one root: threshold, form, stream. For lists in a store. */
struct approvals *unseal_list(const void *data, size_t len, const struct signatures *s, const struct trust *root, struct err *e);

/* Names of bundles on a medium, in order of (stream, sequence); stream NULL: all. */
struct found {
	char (*names)[NAMES_BUNDLE_LEN];
	size_t n;
};
int unseal_find(struct reader *r, const char *stream, struct found *out, struct err *e);
void unseal_found_free(struct found *f);

#endif

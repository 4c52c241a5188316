/*
 * SEAL: what makes volumes a bundle: the documents beside them, VERIFY.txt, and last the manifest and its signatures.
 */
#ifndef EXPORT_SEAL_H
#define EXPORT_SEAL_H

#include <stddef.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/digest.h"
#include "manifests/approvals.h"
#include "manifests/manifest.h"
#include "manifests/trust.h"

struct err;
struct file;
struct medium;
struct seckey;
struct station;
struct volumes;

struct seal_document {
	char *name;
	const void *data;
	size_t len;
	struct digest sha256;
};
struct seal {	/* zero-initialise */
	struct seal_document *documents;	/* all files but volumes, their indexes, the manifest and its signatures */
	size_t documents_n;
	struct manifest manifest;	/* filled by the caller but for trust, approvals and files */
	struct buf text;		/* VERIFY.txt */
	struct signatures signatures;	/* of the manifest */
	struct arena arena;
};

struct seal_size { uint64_t files, bytes; };

/* Takes up the list (NULL: none) and its good signatures, and the whole chain with its own. The list must outlive it. */
int seal_collect(struct seal *s, const struct station *st, const struct approvals *list, const struct signatures *sigs,
		 struct err *e);
/* How many files these documents, VERIFY.txt, the manifest and its signatures are at most, and their bytes. `volumes` stand for
 * those that will be written: with sizes that none exceeds. The manifest's sequence and time are set. ERR_TOO_LARGE and
 * R_DOCUMENT_TOO_LARGE as later. */
int seal_size(struct seal *s, const struct station *st, const struct volumes *volumes, struct seal_size *out, struct err *e);
/* Writes the documents and VERIFY.txt, and syncs; the manifest is made, not written. */
int seal_documents(struct seal *s, const struct station *st, const struct volumes *v, struct medium *m, struct err *e);
/* Reads them back and compares. */
int seal_check_documents(const struct seal *s, const struct medium *m, struct err *e);
/* Writes and syncs the manifest, then its signatures by these keys, which makes it a bundle. */
int seal_close(struct seal *s, struct seckey *const *keys, size_t n, struct medium *m, struct err *e);
int seal_check_manifest(const struct seal *s, const struct medium *m, struct err *e);
/* Instead of all that: the manifest of a bundle that is sealed already, and its good signatures. Takes both over. */
void seal_take(struct seal *s, struct manifest *m, struct signatures *sigs);
/* Copies manifest and signatures to the station's own directory of the bundle, durably; the manifest last. */
int seal_keep(const struct seal *s, const struct file *copies, struct err *e);
void seal_free(struct seal *s);

#endif

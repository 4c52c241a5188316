/*
 * The small files of one bundle, each read once: what was read for one purpose is remembered (digest, size, and the
 * bytes of signatures, or all bytes) for the next.
 */
#ifndef VERIFY_SEEN_H
#define VERIFY_SEEN_H

#include <stddef.h>
#include <stdint.h>

#include "lib/digest.h"
#include "lib/pubkey.h"
#include "manifests/names.h"
#include "verify/spool.h"

struct buf;
struct err;
struct reader;

struct seen_file {
	char name[NAMES_SIGNATURE_LEN];
	uint64_t size;
	struct digest sha256;
	uint8_t bytes[PUBKEY_MAX_SIGNATURE + 1];	/* all of it where it is no larger than this */
	struct spooled kept;	/* all of it, where seen.keep is there */
};
struct seen {
	struct reader *reader;
	const char *bundle;
	void *tree;	/* of struct seen_file, by name (tsearch) */
	struct spool *keep;	/* for a bundle that is unsealed twice, and read once; NULL: who asks for a file again has it read again */
};
void seen_free(struct seen *s);

/* Reads a file, at most max bytes, appended to out, and remembers it; one that was kept is not read again. Returns of
 * reader_file; errors are prefixed with bundle and file. */
int seen_read(struct seen *s, const char *name, size_t max, struct buf *out, struct err *e);
const struct seen_file *seen_find(const struct seen *s, const char *name);	/* NULL: not read yet */

/* For signatures_collect and trust_chain_extend: arg is a struct seen. 0; 1 where it isn't there; -1. One that is too large
 * to be a signature is not read: bytes that are none stand for it. */
int seen_signature(void *arg, const char *name, struct buf *out, struct err *e);

#endif

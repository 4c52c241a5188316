/*
 * Names of things and of files: the only place that knows how they are spelled.
 */
#ifndef MANIFESTS_NAMES_H
#define MANIFESTS_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/digest.h"
#include "manifests/limits.h"

struct err;

/* Sites, streams, rings, stores, keys: [a-z0-9][a-z0-9._-]*, at most MAX_NAME_LEN bytes, and no ".." in it. R_NAME. */
int names_check(const char *s, size_t len, struct err *e);

#define NAMES_BUNDLE_LEN (MAX_NAME_LEN + 32)
#define NAMES_SIGNATURE_LEN (MAX_NAME_LEN + 64)
#define NAMES_PREFIX 32		/* hex digits of the key id in a signature's name */

/* "updates-00000017" */
char *names_bundle(const char *stream, uint64_t sequence, char out[NAMES_BUNDLE_LEN]);
/* Splits it: 0, or -1 where it is not exactly what names_bundle makes. stream: MAX_NAME_LEN + 1 bytes. */
int names_bundle_parse(const char *name, char stream[MAX_NAME_LEN + 1], uint64_t *sequence);
/* "manifest.yaml.<first 32 hex of id>.sig" */
char *names_signature(const char *document, const struct digest *key_id, char out[NAMES_SIGNATURE_LEN]);
/* "trust-3.yaml", "vol-0001.yaml", "vol-0001.tar.zst" */
char *names_trust(uint64_t version, char out[32]);
char *names_volume_index(uint64_t volume, char out[32]);
char *names_volume(uint64_t volume, char out[32]);
/* Entry of a volume: "<64 hex>", or with a piece "<64 hex>.<16 digits>" (whole: piece 0). */
#define NAMES_ENTRY_LEN 96
char *names_entry(const struct digest *d, int piece, uint64_t from, char out[NAMES_ENTRY_LEN]);
/* "9f/9f3c…" below objects/ of a store or station. */
char *names_object(const struct digest *d, char out[80]);

#define NAMES_MANIFEST "manifest.yaml"
#define NAMES_APPROVALS "approvals.yaml"
#define NAMES_VERIFY "VERIFY.txt"
#define NAMES_MEDIUM_DIR "satchel"	/* the only directory of a medium the tools look at */
#define NAMES_SIGNATURE_LINE "# signature "	/* and "KEYID BASE64": behind a receipt in one text (FORMAT 14.1) */
/* Whether a path, by its last component, is the folder of bundles, or a bundle, and not the medium: for a hint. */
bool names_inside_medium(const char *path);
#define NAMES_RECEIPTS "receipts"	/* in it: names_bundle spells STORE-COUNTER, with .yaml, its signature, .objects */

#endif

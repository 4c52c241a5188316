/*
 * The manifest of a bundle (`satchel: manifest/1`): what belongs to it. FORMAT.md section 7.
 */
#ifndef MANIFESTS_MANIFEST_H
#define MANIFESTS_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/digest.h"
#include "manifests/schema.h"

struct err;

struct manifest_file {
	char *name;
	uint64_t size;
	bool has_sha256;	/* always, but for volumes packed without digests */
	struct digest sha256;
};
struct manifest_witness {
	char *destination;
	uint64_t counter;
	struct digest journal;
};
struct manifest {
	char *stream;
	uint64_t sequence;
	int64_t created;
	char **destinations;
	size_t destinations_n;
	struct manifest_part { uint64_t first, number; bool last; } part;
	struct manifest_objects { uint64_t count, bytes; } objects;
	bool has_approvals;
	struct manifest_approvals { uint64_t epoch, revision; struct digest sha256; } approvals;
	struct manifest_trust { uint64_t version; struct digest sha256; } trust;
	struct manifest_witness *witness;
	size_t witness_n;
	struct manifest_file *files;	/* sorted by name */
	size_t files_n;
	/* not part of the document: */
	struct arena arena;
	struct buf bytes;
	struct digest digest;
	uint64_t volumes;	/* number of volumes, by the files */
};
extern const struct schema manifest_schema;

/*
 * Parses an authenticated manifest. Checks: files sorted and distinct, each one a name of a bundle (approvals.yaml
 * exactly when `approvals` is there and with its digest, trust-N.yaml up to trust.version with its digest, signature
 * files of these, vol-NNNN.yaml and vol-NNNN.tar.zst in pairs from 1 on, VERIFY.txt), sizes within their limits,
 * only volumes without digest; destinations, and witness by destination, sorted and distinct; `part` fits the sequence;
 * no objects exactly where there are no volumes. NULL on error; free with manifest_free.
 */
struct manifest *manifest_parse(const void *data, size_t len, struct err *e);
void manifest_free(struct manifest *m);
/* Encodes one that was built in memory, after the same checks. */
int manifest_encode(const struct manifest *m, struct buf *out, struct err *e);
const struct manifest_file *manifest_find(const struct manifest *m, const char *name);	/* or NULL */

#endif

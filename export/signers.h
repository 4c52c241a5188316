/*
 * SIGNERS: whose signatures a document has, and whose are missing, by the names of the keys.
 */
#ifndef EXPORT_SIGNERS_H
#define EXPORT_SIGNERS_H

#include "lib/buf.h"
#include "lib/json.h"
#include "manifests/trust.h"

struct signers {
	size_t good;
	uint64_t threshold;
	struct buf signed_by, missing;	/* "chief, deputy"; empty: nobody */
};
/* Counts by one trust root. Free with signers_free, also on error. */
int signers_count(const struct trust *t, enum role r, const struct buf *document, const struct signatures *s,
		  struct signers *out, struct err *e);
void signers_free(struct signers *s);
bool signers_enough(const struct signers *s);
/* For --json: {"root": 2, "signatures": 1, "threshold": 2, "signed_by": ["chief"], "missing": ["deputy"]}. */
json_t *signers_json(const struct trust *t, enum role r, const struct buf *document, const struct signatures *s);

#endif

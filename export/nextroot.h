/*
 * NEXTROOT: the next trust root while it is drafted, in STATION/trust/draft/: trust-N.yaml, the signatures collected beside
 * it, and for whoever signs elsewhere a copy of the root in force. It changes as often as people like; each change makes
 * signatures on former bytes void. When the holders of root keys reach the threshold of the root in force and its own, it
 * becomes part of the chain, for good.
 */
#ifndef EXPORT_NEXTROOT_H
#define EXPORT_NEXTROOT_H

#include <stdbool.h>

#include "export/station.h"
#include "manifests/trust.h"

struct err;

#define NEXTROOT_DIR "trust/draft"

struct nextroot {
	struct trust *root;	/* NULL: nothing is drafted */
	struct signatures sigs;	/* beside it, by root keys of the newest root and of its own */
};
/* What is drafted; a draft that another root of that version has overtaken counts as none. Free with nextroot_free. */
int nextroot_load(const struct station *s, struct nextroot *out, struct err *e);
void nextroot_free(struct nextroot *n);

/*
 * Drafts t (version, issued are set here), in place of what is drafted. `what` says for the ledger what was changed.
 * R_TRUST_INVALID for a root that no store would take. *out is loaded anew, whatever it held.
 */
int nextroot_save(struct station *s, struct trust *t, const char *what, struct nextroot *out, struct err *e);
/* Throws the draft away. 1 where there is none. */
int nextroot_discard(struct station *s, struct err *e);

/* Whether a document's bytes are those of the draft. */
bool nextroot_is(const struct nextroot *n, const struct buf *document);
/* One more signature beside the draft, by a root key of either root; it was verified. */
int nextroot_put(struct station *s, const struct nextroot *n, const struct digest *key, const struct buf *signature,
		 struct err *e);
/*
 * Makes the draft part of the chain where it has its signatures: 1, and s->chain has it; 0 where some are missing. Killed
 * on the way, the next call finishes. Signatures first, the root last, the draft after it.
 */
int nextroot_commit(struct station *s, struct err *e);

/* ---- telling of it (nextroot_tell.c) ---- */

/* What differs from the root before: lines, "+" and "-". */
void nextroot_tell_changes(const struct trust *before, const struct trust *after);
/* The draft: where it lies, what it changes, who has signed and who has not; one object under --json. */
int nextroot_tell(const struct station *s, const struct nextroot *n, struct err *e);
/* Says that the newest root of the chain is in force, and what comes next. */
void nextroot_tell_commit(const struct station *s);

#endif

/*
 * Whether a single document that a person names is signed as its type demands: by signature files and trust roots that lie
 * beside it, from a root on that the person trusts.
 */
#ifndef VERIFY_PROOF_H
#define VERIFY_PROOF_H

#include <stdbool.h>

#include "lib/err.h"
#include "lib/file.h"
#include "manifests/trust.h"

struct buf;
struct terms;

struct proof {
	struct trust_chain chain;	/* empty: no trust given, nothing can be proven */
	struct file dir;		/* where the documents lie */
};
/* trust: path of the root to trust, or NULL. Roots in dir that extend it are taken in; what is wrong with one ends the chain
 * there, one that can't be read is an error. *out is to be closed in any case. */
int proof_open(const struct terms *t, const char *trust, const char *dir, struct proof *out, struct err *e);
/* The chain of a station's own trust/, from the oldest root that is there. ERR_USAGE where it ends below --trust-version. */
int proof_open_station(const struct terms *t, const struct file *station, struct proof *out, struct err *e);
void proof_close(struct proof *p);

struct proof_verdict {
	bool proven;
	char who[64];	/* by what: "exporter, trust root 3" */
	struct err why;	/* not */
};
/* type: from schema_type_of. -1 only where no judgement was reached: out of memory, unreadable. */
int proof_judge(const struct proof *p, const struct terms *t, const char *type, const char *name, const struct buf *bytes,
		struct proof_verdict *out, struct err *e);

#endif

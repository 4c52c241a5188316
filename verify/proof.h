/*
 * Whether a single document that a person names is signed as its type demands: by signature files and trust roots that lie
 * beside it, from a root on that the person trusts.
 */
#ifndef VERIFY_PROOF_H
#define VERIFY_PROOF_H

#include "lib/file.h"
#include "manifests/trust.h"

struct buf;
struct err;
struct terms;

struct proof {
	struct trust_chain chain;	/* empty: no trust given, nothing can be proven */
	struct file dir;		/* where the documents lie */
};
/* trust: path of the root to trust, or NULL. Roots in dir that extend it are taken in; what is wrong with one ends the chain
 * there. *out is to be closed in any case. */
int proof_open(const struct terms *t, const char *trust, const char *dir, struct proof *out, struct err *e);
void proof_close(struct proof *p);

/* 0: proven (who says by what: "exporter, trust root 3"); -1: not, and why. type: from schema_type_of. */
int proof_judge(const struct proof *p, const struct terms *t, const char *type, const char *name, const struct buf *bytes,
		char who[64], struct err *e);

#endif

/*
 * Files of a bundle beyond what unseal compares: VERIFY.txt, whole volumes, and what else lies there.
 */
#ifndef VERIFY_AUDIT_FILES_H
#define VERIFY_AUDIT_FILES_H

#include <stdbool.h>

struct bundle;
struct err;
struct reader;
struct report;
struct seen;
struct trust_chain;

/* place: "MEDIUM: BUNDLE". What is wrong is reported; -1 only where the audit can't go on. */
int audit_files_verify_txt(const struct bundle *b, struct report *r, const char *place, struct err *e);
/* damaged: whether frames were found damaged: then a volume's other digest is that damage, R_FRAME_DIGEST. */
int audit_files_volumes(const struct bundle *b, bool damaged, struct report *r, const char *place, struct err *e);
/* Files the manifest doesn't name. Good signatures of known keys, added later, are none of them. seen: what unseal read of it, which is not
 * read again. */
int audit_files_extra(const struct bundle *b, struct seen *seen, const struct trust_chain *chain, struct report *r,
		      const char *place, struct err *e);
/* What lies in MEDIUM/satchel beside bundles and receipts. */
int audit_files_medium(struct reader *reader, struct report *r, struct err *e);

#endif

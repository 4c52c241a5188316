/*
 * Whose good signatures an approval list bears, by the names of their keys.
 */
#ifndef VERIFY_SIGNERS_H
#define VERIFY_SIGNERS_H

#include <stdint.h>

struct approvals;
struct buf;
struct err;
struct file;
struct trust_chain;

/*
 * Appends "alice-2026, bob-2026", or "nobody yet": the approvers with a good signature beside the list, which lies in dir under
 * this name, by the newest root whose threshold they reach, else by the newest one that knows any of them. *root (or NULL): the
 * version of the root whose threshold they reach; 0: of none.
 */
int signers_name(const struct trust_chain *chain, const struct file *dir, const char *name, const struct approvals *a,
		 struct buf *out, uint64_t *root, struct err *e);

#endif

/*
 * A published tree against the state that describes it.
 */
#ifndef VERIFY_AUDIT_TREE_H
#define VERIFY_AUDIT_TREE_H

#include <stdint.h>

struct err;
struct report;
struct state;
struct store;

struct audit_tree {
	uint64_t items, files, links, hashed;
};
/* tree: 'a' or 'b'. What is wrong is reported; -1 only where the audit can't go on. */
int audit_tree(const struct store *s, char tree, const struct state *state, struct report *r, struct audit_tree *out,
	       struct err *e);

#endif

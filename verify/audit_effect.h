/*
 * What a stream publishes, computed again (verify/effect.h) from the lists kept, the objects held, what the scan hook holds and the
 * rollback in force, against what the state of the tree in service says. Which lists are newest and complete it takes from there: whether
 * that is so, service and audit_told judge.
 */
#ifndef VERIFY_AUDIT_EFFECT_H
#define VERIFY_AUDIT_EFFECT_H

struct err;
struct kept_lists;
struct report;
struct rollback;
struct state;
struct store;
struct store_stream;

struct audit_effect {
	const struct store *store;
	const struct store_stream *stream;
	struct report *report;
	const struct kept_lists *lists;
	const struct state *state;	/* of the tree in service, which is */
	char tree;
	const struct rollback *rollback;	/* in rollback.yaml, or NULL */
};
/* Not to be asked while a run is at work, or was cut off. What is wrong is reported; where a list that is needed is not kept, or not good,
 * nothing but that. -1 only where the audit can't go on. */
int audit_effect(const struct audit_effect *a, struct err *e);

#endif

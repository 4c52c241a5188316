/*
 * What a stream's servers serve, and whether it is what they were meant to: the link they serve through, the tree that it leads
 * to, and that tree's word against the journal's, where each switch stands.
 */
#ifndef VERIFY_SERVICE_H
#define VERIFY_SERVICE_H

#include <stdbool.h>

#include "manifests/limits.h"
#include "verify/state.h"

struct err;

enum service_fault {
	SERVICE_LINK = 1,	/* published/NAME is not the link it must be */
	SERVICE_CURRENT = 2,	/* streams/NAME/current is no link to a or b, or is gone though something was published */
	SERVICE_STATE = 4,	/* the tree in service has lost its state.yaml */
	SERVICE_OTHER = 8,	/* it is not the one that the journal says was published last */
	SERVICE_TREE = SERVICE_CURRENT | SERVICE_STATE | SERVICE_OTHER	/* the next run builds the tree anew */
};
struct service {
	const char *stream;
	unsigned faults;	/* enum service_fault */
	char tree;		/* in service: 'a', 'b'; 0: none */
	bool published;		/* the journal tells of it, the last time with these (revision 0: none): */
	struct list_ref newest, complete;
	bool has_state;		/* and with this state.yaml (lines of older versions don't say): */
	struct digest state;
	bool going_back;	/* and since then of a rollback that was begun */
	bool at_work;		/* and of a run that did not end, or not yet */
	bool untold;		/* the tree in service, or its state, is another, also where that is no fault; its complete list: */
	struct list_ref serves;
};
/*
 * Reads the journal from its start. A run at work, or cut off before its outcome is in the journal, is no fault, but where it serves an
 * older list and is no rollback; nor is a journal
 * that is broken: its own are told by whoever judges it. 0; -1 where the journal, the link or the state in service can't be read: what the
 * links say is in *out all the same.
 */
int service_judge(const struct store *s, const char *stream, struct service *out, struct err *e);
/* Calls tell for each fault with its place below the store, and what is wrong there. */
void service_tell(const struct service *v, void (*tell)(void *arg, const char *place, const char *text), void *arg);

/* Where published/NAME must lead. */
#define SERVICE_TARGET (MAX_NAME_LEN + 40)
const char *service_target(const char *stream, char out[SERVICE_TARGET]);

#endif

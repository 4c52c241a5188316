/*
 * The media of one call and the bundles on them, before any of these is judged: all are judged by the newest trust root that
 * one of them proves, so that no answer depends on the order of media and bundles.
 */
#ifndef VERIFY_GATHER_H
#define VERIFY_GATHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "manifests/names.h"
#include "verify/reader.h"
#include "verify/seen.h"

struct bundle;
struct trust_chain;
struct unseal;

#define GATHER_READERS 16	/* open at the same time; those of more media are opened again when their turn comes */

struct gathered {		/* a bundle */
	char name[NAMES_BUNDLE_LEN];
	struct seen seen;	/* what was read of it already */
	uint64_t walked;	/* its roots were, up to the one behind this version; 0: not yet */
	int reason;		/* why that went no further, or 0, */
	char *text;		/* in words */
};
struct gather_medium {
	char *path;		/* as given */
	struct reader *reader;	/* NULL: not open now */
	struct gathered *bundles;	/* in order of (stream, sequence) */
	size_t n, passed_over;	/* passed over: bundles that are not wanted, of which nothing is read */
	bool gave_up;		/* its reader is of no use any more, and stays: another one would hang or break as well */
	struct err why;		/* it can't be opened or listed, and nobody tries again */
};
struct gather {
	struct reader_ask ask;	/* but for the medium; set by the caller, as what follows */
	struct trust_chain *chain;	/* pinned or stored; roots that extend it are appended. Empty: none are looked for */
	uint64_t trust_max;	/* roots above this version are not asked for; 0: all are. For judging old media */
	bool (*wanted)(void *arg, const char *bundle);	/* NULL: all are */
	void *arg;
	struct gather_medium *media;	/* in the order they were added */
	size_t n, room;
	unsigned open;
	struct spool kept;	/* after gather_keep */
	bool keeps;
};
/* Adds a medium and its bundles. 0; 1 where its reader can't be opened, *why of it says how; -1: out of memory and the like.
 * What else is wrong with it, gather_reader says. */
int gather_medium(struct gather *g, const char *path, struct err *e);
/* Adds a medium that can't be read, and why: nobody tries. 0, -1 out of memory. */
int gather_unreadable(struct gather *g, const char *path, const struct err *why, struct err *e);
/*
 * After the last medium: extends the chain by the roots in all bundles, as a store would that had seen them all. A root that is
 * no good ends the walk in its bundle alone; gather_unseal says why. -1: out of memory and the like.
 */
int gather_roots(struct gather *g, struct err *e);
/* Before gather_roots, for who unseals each bundle twice: what is read of small files is kept, so that none is read again. */
void gather_keep(struct gather *g);
/* The reader of medium i. NULL: it can't be read. */
struct reader *gather_reader(struct gather *g, size_t i, struct err *e);
/* unseal of one bundle (and its returns), which reads no byte again that was read before; indexes only after gather_keep, so without it once.
 * u: but for what it is to see. */
int gather_unseal(struct gathered *b, struct reader *r, struct unseal *u, struct bundle **out, struct err *e);
/* No more is asked of a bundle: what was read of it is forgotten. */
void gather_end(struct gathered *b);
/* For now no more is asked of medium i. */
void gather_leave(struct gather *g, size_t i);
/* No bundle of medium i is asked for any more: its reader ends. */
void gather_done(struct gather *g, size_t i);
void gather_free(struct gather *g);

#endif

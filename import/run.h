/*
 * RUN: one call of the program over a store with the right to write: the lock, the objects, the journal, and the one
 * sample of the clock. Detects what an interrupted run left behind and finishes or undoes it.
 *
 * Crash rule: before the first change of a run its intent stands in the journal and the marker stage/apply is there;
 * both are durable. The marker goes when the outcome stands in the journal. What may be told before it is done is (FORMAT 10.7): the
 * auditor relies on it (verify/audit_told), and knows all intents and outcomes (verify/runs.c).
 */
#ifndef IMPORT_RUN_H
#define IMPORT_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/file.h"
#include "lib/json.h"
#include "verify/state.h"

struct bundles;
struct err;
struct kept_past;
struct objects;
struct journal;

struct run_ask {
	const char *path;	/* the store's, as the user wrote it */
	bool dry;		/* nothing will be written: no lock, no recovery, no journal */
	const char *intent, *outcome;	/* their events in the journal; NULL: "apply" and "applied" */
	unsigned wait_seconds;	/* for the lock */
};
struct run {
	struct store store;
	struct file lock;
	struct objects *objects;
	struct journal *journal;	/* NULL in a dry run */
	int64_t now;		/* SOURCE_DATE_EPOCH means nothing here */
	bool dry;
	bool changing;		/* the intent is in the journal */
	bool interrupted;	/* an earlier run was cut off: every stream is to be brought up to date */
	bool restored;		/* interrupted, and what is served was not what was published last: it is put right */
	uint64_t rebuilt;	/* bits of store.config.streams: for that, the tree is to be built anew */
	uint64_t dropped;	/* bits of store.config.streams: a new root dropped a list, so what is published may change */
	json_t *intent;		/* members of the intent; owned */
	struct bundles **bundles;	/* of each stream, as far as they were asked for; owned */
	struct kept_past **past;	/* likewise */
	const char *intent_event, *outcome_event;
};

/* Opens, locks (ERR_BUSY), and recovers. 0 or -1; run_close in any case. */
int run_open(const struct run_ask *ask, struct run *out, struct err *e);
void run_close(struct run *r);

/* To be called before anything is changed; only the first call does something. Not in a dry run. */
int run_change(struct run *r, struct err *e);
/* The same of a change that its members tell of, in a line of its own where the intent stands in the journal already. Takes members
 * over, also on error. */
int run_change_as(struct run *r, json_t *members, struct err *e);
/* Appends an event. Takes members over, also on error. Nothing happens in a dry run. */
int run_log(struct run *r, const char *event, json_t *members, struct err *e);
/* The same of one event among many: durable with the next run_log or run_done. */
int run_note(struct run *r, const char *event, json_t *members, struct err *e);
/* The outcome, where there was a change: journaled, marker removed. */
int run_done(struct run *r, int exit_code, struct err *e);

/* The bundles that were taken in of one of the store's streams, read once in a run: by how many they are asked about is for strangers to
 * say. Owned by the run; NULL on error. */
struct bundles *run_bundles(struct run *r, const struct store_stream *stream, struct err *e);
/* The same of the lists that were ever admitted; what the run logs is added. */
const struct kept_past *run_past(struct run *r, const struct store_stream *stream, struct err *e);

/* The store named by -C or $SATCHEL_STORE: NULL with ERR_USAGE where neither is there. */
struct args;
const char *run_store_path(const struct args *a, struct err *e);

#endif

/*
 * INTAKE: one bundle of one medium, from its name to its objects and list in the store: unseal > admit > stage >
 * journal. What becomes published is update's.
 */
#ifndef IMPORT_INTAKE_H
#define IMPORT_INTAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "import/admit.h"
#include "import/stage.h"
#include "lib/err.h"
#include "manifests/names.h"

struct gathered;
struct reader;
struct run;

enum outcome_kind {
	OUTCOME_IMPORTED,	/* with what is said in list, staged */
	OUTCOME_KNOWN,		/* imported already, nothing of it is missing */
	OUTCOME_SKIPPED,	/* for other stores */
	OUTCOME_REFUSED,	/* nothing of it was taken (or, where staged.lied is set, nothing further) */
	OUTCOME_FAILED,		/* could not be finished */
	OUTCOME_INTERRUPTED	/* packing it was never finished */
};
struct outcome {
	char name[NAMES_BUNDLE_LEN];
	enum outcome_kind kind;
	int exit;		/* 0, 1 or 3 */
	bool dry;		/* would be so */
	struct err why;		/* but for IMPORTED and KNOWN */
	enum admit_verdict list;
	uint64_t epoch, revision;	/* where there is a list */
	bool list_older;	/* ADMIT_NEW: it is kept, and replaces nothing */
	bool list_heals;	/* ADMIT_NEW: it was damaged where it is kept, or gone */
	struct err list_why;	/* ADMIT_IGNORED, ADMIT_REFUSED */
	struct stage_result staged;
	const struct store_stream *stream;	/* the stream it touched, or NULL */
};
struct intake {
	struct run *run;
	struct reader *reader;
	unsigned jobs;
};
/* Once the roots of all bundles of the call are in force. 0, whatever became of the bundle; -1: the store could not be written,
 * the run has to end. intake_free in any case. */
int intake_bundle(const struct intake *in, struct gathered *b, struct outcome *out, struct err *e);
void intake_free(struct outcome *o);

#endif

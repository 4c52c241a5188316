/*
 * receive FILE|MEDIUM|DIRECTORY...: what came back: receipts of stores, and signatures of people elsewhere.
 */
#ifndef EXPORT_RECEIVE_H
#define EXPORT_RECEIVE_H

#include <stddef.h>

#include "lib/options.h"

struct err;
struct file;
struct station;

/* Exit code 0, or 1 where something was refused (said). -1 with e set. */
int receive_run(const struct args *a, struct err *e);

/* What a path has, a medium, a directory or a file: counted, and told. 0 or -1. */
struct receive_count {
	size_t good, refused;	/* older ones among the refused: */
	size_t older;
};
int receive_path(struct station *s, const char *path, struct receive_count *count, struct err *e);

#define RECEIVE_TRIED 64	/* signature files of one key in one directory: each is tried on every document here that it may be of */

/* ---- receipts (receive_receipt.c) ---- */

/* The outcome of one: what to try next is the caller's. */
enum receive_outcome {
	RECEIVE_TAKEN,
	RECEIVE_KNOWN,		/* it is the newest one already */
	RECEIVE_REFUSED,	/* told; another file may still be a better one */
	RECEIVE_FOREIGN,	/* told: of nobody known; so are the others of that store */
	RECEIVE_OLDER,		/* told: a replay; whatever is older still is no better */
	RECEIVE_ALARM		/* told: not of the history that is known */
};
/* A document of this name in a directory, with its signature and objects file beside it. */
int receive_receipt(struct station *s, const struct file *dir, const char *name, enum receive_outcome *out, struct err *e);
/* A file with the document and its signature in one. */
int receive_text(struct station *s, const struct file *f, enum receive_outcome *out, struct err *e);

/* ---- signatures (receive_signature.c) ---- */

struct nextroot;

/* What a signature file's name promises. */
enum receive_promise {
	RECEIVE_STRANGE,	/* a key that neither the newest root nor the draft of the next one names */
	RECEIVE_ANY,
	RECEIVE_NAMED		/* a document here that its key may sign */
};
enum receive_promise receive_signature_promises(struct station *s, const struct nextroot *draft, const char *name);

/* Tries a signature file on every document that its key could sign. */
int receive_signature(struct station *s, const struct file *dir, const char *name, enum receive_outcome *out, struct err *e);

/* ---- signatures beside the manifests of bundles (receive_added.c) ---- */

/* What exporters added on a medium, that the station's copies have not got: of each key RECEIVE_TRIED. Where that is nothing,
 * and nothing was counted yet, what former runs took in and is there still counts as known. */
int receive_added(struct station *s, const struct file *medium, struct receive_count *count, struct err *e);

/* ---- counting, for those above (receive.c) ---- */

/* One more of that outcome; n signature files that were not tried, told by the first one's path. */
void receive_counted(struct receive_count *count, enum receive_outcome out);
void receive_untried(struct receive_count *count, const struct file *dir, const char *first, size_t n);

#endif

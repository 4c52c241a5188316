/*
 * A rollback in force: STORE/streams/NAME/rollback.yaml, a strict document that satchel-import rollback writes (DESIGN 5,
 * "Rollback"). It goes when a list later than `newest` is complete, or by --to-newest.
 */
#ifndef VERIFY_ROLLBACK_H
#define VERIFY_ROLLBACK_H

#include "manifests/limits.h"
#include "verify/state.h"

struct rollback {
	char *stream;
	int64_t time;
	struct list_ref list;	/* gone back to: stands for *complete* */
	struct list_ref complete;	/* what was complete at that moment, without a rollback */
	struct list_ref newest;	/* at that moment: lists up to it count only for `revoked` */
	char **with_revoked;	/* items published although they are revoked; sorted, distinct */
	size_t with_revoked_n;
	struct digest sha256;	/* of the document, where it was read from one */
	struct arena arena;
};
extern const struct schema rollback_schema;	/* type "rollback" */

/* 0; 1 where there is none (*out NULL); -1. Free with rollback_free. */
int rollback_load(const struct store *s, const char *stream, struct rollback **out, struct err *e);
void rollback_free(struct rollback *r);
/* Whether the journal's last word about rollbacks of the stream is that one ended; false also where the journal can't be read, which
 * whoever judges it tells. 0 or -1. */
int rollback_ended(const struct store *s, const char *stream, bool *out, struct err *e);
bool rollback_names(const struct rollback *r, const char *item);	/* r may be NULL */
bool rollback_equal(const struct rollback *a, const struct rollback *b);	/* but for the time; both may be NULL */

/* "streams/NAME/rollback.yaml" */
#define ROLLBACK_PATH (MAX_NAME_LEN + 32)
char *rollback_path(const char *stream, char out[ROLLBACK_PATH]);

#endif

/*
 * Decisions that the station's policy makes after a scan, where station.yaml says so:
 *
 *     auto_approve_revisions: true      a newer revision of an approved item gets the rings of the newest approved one
 *     auto_approve: {match: [...], rings: [...]}    a new item that a pattern matches gets these rings
 *
 * Never what was declined, for whichever ring, or revoked, what is gone, what requires an item that is not approved for the
 * same rings, or what lies in an approved item or around one: these wait, and it is said. Lists still need their signatures.
 */
#ifndef EXPORT_POLICY_H
#define EXPORT_POLICY_H

#include "export/draft.h"
#include "export/station.h"

struct err;

/* Decides, keeps the bytes, tells people and the ledger ("auto-approve"), and saves the draft. *n: revisions approved. */
int policy_approve(struct station *s, struct draft *d, size_t *n, struct err *e);

#endif

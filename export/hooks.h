/*
 * HOOKS: the commands of station.yaml (manifests/hook.h). What they say goes into the ledger; what becomes of them changes
 * nothing; they run while the station is locked.
 *
 *     SATCHEL_EVENT    packed, waiting
 *     SATCHEL_STATION  the station's path
 *     SATCHEL_STREAM
 *     packed:          a bundle is whole on its medium: SATCHEL_BUNDLE (its name), SATCHEL_SEQUENCE, SATCHEL_MEDIUM,
 *                      SATCHEL_DESTINATIONS (with commas; empty: any), SATCHEL_LIST (empty: none), SATCHEL_OBJECTS,
 *                      SATCHEL_BYTES, SATCHEL_SIGNATURES and SATCHEL_THRESHOLD (below it no store takes the bundle yet)
 *     waiting:         after a scan something waits for a person: SATCHEL_PENDING (items that wait for a decision),
 *                      SATCHEL_NEW, SATCHEL_CHANGED, SATCHEL_GONE, SATCHEL_REFUSED (items of this scan), SATCHEL_UNFROZEN (1:
 *                      decisions are in no list yet), SATCHEL_UNSIGNED (the list that lacks signatures, or empty)
 */
#ifndef EXPORT_HOOKS_H
#define EXPORT_HOOKS_H

#include <stdint.h>

#include "manifests/hook.h"

struct draft;
struct err;
struct manifest;
struct station;

struct hooks_packed {
	const struct manifest *manifest;
	const char *bundle, *medium;
	uint64_t signatures, threshold;
};
int hooks_packed(struct station *s, const struct hooks_packed *p, struct err *e);

struct hooks_scanned {	/* items */
	uint64_t found, changed, gone, refused;
};
/* Does nothing where nothing waits. */
int hooks_waiting(struct station *s, const struct draft *d, const struct hooks_scanned *n, struct err *e);

#endif

/*
 * Reservations: STATION/bundles/SEQ/reservation.yaml is written durably before the first byte of a bundle, so that a
 * sequence is never used twice; what it holds makes a bundle that was interrupted come out the same when it is
 * continued.
 */
#ifndef EXPORT_RESERVATION_H
#define EXPORT_RESERVATION_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "manifests/manifest.h"

struct err;
struct medium;
struct station;

struct reservation {	/* `satchel: reservation/1` */
	char *stream;
	uint64_t sequence;
	int64_t created;
	char **destinations;
	size_t destinations_n;
	char **options;		/* those that change the bytes, spelled out */
	size_t options_n;
	bool has_approvals;
	struct manifest_approvals approvals;
	struct manifest_trust trust;
	struct digest plan;	/* which objects, and how they are cut */
	/* not part of the document: */
	enum reservation_found { RESERVATION_NEW, RESERVATION_INTERRUPTED, RESERVATION_SEALED } found;
	uint64_t below;		/* only former ones below it are looked for; 0: all */
	uint64_t passed;	/* sequences passed over: their directories stand on the medium, and the station knows nothing of them */
	struct arena arena;
};

/*
 * Finds the newest reservation of this station that asks for the same as r, is not finished, and whose directory stands on the
 * medium: sets r->sequence and r->created to its, and r->found to INTERRUPTED, or SEALED where an exporter has signed what stands
 * there (export/sealed.h). Otherwise NEW: the next sequence that is free both in the station and on the medium, and the time
 * of the station.
 */
int reservation_find(const struct station *s, const struct medium *m, struct reservation *r, struct err *e);
/* The highest sequence in STATION/bundles, or 0. */
int reservation_highest(const struct station *s, uint64_t *out, struct err *e);
/* Writes it, makes its directory and says so in the ledger. */
int reservation_make(struct station *s, const struct reservation *r, struct err *e);
/* Its directory STATION/bundles/SEQ. */
int reservation_open(const struct station *s, uint64_t sequence, struct file *dir, struct err *e);

#endif

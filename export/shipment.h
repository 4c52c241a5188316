/*
 * Makes one bundle on one medium, from reservation to the last signature, and undoes it when it can't be finished.
 */
#ifndef EXPORT_SHIPMENT_H
#define EXPORT_SHIPMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "export/forecast.h"
#include "export/medium.h"
#include "export/plan.h"
#include "export/reservation.h"
#include "export/seal.h"
#include "export/select.h"
#include "export/volumes.h"

struct err;
struct seckey;
struct station;

struct shipment {	/* what is to be made, and in the end what was */
	struct station *station;
	const struct selection *selection;
	const struct plan_total *total;
	struct medium *medium;
	struct reservation reservation;	/* found */
	struct seal seal;	/* collected, and its manifest filled in */
	struct seckey **keys;
	size_t keys_n;
	uint64_t volume_size;
	int level;
	unsigned jobs;
	bool digests, read_back;
	struct volumes volumes;	/* what was written */
	size_t good;		/* exporters that signed */
};

/* The numbers of what was reserved, into the manifest. */
void shipment_number(struct shipment *s);
/*
 * Reserves (unless an interrupted run did), writes, syncs, reads back, seals, tells the ledger, keeps copies in the station. What
 * fails before the bundle is whole: what was written of it is removed as far as the medium lets us, and the ledger says so; its
 * sequence stays used.
 */
int shipment_make(struct shipment *s, struct err *e);
/*
 * Of a reservation that is sealed: compares all of the bundle with its manifest, tells the ledger and keeps copies, as the run that
 * made it would have. Writes nothing on the medium. 0; 1 where it is not whole: why, and another one has to be made; -1.
 */
int shipment_take(struct shipment *s, struct err *why, struct err *e);

#endif

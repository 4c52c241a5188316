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
	struct reservation reservation;	/* found; `resumed`: of an interrupted run */
	bool resumed;
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

/*
 * Reserves (unless resumed), writes, syncs, reads back, seals, keeps copies in the station, tells the ledger. On failure
 * what was written of this bundle is removed as far as the medium lets us, and the ledger says so; its sequence stays used.
 */
int shipment_make(struct shipment *s, struct err *e);

#endif

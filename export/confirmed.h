/*
 * What one destination is known to hold: by its newest receipt, and by bundles acknowledged since (FORMAT 14.7).
 */
#ifndef EXPORT_CONFIRMED_H
#define EXPORT_CONFIRMED_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/digest.h"
#include "lib/extents.h"

struct err;
struct receipt;
struct station;
struct station_destination;
struct confirmed;

enum confirmed_use {
	CONFIRMED_ARRIVED,	/* receipts and acknowledgements */
	CONFIRMED_SENT		/* what was sent since counts as well */
};
/* NULL on error. Its list of objects stays on disk (mapped); of a brief receipt they are in memory, 60 bytes each. */
struct confirmed *confirmed_open(const struct station *s, const struct station_destination *d, enum confirmed_use use,
				 struct err *e);
void confirmed_free(struct confirmed *c);
/* The newest receipt, or NULL. */
const struct receipt *confirmed_receipt(const struct confirmed *c);
/* Whether it rests on anything at all: else nothing is known of the destination. */
bool confirmed_any(const struct confirmed *c);

/* What it lacks of an object: NULL: nothing; else extents, or `whole` where they would be all of it. */
const struct extents *confirmed_lacks(const struct confirmed *c, const struct digest *d);
extern const struct extents confirmed_whole;

#endif

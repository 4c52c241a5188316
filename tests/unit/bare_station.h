/*
 * A station for unit tests of what pack reads: one object, held as a document, and its selection; nothing else.
 */
#ifndef TESTS_UNIT_BARE_STATION_H
#define TESTS_UNIT_BARE_STATION_H

#include <stddef.h>
#include <stdint.h>

#include "export/select.h"
#include "export/station.h"

struct bare_station {
	char path[64];
	char object[160];	/* path of the object's file */
	struct station station;	/* only `dir` is filled in */
	struct selection selection;	/* the object is number 0 of its cargo */
};
/* The object's file is there, with its bytes: the first len of what bare_station_bytes gives. */
void bare_station_make(struct bare_station *s, size_t len);
void bare_station_remove(struct bare_station *s);
/* contents_put over its struct station: keeps a document. */
int bare_station_put(void *station, const struct digest *d, const void *data, size_t len, struct err *e);
/* Writes other bytes, or fewer, to the object's file. */
void bare_station_write(const struct bare_station *s, const uint8_t *bytes, size_t len);
void bare_station_bytes(uint8_t *out, size_t len);

#endif

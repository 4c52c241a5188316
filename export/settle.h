/*
 * What becomes of a volume when its last frame is written: it is synced, its index is put beside it and into the station, and
 * both are read back, while the next volume is being packed. One volume at a time, in order.
 */
#ifndef EXPORT_SETTLE_H
#define EXPORT_SETTLE_H

#include <stdbool.h>

struct building;
struct err;
struct settle;
struct volumes;
struct volumes_job;

/* `out` takes the volumes, in order; job and out must stay. NULL on error. */
struct settle *settle_open(const struct volumes_job *j, struct volumes *out, struct err *e);
/* Takes the volume over in any case. Blocks while the one before is not settled. -1: this or a former one failed. */
int settle_put(struct settle *s, struct building *b, struct err *e);
/* Ends with all volumes settled, or with the first error; R_READ_BACK where the device gives back something else. in_vain:
 * packing failed, so what is under way is given up. NULL: 0. */
int settle_close(struct settle *s, bool in_vain, struct err *e);

#endif

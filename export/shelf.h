/*
 * A directory of byte strings named by digest (STATION/objects, STATION/contents), to which many are added at once:
 * they are written into STATION/stage, synced together by one syncfs, and then renamed into place. So whatever lies on
 * the shelf is whole, after a crash as well, and what a killed run left in stage/ is thrown away by the next.
 */
#ifndef EXPORT_SHELF_H
#define EXPORT_SHELF_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/digest.h"
#include "lib/file.h"

struct buf;
struct err;
struct shelf;

/* name: "objects" or "contents". The caller holds the station's lock. NULL on error. */
struct shelf *shelf_open(const struct file *station, const char *name, struct err *e);
/* What was not committed is gone. NULL is a no-op. */
void shelf_close(struct shelf *s);

/* From any thread: whether it lies there already; what is only staged doesn't. */
bool shelf_has(const struct shelf *s, const struct digest *d);
/* Stages data unless it is there. */
int shelf_put(struct shelf *s, const struct digest *d, const void *data, size_t len, struct err *e);
/* Appends what is staged under this digest, exactly size bytes, to out: 0; 1 where nothing is; -1. */
int shelf_read_staged(const struct shelf *s, const struct digest *d, uint64_t size, struct buf *out, struct err *e);
/* Stages a file to be written by the caller: 0, 1 where somebody has staged it already, -1. From any thread. */
int shelf_create(struct shelf *s, const struct digest *d, struct file *out, struct err *e);
/* The staged file was no good. */
void shelf_discard(struct shelf *s, const struct digest *d);
/* All that is staged is on the shelf, durably. */
int shelf_commit(struct shelf *s, struct err *e);

/* ---- what stands there, without opening the shelf for adding ---- */

bool shelf_stands(const struct file *station, const char *name, const struct digest *d);
/* Calls each for everything that stands there, in no order; files of other names are passed over. `each` may remove it. */
int shelf_each(const struct file *station, const char *name,
	       int (*each)(void *arg, const struct digest *d, uint64_t size, struct err *e), void *arg, struct err *e);
int shelf_remove(const struct file *station, const char *name, const struct digest *d, struct err *e);

#endif

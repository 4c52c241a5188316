/*
 * Reads what was written back from the device and compares it: frames by their digests, small files by their bytes.
 */
#ifndef EXPORT_READBACK_H
#define EXPORT_READBACK_H

#include <stdint.h>

struct buf;
struct err;
struct medium;
struct volume;

/* A volume that is synced, and the bytes of its index. R_READ_BACK names file, frame and offset. `count` is told of bytes that
 * came back well; -1 of it ends the reading. */
int readback_volume(const struct medium *m, const struct volume *index, const struct buf *index_bytes,
		    int (*count)(void *arg, uint64_t bytes, struct err *e), void *arg, struct err *e);

#endif

/*
 * FRAME: 4 MiB of tar become one independent zstd frame (RFC 8878; FORMAT.md section 9): content size in its header, no
 * checksum, no dictionary. What would not shrink is stored: a frame of raw blocks (manifests/raw_frame.h).
 * All is decided by the content alone, so that the same bytes come out whichever thread works on them.
 */
#ifndef EXPORT_FRAME_H
#define EXPORT_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifests/limits.h"

struct digest_ctx;
struct err;

#define FRAME_MAX_LEVEL 19	/* zstd's highest without --ultra */
#define FRAME_DEFAULT_LEVEL 3

/*
 * Compresses len bytes into out, which has room for MAX_FRAME_STORED. 0; 1 where it is not worth it (level 0, samples
 * that don't shrink, no gain): store it then; -1 out of memory, or zstd failed.
 */
int frame_compress(const uint8_t *in, size_t len, int level, uint8_t *out, size_t *out_len, struct err *e);
/* What goes to the medium: `size` bytes of zstd, or, stored, the tar bytes as they are with the headers of raw blocks between them. */
struct frame {
	const uint8_t *data;	/* not ours */
	size_t size, holds;	/* bytes of the frame, of tar */
	bool stored;
};
/* Hands the bytes of a frame on, in order, in pieces; ends with the first error: -1. */
int frame_each(const struct frame *f, int (*each)(void *arg, const void *data, size_t len, struct err *e), void *arg, struct err *e);
/* Adds the frame's bytes to a running digest. */
void frame_hash(const struct frame *f, struct digest_ctx *hash);
/* Memory one call of frame_compress takes beyond its arguments, at most. */
size_t frame_memory(int level);

#endif

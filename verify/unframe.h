/*
 * unseal | UNFRAME | unpack: the stored bytes of one frame become the tar bytes it holds. FORMAT 9.6; RFC 8878
 * for zstd.
 */
#ifndef VERIFY_UNFRAME_H
#define VERIFY_UNFRAME_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "manifests/raw_frame.h"

struct err;
struct unframe;
struct volume_frame;

/* What one thread needs to unframe; used for one frame at a time. */
struct unframe *unframe_open(struct err *e);
void unframe_close(struct unframe *u);

/*
 * Where the f->size stored bytes of a frame are to be read to, in order; returns how many places there are. They go to `stored`
 * (MAX_FRAME_STORED), but of what has the size of a frame of raw blocks the blocks go to `tar` (f->holds, 1..FRAME_SIZE) at once,
 * where they need no unpacking and no copying.
 */
#define UNFRAME_PLACES ((size_t)2 * RAW_FRAME_BLOCKS)
size_t unframe_places(const struct volume_frame *f, uint8_t *stored, uint8_t *tar, struct iovec places[UNFRAME_PLACES]);
/*
 * With the bytes in their places, read once. First their digest is compared, then they must be exactly one zstd frame that says
 * and gives f->holds bytes into tar. R_FRAME_DIGEST (damage), R_FRAME_FORM and R_FRAME_SIZE (the signer lied).
 */
int unframe(struct unframe *u, const struct volume_frame *f, uint8_t *stored, uint8_t *tar, struct err *e);

#endif

/*
 * unseal | UNFRAME | unpack: the stored bytes of one frame become the tar bytes it holds. FORMAT 9.6; RFC 8878
 * for zstd.
 */
#ifndef VERIFY_UNFRAME_H
#define VERIFY_UNFRAME_H

#include <stddef.h>

struct err;
struct unframe;
struct volume_frame;

/* What one thread needs to unframe; used for one frame at a time. */
struct unframe *unframe_open(struct err *e);
void unframe_close(struct unframe *u);

/*
 * stored: f->size bytes, read once. First their digest is compared, then they must be exactly one zstd frame that says and
 * gives f->holds bytes into out. R_FRAME_DIGEST (damage), R_FRAME_FORM and R_FRAME_SIZE (the signer lied).
 */
int unframe(struct unframe *u, const struct volume_frame *f, const void *stored, void *out, struct err *e);

#endif

/*
 * A frame of raw blocks: bytes as they are, in blocks of 128 KiB, with the headers of a zstd frame before them (RFC 8878, 3.1.1;
 * FORMAT.md section 9): a single segment that says its size, no checksum, no dictionary. The one definition of it: packing makes
 * it, a reader recognises it and needs no unpacking.
 */
#ifndef MANIFESTS_RAW_FRAME_H
#define MANIFESTS_RAW_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "manifests/limits.h"

#define RAW_FRAME_BLOCK ((size_t)128 << 10)	/* largest block: RFC 8878, 3.1.1.2.4 */
#define RAW_FRAME_BLOCKS (FRAME_SIZE / RAW_FRAME_BLOCK)
#define RAW_FRAME_HEAD 12	/* at most: magic number, descriptor, content size; block header */
#define RAW_FRAME_HEADS (RAW_FRAME_HEAD + 3 * (RAW_FRAME_BLOCKS - 1))	/* all those of a frame, at most */

/* Size of the frame that holds `holds` bytes, 1..FRAME_SIZE. At most MAX_FRAME_STORED. */
size_t raw_frame_size(size_t holds);
/* Writes what stands before the block that begins with byte `at`, a multiple of RAW_FRAME_BLOCK below holds; returns its length. */
size_t raw_frame_head(size_t holds, size_t at, uint8_t out[RAW_FRAME_HEAD]);
/* How many bytes that block has. */
size_t raw_frame_block(size_t holds, size_t at);

#endif

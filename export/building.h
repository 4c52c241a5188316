/*
 * A volume on its way to the medium: its index so far, and the file that its frames go to. One thread of volumes adds
 * objects, one frames, one writes these; who settles it afterwards has it alone.
 */
#ifndef EXPORT_BUILDING_H
#define EXPORT_BUILDING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "export/medium.h"
#include "lib/digest.h"
#include "manifests/volume.h"

struct err;
struct frame;

struct building {
	atomic_uint holders;
	struct volume index;	/* stream: not ours */
	size_t objects_cap;
	struct medium *medium;
	struct medium_file file;
	bool created;
	struct digest_ctx *hash;	/* of the whole file; NULL without digests */
};

/* Volume `number` of a bundle; nothing is on the medium yet. `stream` and `medium` must stay. NULL on error. */
struct building *building_new(struct medium *medium, const char *stream, uint64_t sequence, uint64_t number, bool digests,
			      struct err *e);
/* For one more holder, each of whom frees it; any thread. */
struct building *building_hold(struct building *b);
void building_free(struct building *b);	/* with the last of them; NULL is a no-op */

/* A place for the next object, zeroed; valid until the next one. NULL on error. */
struct volume_object *building_add_object(struct building *b, struct err *e);
/* Takes a frame into the index and the digest, behind the others. */
void building_add_frame(struct building *b, const struct frame *f, const struct digest *sha256);
/* Writes frames, in the same order. One thread may add while another writes. */
int building_write(struct building *b, const struct frame *f, struct err *e);
int building_sync_early(struct building *b, struct err *e);	/* who writes: as medium_sync_early */

#endif

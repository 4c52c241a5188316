/*
 * A volume on its way to the medium: its index so far, and the file that its frames go to. The reading side of volumes adds
 * objects, the writing side frames; what settles it afterwards has it alone.
 */
#ifndef EXPORT_BUILDING_H
#define EXPORT_BUILDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "export/medium.h"
#include "lib/digest.h"
#include "manifests/volume.h"

struct err;

struct building {
	struct volume index;	/* stream: not ours */
	size_t objects_cap;
	const struct medium *medium;
	struct medium_file file;
	bool created;
	struct digest_ctx *hash;	/* of the whole file; NULL without digests */
};

/* Volume `number` of a bundle; nothing is on the medium yet. `stream` and `medium` must stay. NULL on error. */
struct building *building_new(const struct medium *medium, const char *stream, uint64_t sequence, uint64_t number, bool digests,
			      struct err *e);
void building_free(struct building *b);

/* A place for the next object, zeroed; valid until the next one. NULL on error. */
struct volume_object *building_add_object(struct building *b, struct err *e);
/* Writes a frame of `size` bytes that unpacks to `holds`, digest and all known, behind the others. */
int building_add_frame(struct building *b, const uint8_t *data, size_t size, size_t holds, const struct digest *sha256, struct err *e);

#endif

/*
 * The index of a volume (`satchel: volume/1`), and the tar bytes it implies. FORMAT.md sections 8 and 9.
 */
#ifndef MANIFESTS_VOLUME_H
#define MANIFESTS_VOLUME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/digest.h"
#include "manifests/schema.h"

struct err;

struct volume_frame {
	uint64_t at, size;	/* in the volume file */
	uint64_t holds;		/* bytes of tar it unpacks to: FRAME_SIZE, the last one 1..FRAME_SIZE */
	struct digest sha256;	/* of its stored bytes */
};
struct volume_object {
	struct digest sha256;	/* of the whole object */
	uint64_t size;		/* of the whole object */
	uint64_t at;		/* of its first byte in the volume's tar stream */
	bool has_piece, has_length;	/* a piece (both or none): */
	uint64_t from, length;	/* bytes from..from+length of the object; 0 < length < size */
};
struct volume {
	char *stream;
	uint64_t sequence, volume;
	struct volume_frame *frames;
	size_t frames_n;
	struct volume_object *objects;	/* in order of `at`, end to end: 512 bytes of header, data, zeros to 512 */
	size_t objects_n;
	/* not part of the document: */
	struct arena arena;
};
extern const struct schema volume_schema;
extern const struct schema volume_frame_schema;
extern const struct schema volume_object_schema;

/* Parses an authenticated index and checks it: frames end to end from 0, objects end to end as above, the frames hold
 * exactly objects and two zero blocks, no object (or overlapping piece) twice, sums without overflow. NULL on error. */
struct volume *volume_parse(const void *data, size_t len, struct err *e);
void volume_free(struct volume *v);

/* Bytes an entry takes in the tar stream: header, data, padding. */
uint64_t volume_entry_span(uint64_t data_len);
uint64_t volume_object_len(const struct volume_object *o);	/* bytes of data in this volume */
uint64_t volume_tar_size(const struct volume *v);		/* all entries and the two zero blocks */
uint64_t volume_file_size(const struct volume *v);		/* all frames */

#define VOLUME_BLOCK 512	/* of tar */
/*
 * The one definition of an entry's header bytes (ustar: POSIX.1-2017 pax(1), "ustar Interchange Format"): name by
 * names_entry, mode 0444, owner 0, mtime 0, regular file.
 */
void volume_entry_header(const struct volume_object *o, uint8_t out[VOLUME_BLOCK]);

#endif

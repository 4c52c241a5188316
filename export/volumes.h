/*
 * Writes the volumes of a bundle and their indexes: objects in order of the plan, through tar and frames, to the medium.
 * One thread deals out frames; workers read the objects into them (load, crossing), compress and hash the frames; one
 * hashes them in order for the volume's digest, one writes them; a finished volume is settled while the next is being made.
 * The bytes do not depend on the number of workers; memory is two frames for each, and what compression needs.
 */
#ifndef EXPORT_VOLUMES_H
#define EXPORT_VOLUMES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/digest.h"

struct err;
struct file;
struct medium;
struct selection;
struct station;

struct volumes_job {
	const struct station *station;
	const struct selection *selection;
	struct medium *medium;
	const struct file *copies;	/* STATION/bundles/SEQ: the indexes go there as well */
	uint64_t sequence, volume_size;
	int level;
	unsigned jobs;
	bool digests;		/* of whole volumes */
	bool read_back;
};
struct volumes_one {
	uint64_t size, index_size;
	bool has_sha256;
	struct digest sha256, index_sha256;
};
struct volumes {	/* zero-initialise */
	struct volumes_one *list;	/* volume n at n - 1 */
	size_t n;
	uint64_t stored;	/* their sizes added up */
};

/* Writes, syncs and, if so asked, reads back. R_CONTENT_CHANGED names the path of an object whose bytes are no longer the approved ones. */
int volumes_write(const struct volumes_job *j, struct volumes *out, struct err *e);
void volumes_free(struct volumes *v);

#endif

/*
 * LOAD: what of the objects stands in one frame, read straight into its bytes and hashed there by whichever thread has
 * the frame: those that stand in it whole, with their tar headers and padding, and parts of those that don't (crossing),
 * whose headers and padding stand there already.
 */
#ifndef EXPORT_LOAD_H
#define EXPORT_LOAD_H

#include <stddef.h>
#include <stdint.h>

#include "export/crossing.h"

struct err;
struct loader;
struct selection;
struct station;

struct load_entry {
	uint32_t object;	/* index in the cargo */
	uint32_t at;		/* of its header in the frame */
};
struct load_part {
	struct crossing *crossing;	/* held; NULL: hashed */
	struct crossing_part part;
	uint32_t at;		/* of its data in the frame */
	bool late;		/* the crossing began in an earlier frame */
};
struct load {	/* zero-initialise */
	struct load_entry *list;
	size_t n, room;
	struct load_part *parts;
	size_t parts_n, parts_room;
	uint64_t bytes;		/* of content */
};

int load_add(struct load *l, size_t object, uint64_t size, size_t at, struct err *e);
int load_add_part(struct load *l, struct crossing *c, const struct crossing_part *p, size_t at, struct err *e);
void load_free(struct load *l);

/* One for each thread. NULL on error. */
struct loader *loader_open(const struct station *s, const struct selection *sel, struct err *e);
/* Puts all of l into frame. R_CONTENT_CHANGED names the path of an object whose bytes are no longer the approved ones. Waits
 * for no other frame. */
int loader_run(struct loader *x, struct load *l, uint8_t *frame, struct err *e);
/* What is left then: hashing parts, in their places still, of what began in earlier frames. Waits for those (crossing_hash). */
int loader_follow(struct loader *x, struct load *l, const uint8_t *frame, const char *stage, struct err *e);
void loader_close(struct loader *x);	/* NULL is a no-op */

#endif

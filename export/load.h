/*
 * LOAD: the objects that stand whole within one frame, read straight into its bytes and hashed there, with their tar
 * headers and padding, by whichever thread has the frame. What spans frames, or is carried in part, is read in order by
 * volumes.
 */
#ifndef EXPORT_LOAD_H
#define EXPORT_LOAD_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct loader;
struct selection;
struct station;

struct load_entry {
	uint32_t object;	/* index in the cargo */
	uint32_t at;		/* of its header in the frame */
};
struct load {	/* zero-initialise */
	struct load_entry *list;
	size_t n, room;
	uint64_t bytes;		/* of content */
};

int load_add(struct load *l, size_t object, uint64_t size, size_t at, struct err *e);
void load_free(struct load *l);

/* One for each thread. NULL on error. */
struct loader *loader_open(const struct station *s, const struct selection *sel, struct err *e);
/* Puts all of l into frame. R_CONTENT_CHANGED names the path of an object whose bytes are no longer the approved ones. */
int loader_run(struct loader *x, const struct load *l, uint8_t *frame, struct err *e);
void loader_close(struct loader *x);	/* NULL is a no-op */

#endif

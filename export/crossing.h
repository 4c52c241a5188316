/*
 * CROSSING: an object that reaches over several frames, or is carried in part. Whoever has a frame reads the bytes that stand in
 * it; the digest is of all of the object, so it goes from one part to the next, in order, whatever thread has them.
 */
#ifndef EXPORT_CROSSING_H
#define EXPORT_CROSSING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct crossing;
struct err;
struct selection;
struct station;

struct crossing_part {		/* as crossing_next deals it out */
	uint64_t from;		/* bytes from..from+len of the object, carried */
	uint32_t len;
	uint32_t nth;		/* of the parts, from 0 */
	bool last;		/* nothing of the object is carried behind it */
};

/* Object i of the cargo, whose file isn't opened yet; station and selection must stay. The caller is its first holder. NULL on error. */
struct crossing *crossing_new(const struct station *s, const struct selection *sel, size_t i, struct err *e);
/* One more holder, each of whom frees it; any thread. */
struct crossing *crossing_hold(struct crossing *c);
void crossing_free(struct crossing *c);	/* with the last of them; NULL is a no-op */

/* One thread deals out parts, in order. */
struct crossing_part crossing_next(struct crossing *c, uint64_t from, uint32_t len, bool last);
/* Tells the kernel that a part will be read soon: while several threads read, the file is still read from front to back. */
int crossing_announce(struct crossing *c, const struct crossing_part *p, struct err *e);

/* Reads a part. Any thread, any order. R_CONTENT_CHANGED where the object has become shorter. */
int crossing_read(struct crossing *c, const struct crossing_part *p, void *to, struct err *e);
/*
 * Adds a part's bytes to the object's digest, and before them what lies between it and the part before it; behind the last
 * also the rest of the object. Waits until all earlier parts are done: who has them must be at work, or done with them.
 * R_CONTENT_CHANGED, with its path, where the object is not the approved one. `stage`: which the wait is none of the
 * work of (timings_paused).
 */
int crossing_hash(struct crossing *c, const struct crossing_part *p, const void *data, const char *stage, struct err *e);
/* After an error, whose bearer's parts will not be hashed: whoever waits for them gets the same one. */
void crossing_give_up(struct crossing *c, const struct err *why);

#endif

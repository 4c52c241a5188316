/*
 * CROSSING: an object that reaches over several frames, or is carried in part. Whoever has a frame reads the bytes that stand in
 * it; the digest is of all of the object, so it goes from one part to the next, in order, whatever thread has them.
 */
#ifndef EXPORT_CROSSING_H
#define EXPORT_CROSSING_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

struct crossing;
struct selection;
struct station;

#define CROSSING_STEP ((size_t)256 << 10)	/* read and hashed at once: stays in the processor's cache */

struct crossings {		/* what those of one pack share */
	const struct station *station;
	const struct selection *selection;
	pthread_mutex_t lock;
	pthread_cond_t turn;
	bool given_up;
	struct err why;
};
#define CROSSINGS(s, sel) {.station = (s), .selection = (sel), .lock = PTHREAD_MUTEX_INITIALIZER, .turn = PTHREAD_COND_INITIALIZER}

struct crossing_part {		/* as crossing_next deals it out */
	uint64_t from;		/* bytes from..from+len of the object, carried */
	uint32_t len;
	uint32_t nth;		/* of the parts, from 0 */
	bool last;		/* nothing of the object is carried behind it */
};

/* Object i of the cargo, whose file isn't opened yet; `all` must stay. The caller is its first holder. NULL on error. */
struct crossing *crossing_new(struct crossings *all, size_t i, struct err *e);
/* One more holder, each of whom frees it; any thread. */
struct crossing *crossing_hold(struct crossing *c);
void crossing_free(struct crossing *c);	/* with the last of them; NULL is a no-op */

/* One thread deals out parts, in order. */
struct crossing_part crossing_next(struct crossing *c, uint64_t from, uint32_t len, bool last);
/* Of a large part: opens the file, and tells the kernel that it will be read soon; while several threads read, the file is still
 * read from front to back. Small ones leave it closed, so that few descriptors are open at once. */
int crossing_announce(struct crossing *c, const struct crossing_part *p, struct err *e);

/* Reads a part. Any thread, any order. R_CONTENT_CHANGED where the object has become shorter. */
int crossing_read(struct crossing *c, const struct crossing_part *p, void *to, struct err *e);
/*
 * Adds a part's bytes to the object's digest, and before them what lies between it and the part before it; behind the last
 * also the rest of the object; these go through `passing`, CROSSING_STEP bytes of the caller's. Waits until all earlier
 * parts are done: each must have been hashed, be at somebody's hands, or crossings_give_up be called. R_CONTENT_CHANGED, with
 * its path, where the object is not the approved one. `stage`: whose busy time doesn't include the wait (timings_paused);
 * NULL: none.
 */
int crossing_hash(struct crossing *c, const struct crossing_part *p, const void *data, uint8_t *passing, const char *stage,
		  struct err *e);
/* After an error, by whoever will not hash a part it has: all who wait get that error. The first one stays. */
void crossings_give_up(struct crossings *all, const struct err *why);

#endif

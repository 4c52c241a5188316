/*
 * What main holds a reader to while a volume comes in: pieces of wanted objects only, in order of the tar stream, within
 * their bounds, and nothing left out but what lies in a frame that was called damaged. After watch_end returned 0, every
 * byte asked for came or lies in such a frame.
 */
#ifndef VERIFY_WATCH_H
#define VERIFY_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct volume;

struct watch {
	const struct volume *index;
	const bool *want;
	bool *asked, *lost;	/* frames: to be read; called damaged */
	size_t next_lost;	/* damage comes in order too */
	size_t object;		/* everything before this place was judged */
	uint64_t from;
};
/* index and want stay the caller's and must stay. All errors but ERR_MEMORY are R_READER. */
int watch_open(struct watch *o, const struct volume *index, const bool *want, struct err *e);
void watch_close(struct watch *o);
int watch_bytes(struct watch *o, uint64_t object, uint64_t from, uint64_t len, struct err *e);
int watch_damage(struct watch *o, uint64_t frame, uint64_t reason, struct err *e);
int watch_end(struct watch *o, struct err *e);

#endif

/*
 * What main holds a reader to while a volume comes in: each frame that was asked for once and in order, in a slot of the
 * window that main has given free, or called damaged; nothing else, and nothing left out. What is in a frame main
 * takes out of it itself, by the authenticated index.
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
	bool *asked;		/* frames: to be read */
	size_t next;		/* everything before this frame was judged */
};
/* index stays the caller's and must stay. All errors but ERR_MEMORY are R_READER. */
int watch_open(struct watch *o, const struct volume *index, const bool *want, struct err *e);
void watch_close(struct watch *o);
int watch_frame(struct watch *o, uint64_t frame, struct err *e);
int watch_damage(struct watch *o, uint64_t frame, uint64_t reason, struct err *e);
int watch_end(struct watch *o, struct err *e);

#endif

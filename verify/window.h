/*
 * The window: memory that main and a reader process share, for the tar bytes of frames, so that they need not go through a
 * pipe. It has no name and no descriptor: nobody else can reach it, and nobody can take it away from under main. Main
 * can only read it. What stands in it may change at any moment, whatever the reader promised: copy first, then judge the copy;
 * or look at no byte twice, as who only hashes.
 */
#ifndef VERIFY_WINDOW_H
#define VERIFY_WINDOW_H

#include <stdint.h>

struct err;

#define WINDOW_JOBS 64	/* more threads get no more slots */
/* Beside a frame for each thread: one that is being read, and some on their way from one process to the other. */
#define WINDOW_SLOTS(jobs) ((jobs) + 4)

struct window {
	uint8_t *at;	/* NULL: closed */
	unsigned slots;	/* each of FRAME_SIZE */
};
int window_open(struct window *w, unsigned jobs, struct err *e);
void window_close(struct window *w);
/* Main's, after the fork: from now on it can't write here, and readers forked later don't see it. */
int window_only_read(const struct window *w, struct err *e);
uint8_t *window_slot(const struct window *w, unsigned slot);

#endif

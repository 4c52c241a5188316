/*
 * unpack | INFLOW: the objects of a volume, out of the frames that a reader hands over, on several threads. Objects are worked
 * on in any order, several at once; the bytes of each, and pieces, come in order.
 *
 * Bytes are handed over where they lie, in the window (verify/window.h): they may change at any moment. Who looks at none of
 * them twice needs no copy, and whoever hashes alone is one: bytes that have the digest were the object's when they were looked
 * at. What is kept must be copied, and the copy hashed.
 */
#ifndef VERIFY_INFLOW_H
#define VERIFY_INFLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct reader;
struct reader_damage;
struct volume;

struct inflow_sink {
	void *arg;
	/* An object that is no piece and lies within one frame, whole; on any of the threads, several at once. */
	int (*whole)(void *arg, size_t object, const void *data, size_t len, struct err *e);
	/*
	 * Any other: begun when bytes of it have come, *arriving for the calls that follow; its bytes from..from+len in order, where
	 * damage leaves gaps (a piece counts from its own start); and its end, when no more will come, which frees and is called
	 * for each one begun, after an error too. One call at a time for each object, of several at once; of pieces each is
	 * ended before the next is begun.
	 *
	 * What is left to do for bytes once they were copied and hashed, and needs no order, `part` may leave in *rest (NULL
	 * before): `rest` is called with it, once, after an error too, while the object's next bytes are another thread's, or its
	 * end is: that has to wait for it. A thread has no two at once, and waits for nothing until it has done its own.
	 */
	int (*begin)(void *arg, size_t object, void **arriving, struct err *e);
	int (*part)(void *arriving, uint64_t from, const void *data, size_t len, void **rest, struct err *e);
	int (*rest)(void *rest, struct err *e);	/* NULL: nothing ever is */
	int (*end)(void *arriving, struct err *e);
	/* Frames are lost, as many in a row as are so for the same reason; others follow. One call at a time, in order, beside the
	 * others. */
	int (*damage)(void *arg, const struct reader_damage *d, struct err *e);
	/* Before each frame, on the caller's thread: -1 ends it early. NULL: never. */
	int (*go_on)(void *arg, struct err *e);
	const char *working, *finishing;	/* stages for lib/timings: of objects, of pieces */
};
struct inflow_ask {
	struct reader *reader;
	const char *bundle;
	const struct volume *index;	/* authenticated */
	const bool *want;
	unsigned jobs;
};
/*
 * Returns as reader_volume, or -1 with the sink's error, which goes before a reader's; what `end` says after another one is
 * not told. Every byte wanted was handed over, but for those in frames that damage was called for; after -1 those of
 * some frames, from the first on. No call is under way any more.
 */
int inflow_volume(const struct inflow_ask *ask, const struct inflow_sink *sink, struct err *e);

/* "frame 3 at 12583227, 4194409 bytes" or "frames 3 to 7 at 12583227, 20972045 bytes" (counted from 0). Returns out. */
#define INFLOW_FRAMES 128
char *inflow_frames(const struct reader_damage *d, char out[INFLOW_FRAMES]);

#endif

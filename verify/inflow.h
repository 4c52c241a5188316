/*
 * unpack | INFLOW: the objects of a volume, out of the frames that a reader hands over, on several threads. Each byte is
 * copied out of the window once (verify/window.h) and judged in the copy. Objects that lie within one frame are worked on
 * in any order, several at once; what reaches over several frames, or is a piece, comes in order.
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
	/* An object that is no piece, whole; on any of the threads, several at once, beside part and damage. */
	int (*whole)(void *arg, size_t object, const void *data, size_t len, struct err *e);
	/* Bytes from..from+len of an object (a piece counts from its own start). One call at a time, in order of the tar
	 * stream; so are those of damage: a frame is lost, others follow. */
	int (*part)(void *arg, size_t object, uint64_t from, const void *data, size_t len, struct err *e);
	int (*damage)(void *arg, const struct reader_damage *d, struct err *e);
	/* Before each frame, on the caller's thread: -1 ends it early. NULL: never. */
	int (*go_on)(void *arg, struct err *e);
	const char *working, *finishing;	/* stages for lib/timings: of whole, of part */
};
struct inflow_ask {
	struct reader *reader;
	const char *bundle;
	const struct volume *index;	/* authenticated */
	const bool *want;
	unsigned jobs;
};
/*
 * Returns as reader_volume, or -1 with the sink's error, which goes before a reader's. Every byte wanted was handed over, but
 * for those in frames that damage was called for; after -1 those of some frames, from the first on. No call is
 * under way any more.
 */
int inflow_volume(const struct inflow_ask *ask, const struct inflow_sink *sink, struct err *e);

#endif

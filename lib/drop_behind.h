/*
 * Reading a large file once, from front to back, without leaving it in the page cache (drop-behind): pages that are used
 * again at once cost next to nothing, new ones up to a second of processor for each gigabyte, and with them goes what
 * others had in the cache. Kept are whatever lay there before, so that a medium that was just written is not read from
 * its device by whoever comes next, and what a slow device gave, where reading it once more would be the larger cost.
 * Only hints to the kernel: the bytes are the same, and where a hint is refused everything stays in the cache. One thread reads.
 */
#ifndef LIB_DROP_BEHIND_H
#define LIB_DROP_BEHIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct file;
struct iovec;

#define DROP_BEHIND_CACHESTAT 451	/* the system call (Linux 6.5), which Debian 12's headers and libseccomp can't name */
#define DROP_BEHIND_UNIT ((uint64_t)4 << 20)	/* bytes of the file that are kept or dropped together */

struct drop_behind {
	const struct file *file;	/* the caller's */
	uint64_t len;
	bool *cached;			/* for each unit: whether it was in the cache before; NULL: nothing is dropped */
	uint64_t unit;			/* those before it are done with */
	uint64_t bytes, time;		/* read so far, in nanoseconds */
};

/* Looks what is in the cache of the first `len` bytes of a file that is open. Never fails. */
void drop_behind_open(struct drop_behind *d, const struct file *file, uint64_t len);
/*
 * Reads as file_preadv does, with its results, and lets go of what lies before the end of it: offsets of later calls are
 * no smaller.
 */
int drop_behind_read(struct drop_behind *d, struct iovec *places, size_t n, uint64_t at, struct err *e);
/* Lets go of the rest, too. */
void drop_behind_close(struct drop_behind *d);

#endif

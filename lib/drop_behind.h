/*
 * Reading a large file once, from front to back, without leaving it in the page cache (drop-behind): pages that are used
 * again at once cost next to nothing, new ones up to a second of processor for each gigabyte, and they push out what
 * others had there. What lay in the cache before stays. Only hints to the kernel: the bytes are the same, and where a
 * hint is refused everything stays.
 */
#ifndef LIB_DROP_BEHIND_H
#define LIB_DROP_BEHIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

struct err;
struct file;
struct iovec;

/*
 * cachestat(2), Linux 6.5, which tells what of a file is cached, if it is ours or may be written to. Debian 12's headers and
 * libseccomp don't know it. Its number is the same on all architectures but two; there the call is none.
 */
#if defined(SYS_cachestat)
#define DROP_BEHIND_CACHESTAT SYS_cachestat
#elif defined(__alpha__) || defined(__mips__)
#define DROP_BEHIND_CACHESTAT (-1)
#else
#define DROP_BEHIND_CACHESTAT 451
#endif

#define DROP_BEHIND_UNIT ((uint64_t)4 << 20)	/* bytes of the file that are kept or dropped together: kept if most were cached */
#define DROP_BEHIND_MAX ((uint64_t)1 << 40)	/* larger files are read as ever */

enum drop_behind_what {
	/*
	 * A file of a medium. What a slow one gave is kept, for whoever reads it next. Where the kernel doesn't tell what was cached,
	 * nothing was.
	 */
	DROP_BEHIND_CARRIED,
	/* A file of this machine, which others may be reading: where the kernel doesn't tell, all of it was cached. */
	DROP_BEHIND_SHARED,
};
struct drop_behind {
	const struct file *file;	/* the caller's */
	enum drop_behind_what what;
	uint64_t len;
	bool *cached;			/* for each unit: whether it was in the cache before; NULL: nothing is dropped */
	bool trusted;			/* that the kernel tells the truth about this file */
	uint64_t unit;			/* those before it are done with */
	uint64_t at;			/* end of what was read last */
	uint64_t bytes, time;		/* of what was not cached: bytes read, nanoseconds waited for them */
};

/* Looks up what is cached of the first `len` bytes of a file. A closed one is fine: reading it fails. Never fails. */
void drop_behind_open(struct drop_behind *d, const struct file *file, uint64_t len, enum drop_behind_what what);
/*
 * Reads as file_preadv does, with its results, and lets go of what was read before the end of it: offsets of later calls
 * are no smaller. From one thread.
 */
int drop_behind_read(struct drop_behind *d, struct iovec *places, size_t n, uint64_t at, struct err *e);
/* Reads what comes next as file_read does, from the file's position, which was 0 at first. Not mixed with the above. */
int64_t drop_behind_read_on(struct drop_behind *d, void *data, size_t len, struct err *e);
/* Lets go of the end, too. */
void drop_behind_close(struct drop_behind *d);

#endif

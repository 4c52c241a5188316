/*
 * Writing much to a file past the page cache: no copy, no new pages, and what was written is on its way to the device
 * when the call returns. Where the file system or the driver refuses that, and for what is small or unaligned, the page
 * cache takes the bytes as ever. Neither way is a sync.
 */
#ifndef LIB_BULK_H
#define LIB_BULK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct file;

#define BULK_BLOCK ((size_t)4 << 20)	/* gathered before it is written */

/* The way to one file, which stays the caller's. Nobody else changes the flags of its descriptor meanwhile. */
struct bulk {
	const struct file *file;
	bool direct, refused;	/* O_DIRECT is set; it can't be */
	uint64_t begun;		/* up to here writing back of cached pages was begun */
};
#define BULK(f) {.file = (f)}

/* Memory from which bytes can go past the cache; for free(). NULL: none. */
void *bulk_alloc(size_t size);
/* All of len bytes to the offset `at`. -1: ERR_IO, ERR_NO_SPACE, …; some of them may be there. */
int bulk_write(struct bulk *b, const void *data, size_t len, uint64_t at, struct err *e);
/* The descriptor is again as it was: anybody may read and write through it. */
void bulk_end(struct bulk *b);

/* The same for small portions, which are gathered while they follow each other. */
struct bulk_buffer {
	struct bulk bulk;
	uint8_t *block;
	uint64_t at;		/* of what was gathered and not written yet: block[0..len) */
	size_t len;
};
#define BULK_BUFFER(f) {.bulk = BULK(f)}
int bulk_buffer_write(struct bulk_buffer *x, const void *data, size_t len, uint64_t at, struct err *e);
/* Writes what was gathered, and ends as bulk_end. After an error of either, at and len tell what may not be there. */
int bulk_buffer_flush(struct bulk_buffer *x, struct err *e);
void bulk_buffer_free(struct bulk_buffer *x);	/* what was not flushed is dropped */

#endif

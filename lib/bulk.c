/*
 * Writing past the page cache (O_DIRECT). Refuses nothing: where it can't be had, the cache takes the bytes.
 */
#include "lib/bulk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/err.h"
#include "lib/file.h"

#include "lib/banned.h"

#define ALIGN ((size_t)4096)	/* the largest logical block of any disk; where that is not enough, the kernel refuses */
#define LEAST ((size_t)1 << 20)	/* less than that is quicker through the cache */
#define EARLY BULK_BLOCK	/* through it: writing back begins whenever so much has come, so that a sync finds little left to do */

void *bulk_alloc(size_t size)
{
	return aligned_alloc(ALIGN, (size + ALIGN - 1) / ALIGN * ALIGN);
}

static bool set_direct(struct bulk *b, bool on)
{
	int flags = b->direct == on ? 0 : fcntl(b->file->fd, F_GETFL);

	if (b->direct == on)
		return true;
	if (flags == -1 || fcntl(b->file->fd, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT) == -1)
		return false;
	b->direct = on;
	return true;
}

/* How many of the bytes can go past the cache. */
static size_t direct_part(struct bulk *b, const uint8_t *data, size_t len, uint64_t at)
{
	if (b->refused || len < LEAST || at % ALIGN != 0 || (uintptr_t)data % ALIGN != 0)
		return 0;
	if (set_direct(b, true))
		return len - len % ALIGN;
	b->refused = true;
	return 0;
}

/* Larger blocks than ours, or the rest of one that was written in part: the cache takes all of it, again. */
static int write_direct(struct bulk *b, const uint8_t *data, size_t len, uint64_t at, struct err *e)
{
	struct err why = {0};

	if (file_pwrite(b->file, data, len, at, &why) == 0)
		return 0;
	if (why.sys == EINVAL && set_direct(b, false)) {
		b->refused = true;
		return file_pwrite(b->file, data, len, at, e);
	}
	*e = why;
	return -1;
}

/* A hint: what fails here fails again at the sync. */
static void begin_writing(struct bulk *b, uint64_t from, uint64_t to)
{
	if (from < b->begun)
		b->begun = from;
	if (to - b->begun < EARLY)
		return;
	(void)sync_file_range(b->file->fd, (off_t)b->begun, (off_t)(to - b->begun), SYNC_FILE_RANGE_WRITE);
	b->begun = to;
}

int bulk_write(struct bulk *b, const void *data, size_t len, uint64_t at, struct err *e)
{
	const uint8_t *p = data;
	size_t direct = direct_part(b, p, len, at);

	if (direct > 0 && write_direct(b, p, direct, at, e) == -1)
		return -1;
	if (direct == len && !b->refused)
		return 0;
	if (!set_direct(b, false))
		return err_sys(e, "%s: its flags", b->file->name);
	if (file_pwrite(b->file, p + direct, len - direct, at + direct, e) == -1)
		return -1;
	begin_writing(b, at, at + len);
	return 0;
}

void bulk_end(struct bulk *b)
{
	(void)set_direct(b, false);
}

/* Not by malloc, which after one free of this size would keep the like of it in its arenas: with a block for each volume, packing a
 * million files took 60 MB more. */
static uint8_t *map_block(void)
{
	void *p = mmap(NULL, BULK_BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static int put_out(struct bulk_buffer *x, struct err *e)
{
	if (x->len > 0 && bulk_write(&x->bulk, x->block, x->len, x->at, e) == -1)
		return -1;
	x->len = 0;
	return 0;
}

int bulk_buffer_write(struct bulk_buffer *x, const void *data, size_t len, uint64_t at, struct err *e)
{
	const uint8_t *p = data;

	if (x->block == NULL && (x->block = map_block()) == NULL)
		return err_mem(e);
	if (at != x->at + x->len && put_out(x, e) == -1)
		return -1;
	while (len > 0) {
		size_t n;

		if (x->len == 0)
			x->at = at;
		/* up to a multiple of the block, so that after any start the next one is aligned */
		n = BULK_BLOCK - (size_t)(x->at % BULK_BLOCK) - x->len;
		n = n < len ? n : len;
		memcpy(x->block + x->len, p, n);
		x->len += n;
		if ((x->at + x->len) % BULK_BLOCK == 0 && put_out(x, e) == -1)
			return -1;
		p += n;
		at += n;
		len -= n;
	}
	return 0;
}

int bulk_buffer_flush(struct bulk_buffer *x, struct err *e)
{
	int rc = put_out(x, e);

	bulk_end(&x->bulk);
	return rc;
}

void bulk_buffer_free(struct bulk_buffer *x)
{
	if (x->block != NULL)
		munmap(x->block, BULK_BLOCK);
	x->block = NULL;
	x->len = 0;
}

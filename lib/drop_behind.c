/*
 * Drop-behind (lib/drop_behind.h), by cachestat and POSIX_FADV_DONTNEED. Refuses nothing.
 */
#include "lib/drop_behind.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/file.h"

#include "lib/banned.h"

#define UNIT DROP_BEHIND_UNIT
#define SLOW 5e8	/* bytes a second: what sticks and disks give at most; to read them once more is felt */

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t units(uint64_t len)
{
	return (len + UNIT - 1) / UNIT;
}

/*
 * Whether most of a range is in the cache; so, too, where the kernel doesn't tell: before Linux 6.5, or of what is neither
 * ours nor may be written to. See cachestat(2).
 */
static bool is_cached(const struct file *f, uint64_t at, uint64_t len)
{
	struct { uint64_t at, len; } range = {at, len};
	struct { uint64_t cached, dirty, writeback, evicted, recently; } pages;

	if (syscall(DROP_BEHIND_CACHESTAT, f->fd, &range, &pages, 0) == -1)
		return true;
	return pages.cached * (uint64_t)sysconf(_SC_PAGESIZE) > len / 2;
}

void drop_behind_open(struct drop_behind *d, const struct file *file, uint64_t len)
{
	*d = (struct drop_behind){.file = file, .len = len};
	if (len < SIZE_MAX - UNIT)
		d->cached = calloc(units(len) + 1, sizeof *d->cached);
	for (uint64_t i = 0; d->cached != NULL && i < units(len); i++)
		d->cached[i] = is_cached(file, i * UNIT, len - i * UNIT < UNIT ? len - i * UNIT : UNIT);
}

/* Large pages of the cache don't reach over the bounds of a unit, so that each goes with its unit or stays. */
static void let_go(struct drop_behind *d, uint64_t to)
{
	bool slow = (double)d->bytes * 1e9 < (double)d->time * SLOW;

	for (; d->unit < to; d->unit++)
		if (!slow && !d->cached[d->unit])
			(void)posix_fadvise(d->file->fd, (off_t)(d->unit * UNIT), (off_t)UNIT, POSIX_FADV_DONTNEED);
}

int drop_behind_read(struct drop_behind *d, struct iovec *places, size_t n, uint64_t at, struct err *e)
{
	uint64_t since = now(), end = at;

	for (size_t i = 0; i < n; i++)
		end += places[i].iov_len;
	if (file_preadv(d->file, places, n, at, e) == -1)
		return -1;
	d->bytes += end - at;
	d->time += now() - since;
	if (d->cached != NULL)
		let_go(d, (end < d->len ? end : d->len) / UNIT);
	return 0;
}

void drop_behind_close(struct drop_behind *d)
{
	if (d->cached != NULL)
		let_go(d, units(d->len));
	free(d->cached);
	*d = (struct drop_behind){0};
}

/*
 * Drop-behind (lib/drop_behind.h), by cachestat and POSIX_FADV_DONTNEED. Refuses nothing.
 */
#include "lib/drop_behind.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "lib/file.h"

#include "lib/banned.h"

#define UNIT DROP_BEHIND_UNIT
/* Bytes a second that are felt to come: sticks and disks give no more, and to read them once more costs more than pages. New pages alone
 * must not make a faster device seem as slow as that: what is kept then stays slow. 500 MB/s was too much on a virtual machine. */
#define SLOW 3e8

/* timings_now is none: it stands still unless --timings is given. */
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

/* Bytes of a range that are cached; UINT64_MAX where the kernel doesn't tell. */
static uint64_t cached_of(const struct file *f, uint64_t at, uint64_t len)
{
	struct { uint64_t at, len; } range = {at, len};
	struct { uint64_t cached, dirty, writeback, evicted, recently; } pages;

	if (syscall(DROP_BEHIND_CACHESTAT, f->fd, &range, &pages, 0) == -1)
		return UINT64_MAX;
	return pages.cached * (uint64_t)sysconf(_SC_PAGESIZE);
}

static bool was_cached(const struct drop_behind *d, uint64_t unit)
{
	uint64_t left = d->len - unit * UNIT, len = left < UNIT ? left : UNIT;
	uint64_t cached = cached_of(d->file, unit * UNIT, len);

	return cached == UINT64_MAX ? d->what == DROP_BEHIND_SHARED : cached > len / 2;
}

void drop_behind_open(struct drop_behind *d, const struct file *file, uint64_t len, enum drop_behind_what what)
{
	*d = (struct drop_behind){.file = file, .what = what, .len = len};
	if (file->fd == -1 || len > DROP_BEHIND_MAX)
		return;
	d->cached = calloc(units(len) + 1, sizeof *d->cached);	/* one more: of 0 bytes calloc may give NULL */
	for (uint64_t i = 0; d->cached != NULL && i < units(len); i++)
		d->cached[i] = was_cached(d, i);
}

/* Large pages of the cache, which go as a whole, don't reach over the bounds of a unit, unless all pages have 64 KiB. */
static void let_go(const struct drop_behind *d, uint64_t unit)
{
	bool slow = d->what == DROP_BEHIND_CARRIED && (double)d->bytes * 1e9 < (double)d->time * SLOW;

	if (!slow && !d->cached[unit])
		(void)posix_fadvise(d->file->fd, (off_t)(unit * UNIT), (off_t)UNIT, POSIX_FADV_DONTNEED);
}

/* What was just read is cached. Some file systems (overlayfs) say no: then what others have there isn't known either. */
static bool is_trusted(struct drop_behind *d, uint64_t from, uint64_t to)
{
	d->trusted = d->trusted || d->what == DROP_BEHIND_CARRIED || cached_of(d->file, from, to - from) > 0;
	return d->trusted;
}

/* Units that nobody read are left to whoever brought them. */
static void passed(struct drop_behind *d, uint64_t from, uint64_t to, uint64_t since)
{
	uint64_t before = d->at;

	d->at = to;
	if (d->cached == NULL || from == to || from >= d->len)	/* what it has grown by is left alone */
		return;
	to = to < d->len ? to : d->len;
	if (!is_trusted(d, from, to)) {
		free(d->cached);
		d->cached = NULL;
		return;
	}
	if (!d->cached[(to - 1) / UNIT]) {
		d->bytes += to - from;
		d->time += now() - since;
	}
	if (d->unit < from / UNIT) {
		if (before > d->unit * UNIT)
			let_go(d, d->unit);
		d->unit = from / UNIT;
	}
	for (; d->unit < to / UNIT; d->unit++)
		let_go(d, d->unit);
}

int drop_behind_read(struct drop_behind *d, struct iovec *places, size_t n, uint64_t at, struct err *e)
{
	uint64_t since = now(), end = at;

	for (size_t i = 0; i < n; i++)
		end += places[i].iov_len;
	if (file_preadv(d->file, places, n, at, e) == -1)
		return -1;
	passed(d, at, end, since);
	return 0;
}

int64_t drop_behind_read_on(struct drop_behind *d, void *data, size_t len, struct err *e)
{
	uint64_t since = now();
	int64_t n = file_read(d->file, data, len, e);

	if (n > 0)
		passed(d, d->at, d->at + (uint64_t)n, since);
	return n;
}

void drop_behind_close(struct drop_behind *d)
{
	if (d->cached != NULL && d->unit < units(d->len) && d->at > d->unit * UNIT)
		let_go(d, d->unit);
	free(d->cached);
	*d = (struct drop_behind){0};
}

/* What is read once leaves the page cache as it was, unless its device is slow; the bytes are the same in any case. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/drop_behind.h"
#include "lib/err.h"
#include "lib/file.h"

#define UNIT DROP_BEHIND_UNIT
#define UNITS 5
#define SIZE ((size_t)((UNITS - 1) * UNIT + 12345))
#define STEP ((size_t)1000003)

static char path[256];
static struct file file = FILE_CLOSED;
static uint8_t *bytes, *got;
static bool blind;	/* the kernel, or this file system, doesn't tell or doesn't drop */

static uint64_t cached_of(uint64_t at, uint64_t len)
{
	struct { uint64_t at, len; } range = {at, len};
	uint64_t pages[5];

	return syscall(DROP_BEHIND_CACHESTAT, file.fd, &range, pages, 0) == -1 ? UINT64_MAX : pages[0];
}

static bool unit_cached(unsigned i)
{
	return cached_of(i * UNIT, UNIT) > 0;
}

static void drop_all(void)
{
	assert_int_equal(posix_fadvise(file.fd, 0, 0, POSIX_FADV_DONTNEED), 0);
}

/* Nothing is read ahead beyond it. */
static void bring(unsigned unit)
{
	size_t len = unit == UNITS - 1 ? SIZE - unit * UNIT : UNIT;

	assert_int_equal(posix_fadvise(file.fd, 0, 0, POSIX_FADV_RANDOM), 0);
	assert_int_equal(file_pread(&file, got, len, unit * UNIT, NULL), 0);
	assert_int_equal(posix_fadvise(file.fd, 0, 0, POSIX_FADV_NORMAL), 0);
}

static int setup(void **state)
{
	const char *tmp = getenv("TMPDIR");
	int fd;

	(void)state;
	snprintf(path, sizeof path, "%s/satchel-XXXXXX", tmp != NULL ? tmp : "/var/tmp");	/* which has a device below it, most often */
	bytes = malloc(SIZE);
	got = malloc(SIZE);
	fd = mkstemp(path);
	if (bytes == NULL || got == NULL || fd == -1)
		return -1;
	file = (struct file){.fd = fd, .name = strdup("a file")};
	for (size_t i = 0; i < SIZE; i++)
		bytes[i] = (uint8_t)(i * 31 + i / 4093);
	if (file_pwrite(&file, bytes, SIZE, 0, NULL) == -1 || fsync(fd) == -1)
		return -1;
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	blind = cached_of(0, 0) != 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(bytes);
	free(got);
	file_close(&file);
	return unlink(path);
}

static void need_sight(void)
{
	if (blind)
		skip();
}

/* In two places each time, as frames are read. */
static void read_on(struct drop_behind *d, size_t from, size_t to)
{
	for (size_t at = from; at < to; at += STEP) {
		size_t len = to - at < STEP ? to - at : STEP;
		struct iovec places[] = {{got + at, len / 3}, {got + at + len / 3, len - len / 3}};

		assert_int_equal(drop_behind_read(d, places, 2, at, NULL), 0);
	}
}

/* As if so much had been read before, within a second. */
static void open_at_rate(struct drop_behind *d, uint64_t rate)
{
	drop_behind_open(d, &file, SIZE);
	d->bytes = rate * 1000;
	d->time = UINT64_C(1000) * 1000000000;
}
#define FAST UINT64_C(100000000000)
#define SLOW UINT64_C(1000000)

static void read_all(uint64_t rate)
{
	struct drop_behind d;

	open_at_rate(&d, rate);
	memset(got, 0, SIZE);
	read_on(&d, 0, SIZE);
	drop_behind_close(&d);
	assert_memory_equal(got, bytes, SIZE);
}

static void what_was_read_goes(void **state)
{
	(void)state;
	need_sight();
	drop_all();
	read_all(FAST);
	assert_int_equal(cached_of(0, 0), 0);
}

/* Not at the end alone: a medium may have more than memory. */
static void it_goes_behind_the_reader(void **state)
{
	struct drop_behind d;

	(void)state;
	need_sight();
	drop_all();
	open_at_rate(&d, FAST);
	read_on(&d, 0, 3 * UNIT + 1);
	for (unsigned i = 0; i < 3; i++)
		assert_false(unit_cached(i));
	assert_true(unit_cached(3));
	drop_behind_close(&d);
	assert_false(unit_cached(3));
}

static void what_lay_there_stays(void **state)
{
	(void)state;
	need_sight();
	drop_all();
	bring(1);
	bring(UNITS - 1);
	read_all(FAST);
	for (unsigned i = 0; i < UNITS; i++)
		assert_int_equal(unit_cached(i), i == 1 || i == UNITS - 1);
}

static void what_is_slow_stays(void **state)
{
	(void)state;
	need_sight();
	drop_all();
	read_all(SLOW);
	for (unsigned i = 0; i < UNITS; i++)
		assert_true(unit_cached(i));
}

/* Frames that nobody asks for are passed over. */
static void passing_over(void **state)
{
	struct drop_behind d;

	(void)state;
	need_sight();
	drop_all();
	open_at_rate(&d, FAST);
	read_on(&d, 5, 1000);
	read_on(&d, 2 * UNIT + 5, 2 * UNIT + 1000);
	read_on(&d, SIZE - 1, SIZE);
	drop_behind_close(&d);
	assert_int_equal(cached_of(0, 0), 0);
}

/* Seen or not, these read as file_preadv does. */
static void other_lengths(void **state)
{
	const uint64_t lens[] = {0, 1, UNIT - 1, UNIT, 2 * UNIT + 1, SIZE + 3 * UNIT, UINT64_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
		struct drop_behind d;

		drop_behind_open(&d, &file, lens[i]);
		memset(got, 0, SIZE);
		read_on(&d, 0, SIZE);
		drop_behind_close(&d);
		assert_memory_equal(got, bytes, SIZE);
	}
}

static void errors(void **state)
{
	const struct file closed = FILE_CLOSED;
	struct iovec place = {got, 2};
	struct drop_behind d;
	struct err e = {0};

	(void)state;
	drop_behind_open(&d, &file, SIZE);
	assert_int_equal(drop_behind_read(&d, &place, 1, SIZE - 1, &e), -1);
	assert_int_equal(e.reason, ERR_FORM);
	drop_behind_close(&d);
	drop_behind_close(&d);
	drop_behind_open(&d, &closed, SIZE);
	place = (struct iovec){got, 2};
	assert_int_equal(drop_behind_read(&d, &place, 1, 0, NULL), -1);
	drop_behind_close(&d);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_read_goes), cmocka_unit_test(it_goes_behind_the_reader),
		cmocka_unit_test(what_lay_there_stays), cmocka_unit_test(what_is_slow_stays), cmocka_unit_test(passing_over),
		cmocka_unit_test(other_lengths), cmocka_unit_test(errors),
	};
	int failed = cmocka_run_group_tests(tests, setup, teardown);

	if (blind)
		printf("what leaves the page cache: Linux is older than 6.5, or %s has no device below it\n", path);
	return failed == 0 && blind ? 77 : failed;
}

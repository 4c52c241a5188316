/* What is read once leaves the page cache as it was, unless its device is slow; the bytes are the same in any case. */
#include <dlfcn.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
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
static bool lying;	/* the kernel says that nothing is cached, as overlayfs does */
static bool blind;	/* the kernel, or this file system, doesn't tell or doesn't drop */

/* Stands before the C library's. */
long syscall(long number, ...)
{
	long (*real)(long, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	long a[6];
	va_list list;

	va_start(list, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	if (number == DROP_BEHIND_CACHESTAT && lying) {
		memset((void *)a[2], 0, 5 * sizeof(uint64_t));
		return 0;
	}
	return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

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

static void bring(unsigned unit)
{
	assert_int_equal(file_pread(&file, got, unit == UNITS - 1 ? SIZE - unit * UNIT : UNIT, unit * UNIT, NULL), 0);
}

static int setup(void **state)
{
	const char *tmp = getenv("TMPDIR");
	int fd;

	(void)state;
	snprintf(path, sizeof path, "%s/satchel-XXXXXX", tmp != NULL ? tmp : "/var/tmp");	/* which has a device below it, most often */
	bytes = malloc(SIZE);
	got = malloc(SIZE + 1);
	fd = mkstemp(path);
	if (bytes == NULL || got == NULL || fd == -1)
		return -1;
	file = (struct file){.fd = fd, .name = strdup("a file")};
	for (size_t i = 0; i < SIZE; i++)
		bytes[i] = (uint8_t)(i * 31 + i / 4093);
	if (file_pwrite(&file, bytes, SIZE, 0, NULL) == -1 || fsync(fd) == -1)
		return -1;
	/* what is read ahead may still be on its way when it is asked about */
	if (posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM) != 0)
		return -1;
	drop_all();
	blind = cached_of(0, 0) != 0;
	bring(0);
	blind = blind || !unit_cached(0);
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

/* As if so many bytes a second had been read for a thousand seconds. */
static void open_at_rate(struct drop_behind *d, enum drop_behind_what what, uint64_t rate)
{
	drop_behind_open(d, &file, SIZE, what);
	d->bytes = rate * 1000;
	d->time = UINT64_C(1000) * 1000000000;
}
#define FAST UINT64_C(100000000000)
#define TARDY UINT64_C(1000000)

static void read_all(enum drop_behind_what what, uint64_t rate)
{
	struct drop_behind d;

	open_at_rate(&d, what, rate);
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
	read_all(DROP_BEHIND_CARRIED, FAST);
	assert_int_equal(cached_of(0, 0), 0);
}

static void from_its_position(void **state)
{
	struct drop_behind d;
	int64_t n;
	size_t at = 0;

	(void)state;
	need_sight();
	drop_all();
	bring(2);
	open_at_rate(&d, DROP_BEHIND_CARRIED, FAST);
	memset(got, 0, SIZE);
	assert_int_equal(lseek(file.fd, 0, SEEK_SET), 0);
	while ((n = drop_behind_read_on(&d, got + at, STEP < SIZE - at ? STEP : SIZE - at + 1, NULL)) > 0) {
		at += (size_t)n;
		for (unsigned i = 0; i < at / UNIT; i++)
			assert_int_equal(unit_cached(i), i == 2);
	}
	assert_int_equal(n, 0);
	assert_int_equal(at, SIZE);
	drop_behind_close(&d);
	assert_memory_equal(got, bytes, SIZE);
	for (unsigned i = 0; i < UNITS; i++)
		assert_int_equal(unit_cached(i), i == 2);
}

/* Not at the end alone: a medium may have more than memory. */
static void it_goes_behind_the_reader(void **state)
{
	struct drop_behind d;

	(void)state;
	need_sight();
	drop_all();
	open_at_rate(&d, DROP_BEHIND_CARRIED, FAST);
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
	read_all(DROP_BEHIND_CARRIED, FAST);
	for (unsigned i = 0; i < UNITS; i++)
		assert_int_equal(unit_cached(i), i == 1 || i == UNITS - 1);
}

static void what_is_slow_stays(void **state)
{
	(void)state;
	need_sight();
	drop_all();
	read_all(DROP_BEHIND_CARRIED, TARDY);
	for (unsigned i = 0; i < UNITS; i++)
		assert_true(unit_cached(i));
	drop_all();
	read_all(DROP_BEHIND_SHARED, TARDY);
	assert_int_equal(cached_of(0, 0), 0);
}

/* A half cached medium is no faster than its device. */
static void what_was_cached_is_no_speed(void **state)
{
	struct drop_behind d;

	(void)state;
	need_sight();
	drop_all();
	bring(0);
	drop_behind_open(&d, &file, SIZE, DROP_BEHIND_CARRIED);
	read_on(&d, 0, UNIT);
	assert_int_equal(d.bytes, 0);
	read_on(&d, UNIT, UNIT + STEP);
	assert_int_equal(d.bytes, STEP);
	assert_true(d.time > 0);
	drop_behind_close(&d);
}

/* What nobody asks for is passed over, and left to whoever has it. */
static void passing_over(void **state)
{
	struct drop_behind d;

	(void)state;
	need_sight();
	drop_all();
	open_at_rate(&d, DROP_BEHIND_CARRIED, FAST);
	bring(1);
	bring(3);
	read_on(&d, 5, 1000);
	read_on(&d, 2 * UNIT + 5, 2 * UNIT + 1000);
	assert_false(unit_cached(0));
	read_on(&d, SIZE - 1, SIZE);
	drop_behind_close(&d);
	for (unsigned i = 0; i < UNITS; i++)
		assert_int_equal(unit_cached(i), i == 1 || i == 3);
}

static void a_file_that_grows(void **state)
{
	struct drop_behind d;
	int64_t n;

	(void)state;
	need_sight();
	for (unsigned units = 1; units < 3; units++) {
		drop_all();
		drop_behind_open(&d, &file, units * UNIT, DROP_BEHIND_SHARED);
		assert_int_equal(lseek(file.fd, 0, SEEK_SET), 0);
		for (uint64_t at = 0; (n = drop_behind_read_on(&d, got, STEP, NULL)) > 0; at += (uint64_t)n)
			assert_memory_equal(got, bytes + at, (size_t)n);
		assert_int_equal(n, 0);
		assert_int_equal(d.at, SIZE);
		drop_behind_close(&d);
		for (unsigned i = 0; i < UNITS; i++)
			assert_int_equal(unit_cached(i), i >= units);
	}
}

/* Of files that are neither its own nor to be written to, newer kernels tell a process nothing: 0; 3 where this one does. */
static int read_as_nobody(enum drop_behind_what what)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		file.fd = open(path, O_RDONLY | O_CLOEXEC);
		if (file.fd == -1 || setresgid(65534, 65534, 65534) == -1 || setresuid(65534, 65534, 65534) == -1)
			_exit(4);
		if (cached_of(0, 0) != UINT64_MAX)
			_exit(3);
		posix_fadvise(file.fd, 0, 0, POSIX_FADV_RANDOM);
		read_all(what, FAST);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void not_told(void **state)
{
	int status;

	(void)state;
	need_sight();
	if (geteuid() != 0)
		skip();
	assert_int_equal(fchmod(file.fd, 0644), 0);
	drop_all();
	bring(1);
	status = read_as_nobody(DROP_BEHIND_SHARED);
	if (status == 3)
		skip();
	assert_int_equal(status, 0);
	for (unsigned i = 0; i < UNITS; i++)
		assert_true(unit_cached(i));
	assert_int_equal(read_as_nobody(DROP_BEHIND_CARRIED), 0);
	assert_int_equal(cached_of(0, 0), 0);
}

/* Where the kernel says that not even what was just read is cached, nothing that it says is believed. */
static void told_wrongly(void **state)
{
	struct drop_behind d;

	(void)state;
	need_sight();
	drop_all();
	open_at_rate(&d, DROP_BEHIND_SHARED, FAST);
	read_on(&d, 0, STEP);
	assert_true(d.trusted);
	drop_behind_close(&d);
	open_at_rate(&d, DROP_BEHIND_SHARED, FAST);
	lying = true;
	read_on(&d, 0, STEP);
	lying = false;
	assert_null(d.cached);
	drop_behind_close(&d);
}

/* Seen or not, these read as file_preadv does. */
static void other_lengths(void **state)
{
	const uint64_t lens[] = {
		0, 1, UNIT - 1, UNIT, 2 * UNIT + 1, SIZE + 3 * UNIT, DROP_BEHIND_MAX, DROP_BEHIND_MAX + 1, INT64_MAX, UINT64_MAX,
	};

	(void)state;
	for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
		struct drop_behind d;

		drop_behind_open(&d, &file, lens[i], i % 2 == 0 ? DROP_BEHIND_CARRIED : DROP_BEHIND_SHARED);
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
	drop_behind_open(&d, &file, SIZE, DROP_BEHIND_SHARED);
	assert_int_equal(drop_behind_read(&d, &place, 1, SIZE - 1, &e), -1);
	assert_int_equal(e.reason, ERR_FORM);
	drop_behind_close(&d);
	drop_behind_close(&d);
	drop_behind_open(&d, &closed, SIZE, DROP_BEHIND_SHARED);
	place = (struct iovec){got, 2};
	assert_int_equal(drop_behind_read(&d, &place, 1, 0, NULL), -1);
	drop_behind_close(&d);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_read_goes), cmocka_unit_test(it_goes_behind_the_reader),
		cmocka_unit_test(what_lay_there_stays), cmocka_unit_test(what_is_slow_stays), cmocka_unit_test(passing_over),
		cmocka_unit_test(from_its_position),
		cmocka_unit_test(a_file_that_grows), cmocka_unit_test(what_was_cached_is_no_speed), cmocka_unit_test(not_told), cmocka_unit_test(told_wrongly), cmocka_unit_test(other_lengths), cmocka_unit_test(errors),
	};
	int failed = cmocka_run_group_tests(tests, setup, teardown);

	if (blind)
		printf("what leaves the page cache: Linux is older than 6.5, or %s has no device below it\n", path);
	return failed == 0 && blind ? 77 : failed;
}

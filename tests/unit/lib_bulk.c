/* Writing past the cache: the bytes that come out are those of any other way, wherever they begin and end. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/bulk.h"
#include "lib/err.h"
#include "lib/file.h"

#define SIZE ((size_t)12 << 20)

static char dir[256];
static uint8_t *bytes, *got;

static int setup(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(dir, sizeof dir, "%s/satchel-XXXXXX", tmp != NULL ? tmp : "/var/tmp");	/* which has a device below it, most often */
	bytes = bulk_alloc(SIZE);
	got = malloc(SIZE);
	if (bytes == NULL || got == NULL || mkdtemp(dir) == NULL)
		return -1;
	for (size_t i = 0; i < SIZE; i++)
		bytes[i] = (uint8_t)(i * 31 + i / 4093);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(bytes);
	free(got);
	return rmdir(dir);
}

static struct file new_file(void)
{
	struct file d, f;
	struct err e = {0};

	assert_int_equal(file_open_dir(dir, &d, &e), 0);
	assert_int_equal(file_create_at(&d, "f", 0600, &f, &e), 0);
	assert_int_equal(unlinkat(d.fd, "f", 0), 0);
	file_close(&d);
	return f;
}

static void assert_holds(const struct file *f, size_t len)
{
	struct err e = {0};
	struct stat st;

	assert_int_equal(file_stat(f, &st, &e), 0);
	assert_int_equal(st.st_size, len);
	assert_int_equal(file_pread(f, got, len, 0, &e), 0);
	assert_memory_equal(got, bytes, len);
	assert_int_equal(fcntl(f->fd, F_GETFL) & O_DIRECT, 0);
}

static void whole_blocks_and_odd_ends(void **state)
{
	const size_t sizes[] = {0, 1, 4095, 4096, ((size_t)1 << 20) - 1, (size_t)1 << 20, ((size_t)1 << 20) + 1, 5000000, SIZE};

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct file f = new_file();
		struct bulk b = BULK(&f);
		struct err e = {0};

		assert_int_equal(bulk_write(&b, bytes, sizes[i], 0, &e), 0);
		bulk_end(&b);
		assert_holds(&f, sizes[i]);
		file_close(&f);
	}
}

/* Memory or place unaligned, the descriptor direct from the write before. */
static void unaligned_goes_through_the_cache(void **state)
{
	struct file f = new_file();
	struct bulk b = BULK(&f);
	struct err e = {0};
	size_t at = (size_t)2 << 20;

	(void)state;
	assert_int_equal(bulk_write(&b, bytes, at, 0, &e), 0);
	assert_int_equal(bulk_write(&b, bytes + at, 7, at, &e), 0);
	assert_int_equal(bulk_write(&b, bytes + at + 7, at, at + 7, &e), 0);
	memmove(got, bytes + 2 * at + 7, SIZE - 2 * at - 7);
	assert_int_equal(bulk_write(&b, got, SIZE - 2 * at - 7, 2 * at + 7, &e), 0);
	bulk_end(&b);
	assert_holds(&f, SIZE);
	file_close(&f);
}

/* On a file system that knows no way past the cache the same calls do. */
static void refused(void **state)
{
	struct file f = new_file();
	struct bulk b = BULK(&f);
	struct err e = {0};

	(void)state;
	b.refused = true;
	assert_int_equal(bulk_write(&b, bytes, SIZE, 0, &e), 0);
	assert_false(b.direct);
	assert_holds(&f, SIZE);
	file_close(&f);
}

/* ---- a driver that takes the flag and then refuses ---- */

static enum { WILLING, REFUSES, STOPS_HALFWAY } driver;
static unsigned refusals;
static bool stopped, refused_here;

/* Stands before the C library's. */
ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at)
{
	bool direct = (fcntl(fd, F_GETFL) & O_DIRECT) != 0;

	if (driver == STOPS_HALFWAY && direct && !stopped) {
		stopped = true;
		len /= 2;
	} else if (driver != WILLING && direct) {
		refusals++;
		errno = EINVAL;
		return -1;
	}
	return syscall(SYS_pwrite64, fd, data, len, at);
}

static void write_to(struct file *f, struct bulk *b)
{
	struct err e = {0};

	for (size_t at = 0; at < SIZE; at += BULK_BLOCK)
		assert_int_equal(bulk_write(b, bytes + at, BULK_BLOCK, at, &e), 0);
	bulk_end(b);
	assert_holds(f, SIZE);
}

/* Where the file system refuses the flag itself there is no way past the cache: what is left to test is the other one. */
static bool has_way(void)
{
	struct file f = new_file();
	bool has = fcntl(f.fd, F_SETFL, fcntl(f.fd, F_GETFL) | O_DIRECT) == 0;

	file_close(&f);
	return has;
}

/* The cache takes what it refused, and all that follows. */
static void driver_that_refuses(void **state)
{
	(void)state;
	if (!has_way()) {
		refused_here = true;
		skip();
	}
	for (driver = REFUSES; driver <= STOPS_HALFWAY; driver++) {
		struct file f = new_file();
		struct bulk b = BULK(&f);

		refusals = 0;
		stopped = false;
		write_to(&f, &b);
		assert_true(b.refused);
		assert_int_equal(refusals, 1);
		file_close(&f);
	}
	driver = WILLING;
}

/* An error that is none of the way is told. */
static void full(void **state)
{
	const struct rlimit small = {5000000, 5000000};
	int status;
	pid_t child = fork();

	(void)state;
	if (child == 0) {
		struct file f = new_file();
		struct bulk b = BULK(&f);
		struct err e = {0};

		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &small);
		_exit(bulk_write(&b, bytes, BULK_BLOCK, 0, &e) == 0 && bulk_write(&b, bytes, BULK_BLOCK, BULK_BLOCK, &e) == -1 &&
		      e.sys == EFBIG ? 7 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), 7);
}

static void portions(void **state)
{
	const size_t steps[] = {1, 511, 65536, 262144 + 3, (size_t)5 << 20};

	(void)state;
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		struct file f = new_file();
		struct bulk_buffer x = BULK_BUFFER(&f);
		struct err e = {0};
		size_t len = steps[i] == 1 ? 10000 : SIZE - 5;

		for (size_t at = 0, n; at < len; at += n) {
			n = len - at < steps[i] ? len - at : steps[i];
			assert_int_equal(bulk_buffer_write(&x, bytes + at, n, at, &e), 0);
		}
		assert_int_equal(bulk_buffer_flush(&x, &e), 0);
		assert_holds(&f, len);
		bulk_buffer_free(&x);
		file_close(&f);
	}
}

/* From anywhere, in any order; what is written twice has the later bytes. */
static void places(void **state)
{
	const size_t from[] = {9000000, 5, 0, 4194304, 4000000, 10000000, 1000000};
	const size_t to[] = {10000001, 1000000, 6, 9000000, 4194305, SIZE, 4000000};
	struct file f = new_file();
	struct bulk_buffer x = BULK_BUFFER(&f);
	struct err e = {0};

	(void)state;
	memset(got, 0xff, SIZE);
	assert_int_equal(bulk_buffer_write(&x, got, 5000000, 3000000, &e), 0);
	for (size_t i = 0; i < sizeof from / sizeof *from; i++)
		assert_int_equal(bulk_buffer_write(&x, bytes + from[i], to[i] - from[i], from[i], &e), 0);
	assert_int_equal(bulk_buffer_flush(&x, &e), 0);
	assert_holds(&f, SIZE);
	bulk_buffer_free(&x);
	file_close(&f);
}

/* at and len tell what may not be there. */
static void failed_write(void **state)
{
	struct file f = new_file();
	struct bulk_buffer x = BULK_BUFFER(&f);
	struct err e = {0};
	char path[64];
	int writes = f.fd;

	(void)state;
	assert_int_equal(bulk_buffer_write(&x, bytes, BULK_BLOCK + 1000, 0, &e), 0);
	snprintf(path, sizeof path, "/proc/self/fd/%d", f.fd);
	f.fd = open(path, O_RDONLY | O_CLOEXEC);	/* can't be written */
	assert_int_equal(bulk_buffer_flush(&x, &e), -1);
	assert_true(x.at == BULK_BLOCK && x.len == 1000);
	assert_int_equal(e.reason, ERR_IO);
	bulk_buffer_free(&x);
	close(writes);
	file_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_blocks_and_odd_ends), cmocka_unit_test(unaligned_goes_through_the_cache),
		cmocka_unit_test(refused),
		cmocka_unit_test(driver_that_refuses), cmocka_unit_test(full), cmocka_unit_test(portions), cmocka_unit_test(places), cmocka_unit_test(failed_write),
	};

	int failed = cmocka_run_group_tests(tests, setup, teardown);

	if (refused_here)
		printf("%s knows no O_DIRECT: nothing here went past the page cache\n", dir);
	return failed == 0 && refused_here ? 77 : failed;
}

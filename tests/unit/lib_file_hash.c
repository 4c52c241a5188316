/*
 * The digest of a file of any size, one after another; of a file that can't be read to its end nothing is in the next one's. A large
 * file is not left in the page cache.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/digest.h"
#include "lib/drop_behind.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/file_hash.h"
#include "lib/progress.h"

#define CHUNK ((size_t)256 << 10)
#define SIZE ((size_t)(2 * DROP_BEHIND_UNIT + 5))

static uint8_t *bytes;
static bool blind;	/* the kernel, or this file system, doesn't tell what is cached */

static int setup(void **state)
{
	(void)state;
	bytes = malloc(SIZE);
	for (size_t i = 0; bytes != NULL && i < SIZE; i++)
		bytes[i] = (uint8_t)(i * 31 + i / 4093);
	return bytes == NULL || digest_start(NULL) == -1 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	free(bytes);
	return 0;
}

static uint64_t told;
static int reads_left = INT_MAX;

/* Both stand before the library's. */
void progress_add(uint64_t n)
{
	told += n;
}

ssize_t read(int fd, void *data, size_t len)
{
	if (reads_left-- > 0)
		return syscall(SYS_read, fd, data, len);
	errno = EIO;
	return -1;
}

static struct file new_file(size_t len)
{
	const char *tmp = getenv("TMPDIR");
	char path[256];
	struct file f = {.name = strdup("a file")};

	snprintf(path, sizeof path, "%s/satchel-XXXXXX", tmp != NULL ? tmp : "/var/tmp");
	f.fd = mkstemp(path);

	assert_int_not_equal(f.fd, -1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(file_pwrite(&f, bytes, len, 0, NULL), 0);
	return f;
}

static void assert_digest(const struct digest *is, size_t len)
{
	struct digest must;

	assert_int_equal(digest_of(bytes, len, &must, NULL), 0);
	assert_true(digest_equal(is, &must));
}

static void sizes(void **state)
{
	const size_t lens[] = {0, 1, CHUNK - 1, CHUNK, CHUNK + 1, DROP_BEHIND_UNIT, DROP_BEHIND_UNIT + 1, SIZE};
	const enum file_hash_how hows[] = {FILE_HASH_QUIET, FILE_HASH_TOLD, FILE_HASH_AGAIN};

	(void)state;
	for (size_t how = 0; how < sizeof hows / sizeof *hows; how++) {
		struct file_hash *h = file_hash_open(hows[how], NULL);

		assert_non_null(h);
		for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
			struct file f = new_file(lens[i]);
			struct digest is;

			told = 0;
			assert_int_equal(file_hash_run(h, &f, &is, NULL), 0);
			assert_digest(&is, lens[i]);
			assert_int_equal(told, hows[how] == FILE_HASH_TOLD ? lens[i] : 0);
			file_close(&f);
		}
		file_hash_close(h);
	}
	file_hash_close(NULL);
}

static void errors(void **state)
{
	struct file_hash *h = file_hash_open(FILE_HASH_QUIET, NULL);

	(void)state;
	for (int n = 0; n < 3; n++) {
		struct file broken = new_file(SIZE), f = new_file(7);
		struct err e = {0};
		struct digest is;

		reads_left = n;
		assert_int_equal(file_hash_run(h, &broken, &is, &e), -1);
		assert_int_equal(e.sys, EIO);
		reads_left = INT_MAX;
		assert_int_equal(file_hash_run(h, &f, &is, NULL), 0);
		assert_digest(&is, 7);
		reads_left = n;
		assert_int_equal(file_hash_once(&broken, FILE_HASH_QUIET, &is, NULL), -1);
		reads_left = INT_MAX;
		file_close(&broken);
		file_close(&f);
	}
	file_hash_close(h);
}

static uint64_t cached_of(const struct file *f)
{
	struct { uint64_t at, len; } range = {0, 0};
	uint64_t pages[5];

	return syscall(DROP_BEHIND_CACHESTAT, f->fd, &range, pages, 0) == -1 ? UINT64_MAX : pages[0];
}

static void assert_goes(size_t len, enum file_hash_how how, bool goes)
{
	struct file f = new_file(len);
	struct digest is;

	assert_int_equal(fsync(f.fd), 0);
	assert_int_equal(posix_fadvise(f.fd, 0, 0, POSIX_FADV_DONTNEED), 0);
	assert_int_equal(cached_of(&f), 0);
	assert_int_equal(file_hash_once(&f, how, &is, NULL), 0);
	assert_digest(&is, len);
	assert_int_equal(cached_of(&f) > 0, !goes);
	file_close(&f);
}

static bool is_blind(void)
{
	struct file f = new_file(1000);
	bool full, empty;
	char c;

	fsync(f.fd);
	posix_fadvise(f.fd, 0, 0, POSIX_FADV_DONTNEED);
	empty = cached_of(&f) == 0;
	full = file_pread(&f, &c, 1, 0, NULL) == 0 && cached_of(&f) == 1;
	file_close(&f);
	return !empty || !full;
}

static void what_stays_in_the_cache(void **state)
{
	(void)state;
	blind = is_blind();
	if (blind)
		skip();
	assert_goes(1000, FILE_HASH_QUIET, false);
	assert_goes(SIZE, FILE_HASH_AGAIN, false);
	assert_goes(SIZE, FILE_HASH_QUIET, true);
	assert_goes(SIZE, FILE_HASH_TOLD, true);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes), cmocka_unit_test(errors), cmocka_unit_test(what_stays_in_the_cache),
	};
	int failed = cmocka_run_group_tests(tests, setup, teardown);

	if (blind)
		printf("what stays in the page cache: Linux is older than 6.5, or the temporary directory has no device below it\n");
	return failed == 0 && blind ? 77 : failed;
}

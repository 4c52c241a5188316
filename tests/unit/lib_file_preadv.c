/*
 * Reading to several places (file_preadv), however little each call gives.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/file.h"

#include "lib/banned.h"

#define LEN 40

static unsigned most;		/* bytes a call gives */
static unsigned interrupted;	/* calls to come that are */

/* In place of libc's: less than was asked for. */
ssize_t preadv64(int fd, const struct iovec *places, int n, off64_t at)
{
	size_t left = most;
	ssize_t got = 0;

	if (interrupted > 0 && interrupted--) {
		errno = EINTR;
		return -1;
	}
	assert_true(n > 0);
	for (int i = 0; i < n && left > 0; i++) {
		size_t len = places[i].iov_len < left ? places[i].iov_len : left;
		ssize_t some = syscall(SYS_pread64, fd, places[i].iov_base, len, at + got);

		assert_true(places[i].iov_len > 0);
		if (some <= 0)
			return got > 0 ? got : some;
		got += some;
		left -= (size_t)some;
	}
	return got;
}

static struct file file = FILE_CLOSED;

static int start(void **state)
{
	FILE *f = tmpfile();

	(void)state;
	if (f == NULL)
		return -1;
	for (int i = 0; i < LEN; i++)
		fputc('a' + i % 26, f);
	fflush(f);
	file.fd = dup(fileno(f));
	file.name = strdup("a file");
	fclose(f);
	return file.fd == -1 ? -1 : 0;
}

static int stop(void **state)
{
	(void)state;
	file_close(&file);
	return 0;
}

static int read_to(char out[3][8], uint64_t at, struct err *e)
{
	struct iovec places[] = {{out[0], 1}, {out[1], 7}, {out[2], 3}};

	memset(out, 0, sizeof(char[3][8]));
	return file_preadv(&file, places, 3, at, e);
}

static void however_little_comes(void **state)
{
	struct err e = {0};
	char out[3][8];

	(void)state;
	for (most = 1; most < 15; most++) {
		interrupted = most % 3;
		assert_int_equal(read_to(out, 2, &e), 0);
		assert_string_equal(out[0], "c");
		assert_memory_equal(out[1], "defghij", 7);
		assert_string_equal(out[2], "klm");
	}
}

static void the_end(void **state)
{
	char out[3][8];

	(void)state;
	for (most = 1; most < 15; most++) {
		struct err e = {0};

		assert_int_equal(read_to(out, LEN - 11, &e), 0);
		assert_int_equal(read_to(out, LEN - 10, &e), -1);
		assert_int_equal(e.reason, ERR_FORM);
		assert_string_equal(e.text, "a file: shorter than expected: ends at 40");
	}
}

static void an_error(void **state)
{
	struct file closed = {.fd = -1, .name = file.name};
	struct err e = {0};
	struct iovec place = {&e, 1};

	(void)state;
	most = 1;
	assert_int_equal(file_preadv(&closed, &place, 1, 0, &e), -1);
	assert_int_equal(e.sys, EBADF);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(however_little_comes), cmocka_unit_test(the_end), cmocka_unit_test(an_error),
	};

	return cmocka_run_group_tests(tests, start, stop);
}

/*
 * file_copy: the same bytes, the right digest, holes for zeros, whatever the length is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <linux/fs.h>

#include "lib/digest.h"
#include "lib/err.h"
#include "lib/file.h"

static char top[256];
static struct file dir = FILE_CLOSED;

static int make_top(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(top, sizeof top, "%s/satchel-XXXXXX", tmp != NULL ? tmp : "/tmp");
	return mkdtemp(top) == NULL ? -1 : file_open_dir(top, &dir, NULL);
}

static int remove_top(void **state)
{
	char *const remove[] = {(char[]){"rm"}, (char[]){"-rf"}, top, NULL};
	pid_t child = fork();
	int status = -1;

	(void)state;
	if (child == 0) {
		execvp(remove[0], remove);
		_exit(127);
	}
	waitpid(child, &status, 0);
	file_close(&dir);
	return status;
}

enum { STEP = 1 << 20 };

static void check_copy(const uint8_t *data, size_t len)
{
	struct file from = FILE_CLOSED, to = FILE_CLOSED;
	struct digest want, have;
	struct stat st;
	uint8_t *back = malloc(len + 1);

	assert_int_equal(file_create_at(&dir, "from", 0600, &from, NULL), 0);
	assert_int_equal(file_write(&from, data, len, NULL), 0);	/* leaves its offset at the end */
	assert_int_equal(digest_of(data, len, &want, NULL), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(file_create_at(&dir, "to", 0600, &to, NULL), 0);
		assert_int_equal(file_copy(&from, &to, i == 0 ? &have : NULL, NULL), 0);
		if (i == 0)
			assert_true(digest_equal(&want, &have));
		assert_int_equal(file_stat(&to, &st, NULL), 0);
		assert_int_equal(st.st_size, len);
		assert_int_equal(file_pread(&to, back, len, 0, NULL), 0);
		assert_memory_equal(back, data, len);
		file_close(&to);
		unlinkat(dir.fd, "to", 0);
	}
	file_close(&from);
	unlinkat(dir.fd, "from", 0);
	free(back);
}

static void lengths(void **state)
{
	static const size_t lengths[] = {0, 1, 4095, STEP - 1, STEP, STEP + 1, 3 * STEP + 17};
	uint8_t *data = malloc(4 * STEP);

	(void)state;
	for (size_t i = 0; i < 4 * STEP; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 13);
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
		check_copy(data, lengths[i]);
	/* zeros at the start, in the middle, at the end */
	for (size_t zero = 0; zero < 4; zero++) {
		memset(data, 1, 4 * STEP);
		memset(data + zero * STEP, 0, STEP);
		check_copy(data, 4 * STEP);
		check_copy(data, zero * STEP + 100);
	}
	free(data);
}

static void sparse(void **state)
{
	struct file from = FILE_CLOSED, to = FILE_CLOSED;
	struct digest d;
	struct stat st;
	char hex[DIGEST_HEX + 1];

	(void)state;
	assert_int_equal(file_create_at(&dir, "sparse", 0600, &from, NULL), 0);
	assert_int_equal(ftruncate(from.fd, 64 * STEP), 0);
	assert_int_equal(file_create_at(&dir, "sparse-copy", 0600, &to, NULL), 0);
	assert_int_equal(file_copy(&from, &to, &d, NULL), 0);
	assert_string_equal(digest_hex(&d, hex), "3b6a07d0d404fab4e23b6d34bc6696a6a312dd92821332385e5af7c01c421351");
	assert_int_equal(file_stat(&to, &st, NULL), 0);
	assert_int_equal(st.st_size, 64 * STEP);
	assert_true(st.st_blocks * 512 < STEP);
	file_close(&from);
	file_close(&to);
}

static void errors(void **state)
{
	struct file from = FILE_CLOSED, to = FILE_CLOSED;
	struct err e = {0};
	struct digest d;

	(void)state;
	assert_int_equal(file_create_at(&dir, "x", 0600, &from, NULL), 0);
	assert_int_equal(file_write(&from, "x", 1, NULL), 0);
	assert_int_equal(file_copy(&dir, &from, &d, &e), -1);	/* a directory can't be read */
	assert_int_equal(e.reason, ERR_IO);
	assert_int_equal(file_open_at(&dir, "x", &to, NULL), 0);
	err_clear(&e);
	assert_int_equal(file_copy(&from, &to, NULL, &e), -1);	/* not open for writing */
	assert_true(e.reason != 0);
	file_close(&from);
	file_close(&to);
}

static void clones(void **state)
{
	struct file from = FILE_CLOSED, to = FILE_CLOSED;

	(void)state;
	assert_int_equal(file_create_at(&dir, "cloned", 0600, &from, NULL), 0);
	assert_int_equal(file_write(&from, "x", 1, NULL), 0);
	assert_int_equal(file_create_at(&dir, "clone", 0600, &to, NULL), 0);
	assert_int_equal(file_may_clone(&dir), ioctl(to.fd, FICLONE, from.fd) == 0);
	file_close(&from);
	file_close(&to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths), cmocka_unit_test(sparse), cmocka_unit_test(clones), cmocka_unit_test(errors),
	};

	return cmocka_run_group_tests(tests, make_top, remove_top);
}

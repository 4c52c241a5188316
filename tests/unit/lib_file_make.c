/*
 * file_make_dir_at, file_make_dirs_at: what is there stays, what is made has its exact mode, links are no directories.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

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

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(fstatat(dir.fd, path, &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISDIR(st.st_mode));
	return st.st_mode & 07777;
}

static void modes(void **state)
{
	mode_t before = umask(0);

	(void)state;
	assert_int_equal(file_make_dir_at(&dir, "open", 0755, NULL), 0);
	umask(0777);
	assert_int_equal(file_make_dir_at(&dir, "masked", 0755, NULL), 0);
	assert_int_equal(file_make_dir_at(&dir, "private", 0700, NULL), 0);
	assert_int_equal(file_make_dirs_at(&dir, "x/y/z", 0755, NULL), 0);
	umask(before);
	assert_int_equal(mode_of("open"), 0755);
	assert_int_equal(mode_of("masked"), 0755);
	assert_int_equal(mode_of("private"), 0700);
	assert_int_equal(mode_of("x"), 0755);
	assert_int_equal(mode_of("x/y/z"), 0755);
	assert_int_equal(file_make_dirs_at(&dir, "private", 0755, NULL), 0);	/* was there: stays as it is */
	assert_int_equal(mode_of("private"), 0700);
}

static void paths(void **state)
{
	struct err e = {0};

	(void)state;
	assert_int_equal(file_make_dir_at(&dir, "a/b", 0755, &e), -1);
	assert_int_equal(e.reason, ERR_MISSING);
	assert_int_equal(file_make_dirs_at(&dir, "a/b", 0755, NULL), 0);
	assert_int_equal(file_make_dirs_at(&dir, "a/b", 0755, NULL), 0);
	assert_int_equal(file_make_dirs_at(&dir, "a/b/c/d", 0755, NULL), 0);
	assert_int_equal(file_sync_parent_at(&dir, "a", NULL), 0);
	assert_int_equal(file_sync_parent_at(&dir, "a/b/c/d", NULL), 0);
	assert_int_equal(file_sync_parent_at(&dir, "missing/b", NULL), -1);
	assert_int_equal(file_sync_parent_at(&dir, "a/..", NULL), -1);
	assert_int_equal(mode_of("a/b/c/d"), 0755);
	assert_int_equal(file_make_dirs_at(&dir, "../x", 0755, NULL), -1);
	assert_int_equal(file_make_dirs_at(&dir, "a/../../x", 0755, NULL), -1);
	assert_int_equal(file_make_dirs_at(&dir, "", 0755, NULL), -1);
	assert_int_equal(file_make_dirs_at(&dir, "/nonexistent-dir", 0755, NULL), -1);
}

static void obstacles(void **state)
{
	struct err e = {0};

	(void)state;
	close(openat(dir.fd, "file", O_CREAT | O_WRONLY, 0644));
	mkdirat(dir.fd, "real", 0755);
	assert_int_equal(symlinkat("real", dir.fd, "link"), 0);
	assert_int_equal(file_make_dir_at(&dir, "file", 0755, &e), -1);
	assert_int_equal(e.reason, ERR_FILE_TYPE);
	err_clear(&e);
	assert_int_equal(file_make_dirs_at(&dir, "file/x", 0755, &e), -1);
	assert_true(e.reason != 0);
	err_clear(&e);
	assert_int_equal(file_make_dir_at(&dir, "link", 0755, &e), -1);
	assert_int_equal(e.reason, ERR_FILE_TYPE);
	err_clear(&e);
	assert_int_equal(file_make_dirs_at(&dir, "link/x/y", 0755, &e), -1);
	assert_int_equal(e.reason, ERR_FILE_TYPE);
	assert_int_equal(faccessat(dir.fd, "real/x", F_OK, 0), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(modes), cmocka_unit_test(paths), cmocka_unit_test(obstacles),
	};

	return cmocka_run_group_tests(tests, make_top, remove_top);
}

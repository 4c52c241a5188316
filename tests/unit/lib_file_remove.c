/*
 * file_remove_tree_at: everything below goes, nothing that a link points to.
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

static void put(const char *path)
{
	int fd = openat(dir.fd, path, O_CREAT | O_WRONLY, 0444);

	assert_true(fd >= 0);
	close(fd);
}

static bool there(const char *path)
{
	struct stat st;

	return fstatat(dir.fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void trees(void **state)
{
	char name[64];

	(void)state;
	assert_int_equal(file_make_dirs_at(&dir, "keep/inner", 0755, NULL), 0);
	put("keep/file");
	assert_int_equal(file_make_dirs_at(&dir, "tree/a/b/c", 0755, NULL), 0);
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof name, "tree/a/%d", i);
		put(name);
	}
	assert_int_equal(symlinkat("../../keep", dir.fd, "tree/a/link"), 0);
	assert_int_equal(symlinkat("../keep/file", dir.fd, "tree/link"), 0);
	assert_int_equal(mkfifoat(dir.fd, "tree/fifo", 0600), 0);
	assert_int_equal(file_remove_tree_at(&dir, "tree/a", NULL), 0);
	assert_false(there("tree/a"));
	assert_true(there("tree/link"));
	assert_int_equal(file_remove_tree_at(&dir, "tree", NULL), 0);
	assert_false(there("tree"));
	assert_true(there("keep/inner"));
	assert_true(there("keep/file"));
}

static void single_things(void **state)
{
	(void)state;
	put("file");
	assert_int_equal(symlinkat("keep", dir.fd, "link"), 0);
	assert_int_equal(file_remove_tree_at(&dir, "file", NULL), 0);
	assert_int_equal(file_remove_tree_at(&dir, "link", NULL), 0);
	assert_false(there("file"));
	assert_false(there("link"));
	assert_true(there("keep/file"));
	assert_int_equal(file_remove_tree_at(&dir, "missing", NULL), 0);
	assert_int_equal(file_remove_tree_at(&dir, "missing/deeper", NULL), 0);
}

static void refusals(void **state)
{
	struct err e = {0};

	(void)state;
	assert_int_equal(symlinkat("keep", dir.fd, "way"), 0);
	assert_int_equal(file_remove_tree_at(&dir, "way/file", &e), -1);
	assert_int_equal(e.reason, ERR_FILE_TYPE);
	assert_true(there("keep/file"));
	assert_int_equal(file_remove_tree_at(&dir, "..", NULL), -1);
	assert_int_equal(file_remove_tree_at(&dir, ".", NULL), -1);
	assert_int_equal(file_remove_tree_at(&dir, "", NULL), -1);
	assert_int_equal(file_remove_tree_at(&dir, "/", NULL), -1);
	assert_true(there("keep"));
}

/* The limit of 256 levels, and one over, which a later call finds as it was. */
static void depth(void **state)
{
	struct err e = {0};
	int at = dup(dir.fd);

	(void)state;
	for (int i = 0; i < 258; i++) {
		int next;

		assert_int_equal(mkdirat(at, "d", 0755), 0);
		next = openat(at, "d", O_RDONLY | O_DIRECTORY);
		close(at);
		at = next;
	}
	close(at);
	assert_int_equal(file_remove_tree_at(&dir, "d", &e), -1);
	assert_int_equal(e.reason, ERR_TOO_LARGE);
	assert_true(there("d"));
	assert_int_equal(file_remove_tree_at(&dir, "d/d", NULL), 0);
	assert_int_equal(file_remove_tree_at(&dir, "d", NULL), 0);
	assert_false(there("d"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trees), cmocka_unit_test(single_things), cmocka_unit_test(refusals), cmocka_unit_test(depth),
	};

	return cmocka_run_group_tests(tests, make_top, remove_top);
}

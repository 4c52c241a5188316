/*
 * file_create_at, file_lock: new files have their exact mode and stand over nothing; one process holds a lock.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
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

static int fill(void **state)
{
	int fd;

	if (make_top(state) == -1)
		return -1;
	fd = mkdirat(dir.fd, "d", 0755) == 0 ? openat(dir.fd, "d/f", O_WRONLY | O_CREAT, 0644) : -1;
	if (fd == -1 || close(fd) == -1 || mkfifoat(dir.fd, "fifo", 0644) == -1)
		return -1;
	return symlinkat("d", dir.fd, "to-dir") == -1 ? -1 : symlinkat("d/f", dir.fd, "to-file");
}

static void creating(void **state)
{
	static const mode_t modes[] = {0600, 0644, 0444, 0755, 0666};
	struct file f = FILE_CLOSED;
	struct err e = {0};
	struct stat st;
	char name[32], back[3];
	mode_t before = umask(0077);

	(void)state;
	for (size_t i = 0; i < 2 * sizeof modes / sizeof *modes; i++) {
		mode_t mode = modes[i / 2];

		umask(i % 2 != 0 ? 0777 : 0);
		snprintf(name, sizeof name, "d/new%zu", i);
		assert_int_equal(file_create_at(&dir, name, mode, &f, NULL), 0);
		assert_int_equal(fstatat(dir.fd, name, &st, 0), 0);
		assert_int_equal(st.st_mode & 07777, mode);
		assert_int_equal(file_write(&f, "abc", 3, NULL), 0);
		assert_int_equal(file_pread(&f, back, 3, 0, NULL), 0);
		assert_memory_equal(back, "abc", 3);
		file_close(&f);
	}
	umask(before);
	assert_int_equal(file_create_at(&dir, "d/f", 0644, &f, &e), -1);	/* never over another */
	assert_int_equal(e.sys, EEXIST);
	assert_int_equal(file_create_at(&dir, "to-file", 0644, &f, NULL), -1);
	assert_int_equal(symlinkat("nowhere", dir.fd, "dangling"), 0);
	assert_int_equal(file_create_at(&dir, "dangling", 0644, &f, NULL), -1);
	assert_int_equal(file_create_at(&dir, "to-dir/new", 0644, &f, NULL), -1);
	assert_int_equal(file_create_at(&dir, "../escaped", 0644, &f, NULL), -1);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void locking(void **state)
{
	struct file a = FILE_CLOSED, b = FILE_CLOSED;
	struct err e = {0};
	int64_t start;
	pid_t child;

	(void)state;
	assert_int_equal(file_lock(&dir, "lock", 0, &a, NULL), 0);
	assert_int_equal(file_lock(&dir, "lock", 0, &b, &e), -1);
	assert_int_equal(e.reason, ERR_BUSY);
	assert_int_equal(b.fd, -1);
	start = now_ms();
	assert_int_equal(file_lock(&dir, "lock", 1, &b, NULL), -1);
	assert_in_range(now_ms() - start, 900, 5000);
	file_close(&a);
	assert_int_equal(file_lock(&dir, "lock", 0, &a, NULL), 0);
	file_close(&a);
	/* the lock of a process that dies is free, and is waited for */
	int ends[2];
	char c;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		if (file_lock(&dir, "lock", 0, &a, NULL) == -1 || write(ends[1], "x", 1) != 1)
			_exit(1);
		usleep(300000);
		_exit(0);
	}
	assert_int_equal(read(ends[0], &c, 1), 1);
	assert_int_equal(file_lock(&dir, "lock", 10, &a, NULL), 0);
	file_close(&a);
	waitpid(child, NULL, 0);
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(file_lock(&dir, "to-file", 0, &a, NULL), -1);
	err_clear(&e);
	assert_int_equal(file_lock(&dir, "fifo", 0, &a, &e), -1);
	assert_int_equal(e.reason, ERR_FILE_TYPE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(creating), cmocka_unit_test(locking),
	};

	return cmocka_run_group_tests(tests, fill, remove_top);
}

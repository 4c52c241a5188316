/*
 * lib/outfile: the old content or the new one, never a part; no temporary stays behind.
 */
#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/outfile.h"

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

static void check_content(const char *path, const char *want)
{
	struct buf b = {0};

	assert_int_equal(file_read_all_at(&dir, path, 1 << 20, &b, NULL), 0);
	assert_string_equal((char *)b.data, want);
	buf_free(&b);
}

static unsigned temporaries(void)
{
	DIR *d = opendir(top);
	struct dirent *entry;
	unsigned n = 0;

	while ((entry = readdir(d)) != NULL)
		n += strncmp(entry->d_name, OUTFILE_PREFIX, strlen(OUTFILE_PREFIX)) == 0;
	closedir(d);
	return n;
}

static void commits(void **state)
{
	struct outfile *o = outfile_open(&dir, "file", 0640, NULL);
	struct stat st;

	(void)state;
	assert_non_null(o);
	outfile_write(o, "one ", 4);
	assert_int_equal(temporaries(), 1);
	assert_int_equal(faccessat(dir.fd, "file", F_OK, 0), -1);
	outfile_write(o, "two", 3);
	assert_int_equal(outfile_commit(o, NULL), 0);
	check_content("file", "one two");
	assert_int_equal(fstatat(dir.fd, "file", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(temporaries(), 0);
}

/* What is in the room and what is on disk already are one. */
static void reads_back(void **state)
{
	enum { LEN = 100000 };
	struct outfile *o = outfile_open(&dir, "judged", 0644, NULL);
	char *data = malloc(LEN), got[6] = "";
	struct err e = {0};

	(void)state;
	memset(data, 'x', LEN);
	outfile_write(o, data, LEN);
	outfile_write(o, "yz", 2);
	assert_int_equal(outfile_pread(o, got, 3, LEN - 1, &e), 0);
	assert_string_equal(got, "xyz");
	assert_int_equal(outfile_pread(o, got, 4, LEN - 1, &e), -1);
	assert_int_equal(e.reason, ERR_FORM);
	outfile_write(o, "!", 1);	/* goes on behind the rest */
	assert_int_equal(outfile_pread(o, got, 4, LEN - 1, NULL), 0);
	assert_string_equal(got, "xyz!");
	outfile_abort(o);
	assert_int_equal(faccessat(dir.fd, "judged", F_OK, 0), -1);
	free(data);
}

static void replaces(void **state)
{
	(void)state;
	mkdirat(dir.fd, "sub", 0755);
	assert_int_equal(outfile_put(&dir, "sub/f", 0644, "old", 3, NULL), 0);
	struct outfile *o = outfile_open(&dir, "sub/f", 0644, NULL);

	outfile_write(o, "half", 4);
	check_content("sub/f", "old");
	outfile_abort(o);
	check_content("sub/f", "old");
	assert_int_equal(outfile_put(&dir, "sub/f", 0644, "new", 3, NULL), 0);
	check_content("sub/f", "new");
	assert_int_equal(unlinkat(dir.fd, "sub/f", 0), 0);
	assert_int_equal(unlinkat(dir.fd, "sub", AT_REMOVEDIR), 0);	/* empty: nothing was left there */
	outfile_abort(NULL);
}

static void large_and_small_writes(void **state)
{
	enum { LEN = 300000 };
	uint8_t *data = malloc(LEN);
	struct outfile *o = outfile_open(&dir, "large", 0644, NULL);
	struct buf b = {0};
	size_t at = 0;

	(void)state;
	for (size_t i = 0; i < LEN; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 11);
	for (size_t step = 0; at < LEN; step = (step * 7 + 1) % 90000) {
		size_t n = step < LEN - at ? step : LEN - at;

		outfile_write(o, data + at, n);
		at += n;
	}
	assert_int_equal(outfile_commit(o, NULL), 0);
	assert_int_equal(file_read_all_at(&dir, "large", LEN, &b, NULL), 0);
	assert_int_equal(b.len, LEN);
	assert_memory_equal(b.data, data, LEN);
	buf_free(&b);
	free(data);
}

/* A limit on the size of files stands for a full disk: the error is latched and the old file stays. */
static void failed_writes(void **state)
{
	struct rlimit before, tight;
	struct outfile *o;
	struct err e = {0};
	char *data = calloc(1, 200000);

	(void)state;
	assert_int_equal(outfile_put(&dir, "full", 0644, "old", 3, NULL), 0);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	tight = before;
	tight.rlim_cur = 100000;
	setrlimit(RLIMIT_FSIZE, &tight);
	o = outfile_open(&dir, "full", 0644, NULL);
	outfile_write(o, data, 200000);
	outfile_write(o, "x", 1);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_int_equal(outfile_pread(o, data, 1, 0, &e), -1);
	assert_int_equal(e.sys, EFBIG);
	err_clear(&e);
	outfile_write(o, "y", 1);	/* there is room again, but the file has a hole in its story */
	assert_int_equal(outfile_commit(o, &e), -1);
	assert_int_equal(e.sys, EFBIG);
	check_content("full", "old");
	assert_int_equal(temporaries(), 0);
	free(data);
}

static void refusals(void **state)
{
	struct err e = {0};

	(void)state;
	assert_null(outfile_open(&dir, "missing/f", 0644, &e));
	assert_int_equal(e.reason, ERR_MISSING);
	assert_null(outfile_open(&dir, "../f", 0644, NULL));
	assert_null(outfile_open(&dir, "", 0644, NULL));
	mkdirat(dir.fd, "directory", 0755);
	err_clear(&e);
	assert_int_equal(outfile_put(&dir, "directory", 0644, "x", 1, &e), -1);	/* renaming over it fails */
	assert_true(e.reason != 0);
	assert_int_equal(temporaries(), 0);
	/* a link is replaced, not written through */
	assert_int_equal(outfile_put(&dir, "target", 0644, "old", 3, NULL), 0);
	assert_int_equal(symlinkat("target", dir.fd, "link"), 0);
	assert_int_equal(outfile_put(&dir, "link", 0644, "new", 3, NULL), 0);
	check_content("target", "old");
	check_content("link", "new");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commits), cmocka_unit_test(reads_back), cmocka_unit_test(replaces), cmocka_unit_test(large_and_small_writes),
		cmocka_unit_test(failed_writes), cmocka_unit_test(refusals),
	};

	return cmocka_run_group_tests(tests, make_top, remove_top);
}

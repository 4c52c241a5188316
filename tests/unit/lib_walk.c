/*
 * lib/walk: the order of paths' bytes, a call for everything, no way through links, errors of one entry only.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/walk.h"

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
	int fd = openat(dir.fd, path, O_CREAT | O_WRONLY, 0644);

	assert_true(fd >= 0);
	close(fd);
}

/* What a walk said, one entry in a line. */
struct log {
	struct buf text;
	const char *skip, *stop;
};

static enum walk_verdict note(void *arg, const struct walk_entry *w, struct err *e)
{
	struct log *l = arg;
	struct stat st;

	assert_string_equal(w->name, strrchr(w->path, '/') != NULL ? strrchr(w->path, '/') + 1 : w->path);
	if (w->leaving)
		buf_printf(&l->text, "<%s %u\n", w->path, w->entries);
	else if (w->sys != 0)
		buf_printf(&l->text, "!%s %s\n", w->path, strerrorname_np(w->sys));
	else
		buf_printf(&l->text, "%c%s\n", S_ISDIR(w->st.st_mode) ? '>' : S_ISLNK(w->st.st_mode) ? '@' : '-', w->path);
	if (w->sys == 0) {	/* parent and name lead to the same thing */
		assert_int_equal(fstatat(w->parent->fd, w->name, &st, AT_SYMLINK_NOFOLLOW), 0);
		assert_int_equal(st.st_ino, w->st.st_ino);
		assert_memory_equal(w->parent->name, dir.name, strlen(dir.name));
	} else {
		assert_int_equal(w->st.st_ino, 0);
	}
	if (l->stop != NULL && strcmp(w->path, l->stop) == 0) {
		err_set(e, ERR_FORM, "stop here");
		return WALK_STOP;
	}
	return l->skip != NULL && strcmp(w->path, l->skip) == 0 ? WALK_SKIP : WALK_ON;
}

static void check(const char *top_path, unsigned depth, struct log *l, const char *want)
{
	struct file d = FILE_CLOSED;
	struct err e = {0};

	assert_int_equal(file_open_dir_at(&dir, top_path, &d, NULL), 0);
	assert_int_equal(walk_tree(&d, depth, note, l, &e), 0);
	assert_int_equal(e.reason, 0);
	buf_append(&l->text, "", 0);
	assert_string_equal((char *)l->text.data, want);
	buf_free(&l->text);
	file_close(&d);
}

static void order(void **state)
{
	struct log l = {.skip = NULL};

	(void)state;
	assert_int_equal(file_make_dirs_at(&dir, "o/a/x", 0755, NULL), 0);
	assert_int_equal(file_make_dirs_at(&dir, "o/b", 0755, NULL), 0);
	put("o/a.b");
	put("o/a-");
	put("o/a0");
	put("o/a/z");
	put("o/a/x/1");
	put("o/\xff");
	put("o/\xc3\xa9");
	put("o/A");
	put("o/aa");
	put("o/a\n");
	check("o", 64, &l,
	      "-A\n-a\n\n-a-\n-a.b\n>a\n>a/x\n-a/x/1\n<a/x 1\n-a/z\n<a 2\n-a0\n-aa\n>b\n<b 0\n-\xc3\xa9\n-\xff\n");
}

/* A record of an empty directory holds its name alone, and so sorts before "NAME.b". */
static void empty_directories(void **state)
{
	struct log l = {.skip = NULL};

	(void)state;
	assert_int_equal(file_make_dirs_at(&dir, "e/x", 0755, NULL), 0);
	assert_int_equal(file_make_dirs_at(&dir, "e/y/f", 0755, NULL), 0);
	assert_int_equal(file_make_dirs_at(&dir, "e/z", 0755, NULL), 0);
	assert_int_equal(file_make_dirs_at(&dir, "e/z-", 0755, NULL), 0);
	put("e/x.b");
	put("e/x-a");
	put("e/y.b");
	put("e/y/g");
	check("e", 64, &l, ">x\n<x 0\n-x-a\n-x.b\n-y.b\n>y\n>y/f\n<y/f 0\n-y/g\n<y 2\n>z\n<z 0\n>z-\n<z- 0\n");
}

static void links_are_seen_only(void **state)
{
	struct log l = {.skip = NULL};

	(void)state;
	assert_int_equal(file_make_dirs_at(&dir, "l/d", 0755, NULL), 0);
	put("l/d/f");
	assert_int_equal(symlinkat("d", dir.fd, "l/to-dir"), 0);
	assert_int_equal(symlinkat("..", dir.fd, "l/up"), 0);
	assert_int_equal(symlinkat("nowhere", dir.fd, "l/dangling"), 0);
	check("l", 64, &l, ">d\n-d/f\n<d 1\n@dangling\n@to-dir\n@up\n");
}

static void skipping(void **state)
{
	struct log l = {.skip = "d"};

	(void)state;
	check("l", 64, &l, ">d\n@dangling\n@to-dir\n@up\n");
}

static void stopping(void **state)
{
	struct log l = {.stop = "a/x/1"};
	struct file d = FILE_CLOSED;
	struct err e = {0};

	(void)state;
	assert_int_equal(file_open_dir_at(&dir, "o", &d, NULL), 0);
	assert_int_equal(walk_tree(&d, 64, note, &l, &e), -1);
	assert_int_equal(e.reason, ERR_FORM);
	assert_string_equal((char *)l.text.data, "-A\n-a\n\n-a-\n-a.b\n>a\n>a/x\n-a/x/1\n");
	buf_free(&l.text);
	file_close(&d);
}

static void depth(void **state)
{
	struct log l = {.skip = NULL};

	(void)state;
	assert_int_equal(file_make_dirs_at(&dir, "deep/1/2/3", 0755, NULL), 0);
	put("deep/1/2/file");
	check("deep", 3, &l, ">1\n>1/2\n>1/2/3\n<1/2/3 0\n-1/2/file\n<1/2 2\n<1 1\n");
	check("deep", 2, &l, ">1\n>1/2\n!1/2/3 ELOOP\n-1/2/file\n<1/2 2\n<1 1\n");
	check("deep", 0, &l, "!1 ELOOP\n");
}

/* As another user, since root may read everything. */
static void unreadable(void **state)
{
	struct log l = {.skip = NULL};
	pid_t child;
	int status;

	(void)state;
	assert_int_equal(file_make_dirs_at(&dir, "u/closed/x", 0755, NULL), 0);
	assert_int_equal(file_make_dirs_at(&dir, "u/listed", 0755, NULL), 0);
	put("u/listed/f");
	put("u/z");
	assert_int_equal(fchmodat(dir.fd, "u/closed", 0, 0), 0);
	assert_int_equal(fchmodat(dir.fd, "u/listed", 0444, 0), 0);	/* names, but nothing about them */
	assert_int_equal(fchmod(dir.fd, 0755), 0);
	child = fork();
	if (child == 0) {
		if (geteuid() == 0 && setuid(65534) == -1)
			_exit(2);
		struct file d = FILE_CLOSED;
		struct err e = {0};

		if (file_open_dir_at(&dir, "u", &d, &e) == -1 || walk_tree(&d, 64, note, &l, &e) == -1)
			_exit(3);
		_exit(strcmp((char *)l.text.data, "!closed EACCES\n>listed\n!listed/f EACCES\n<listed 1\n-z\n") != 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(fchmodat(dir.fd, "u/closed", 0755, 0), 0);
	assert_int_equal(fchmodat(dir.fd, "u/listed", 0755, 0), 0);
	assert_int_equal(status, 0);
}

static enum walk_verdict ordered(void *arg, const struct walk_entry *w, struct err *e)
{
	char *last = arg, here[128];

	(void)e;
	if (w->leaving)
		return WALK_ON;
	snprintf(here, sizeof here, "%s%s", w->path, S_ISDIR(w->st.st_mode) ? "/" : "");
	assert_true(strcmp(last, here) < 0);
	memcpy(last, here, sizeof here);
	return WALK_ON;
}

static enum walk_verdict count(void *arg, const struct walk_entry *w, struct err *e)
{
	(void)e;
	*(unsigned *)arg += !w->leaving && w->sys == 0;
	return WALK_ON;
}

static void many(void **state)
{
	struct file d = FILE_CLOSED;
	char name[64], last[128] = "";
	unsigned n = 0;

	(void)state;
	assert_int_equal(file_make_dir_at(&dir, "m", 0755, NULL), 0);
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(name, sizeof name, "m/%x%s", i * 2654435761u, i % 3 == 0 ? ".x" : "");
		if (i % 7 == 0)
			assert_int_equal(mkdirat(dir.fd, name, 0755), 0);
		else
			put(name);
	}
	assert_int_equal(file_open_dir_at(&dir, "m", &d, NULL), 0);
	assert_int_equal(walk_tree(&d, 64, ordered, last, NULL), 0);
	assert_int_equal(walk_tree(&d, 64, count, &n, NULL), 0);
	assert_int_equal(n, 5000);
	file_close(&d);
}

static enum walk_verdict vanish(void *arg, const struct walk_entry *w, struct err *e)
{
	if (strcmp(w->path, "1") == 0) {
		assert_int_equal(unlinkat(w->parent->fd, "2", 0), 0);
		assert_int_equal(unlinkat(w->parent->fd, "3", AT_REMOVEDIR), 0);
		assert_int_equal(unlinkat(w->parent->fd, "4", 0), 0);
		assert_int_equal(mkdirat(w->parent->fd, "4", 0755), 0);
		assert_int_equal(unlinkat(w->parent->fd, "5", AT_REMOVEDIR), 0);
		assert_int_equal(symlinkat("/etc", w->parent->fd, "5"), 0);
	}
	return note(arg, w, e);
}

/* What changes between listing and looking is an error of its own, and a link put in a directory's place is no way out. */
static void changes_meanwhile(void **state)
{
	struct log l = {.skip = NULL};
	struct file d = FILE_CLOSED;

	(void)state;
	assert_int_equal(file_make_dirs_at(&dir, "v/3", 0755, NULL), 0);
	assert_int_equal(file_make_dirs_at(&dir, "v/5", 0755, NULL), 0);
	put("v/1");
	put("v/2");
	put("v/4");
	assert_int_equal(file_open_dir_at(&dir, "v", &d, NULL), 0);
	assert_int_equal(walk_tree(&d, 64, vanish, &l, NULL), 0);
	assert_string_equal((char *)l.text.data, "-1\n!2 ENOENT\n!3 ENOENT\n!4 ESTALE\n!5 ENOTDIR\n");
	buf_free(&l.text);
	file_close(&d);
}

static unsigned descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

static void leaves_nothing_open(void **state)
{
	struct log l = {.stop = "a/x/1"};
	struct file d = FILE_CLOSED;
	unsigned before = descriptors();

	(void)state;
	assert_int_equal(file_open_dir_at(&dir, "o", &d, NULL), 0);
	assert_int_equal(walk_tree(&d, 64, note, &l, NULL), -1);
	l.stop = NULL;
	assert_int_equal(walk_tree(&d, 64, note, &l, NULL), 0);
	file_close(&d);
	buf_free(&l.text);
	assert_int_equal(descriptors(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order), cmocka_unit_test(empty_directories),
		cmocka_unit_test(links_are_seen_only), cmocka_unit_test(skipping),
		cmocka_unit_test(stopping), cmocka_unit_test(depth), cmocka_unit_test(unreadable), cmocka_unit_test(many),
		cmocka_unit_test(changes_meanwhile), cmocka_unit_test(leaves_nothing_open),
	};

	return cmocka_run_group_tests(tests, make_top, remove_top);
}

/*
 * lib/listing: every name once and never the directory's own two, an end that is told from an error, nothing shared with
 * the directory it was opened from, no way through links.
 */
#include <dirent.h>
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
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/listing.h"

#define MANY 3000	/* more than one reading of the kernel's holds */

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
	struct file parent = FILE_CLOSED;
	char *slash = strrchr(top, '/');
	int rc;

	(void)state;
	file_close(&dir);
	*slash = '\0';
	rc = file_open_dir(top, &parent, NULL);
	if (rc == 0)
		rc = file_remove_tree_at(&parent, slash + 1, NULL);
	file_close(&parent);
	return rc;
}

static void put(const char *path)
{
	int fd = openat(dir.fd, path, O_CREAT | O_WRONLY, 0644);

	assert_true(fd >= 0);
	close(fd);
}

/* A bit for the first letter of each name to come; their number in *n. */
static unsigned letters(struct listing *l, unsigned *n)
{
	struct err e = {0};
	unsigned seen = 0;
	const char *name;
	int rc;

	for (*n = 0; (rc = listing_next(l, &name, &e)) == 1; (*n)++)
		seen |= 1u << (name[0] - 'a');
	assert_int_equal(rc, 0);
	assert_int_equal(e.reason, ERR_NONE);
	return seen;
}

static void every_name_once(void **state)
{
	static bool seen[MANY];
	struct listing l;
	const char *name;
	char path[32];
	unsigned n = 0;

	(void)state;
	assert_int_equal(mkdirat(dir.fd, "d", 0755), 0);
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(path, sizeof path, "d/%u", i);
		put(path);
	}
	assert_int_equal(listing_open_at(&dir, "d", &l, NULL), 0);
	for (; listing_next(&l, &name, NULL) == 1; n++) {
		unsigned long i = strtoul(name, NULL, 10);

		snprintf(path, sizeof path, "%lu", i);
		assert_string_equal(path, name);
		assert_true(i < MANY && !seen[i]);
		seen[i] = true;
	}
	assert_int_equal(n, MANY);
	assert_int_equal(listing_next(&l, &name, NULL), 0);	/* the end stays the end */
	listing_close(&l);
}

/* Only "." and ".." are left out: what merely begins with dots is a name. */
static void names_with_dots(void **state)
{
	struct listing l;
	const char *name;
	unsigned n = 0;

	(void)state;
	put(".a");
	put("...");
	put("..b");
	assert_int_equal(listing_open(&dir, &l, NULL), 0);
	for (; listing_next(&l, &name, NULL) == 1; n++)
		assert_true(strcmp(name, ".a") == 0 || strcmp(name, "...") == 0 || strcmp(name, "..b") == 0);
	assert_int_equal(n, 3);
	listing_close(&l);
}

/* Two at once see everything each, and so does who comes after a reader of the directory's own descriptor. */
static void nothing_shared(void **state)
{
	struct listing one, two;
	const char *name;
	unsigned n;
	DIR *own;

	(void)state;
	put("a");
	put("b");
	put("c");
	own = fdopendir(dup(dir.fd));
	assert_non_null(own);
	while (readdir(own) != NULL)
		;
	closedir(own);
	assert_int_equal(listing_open(&dir, &one, NULL), 0);
	assert_int_equal(listing_next(&one, &name, NULL), 1);
	assert_int_equal(listing_open(&dir, &two, NULL), 0);
	assert_int_equal(letters(&two, &n), 7);
	assert_int_equal(n, 3);
	letters(&one, &n);
	assert_int_equal(n, 2);
	assert_string_equal(one.dir.name, top);
	assert_true(one.dir.fd != dir.fd && fcntl(one.dir.fd, F_GETFD) == FD_CLOEXEC);
	listing_close(&one);
	listing_close(&two);
	assert_int_not_equal(fcntl(dir.fd, F_GETFD), -1);
}

static void what_is_missing(void **state)
{
	struct listing l;
	struct err e = {0};
	const char *name;
	char place[300];

	(void)state;
	put("file");
	assert_int_equal(listing_open_at(&dir, "none", &l, &e), -1);
	assert_int_equal(e.reason, ERR_MISSING);
	snprintf(place, sizeof place, "%s/none: ", top);
	assert_memory_equal(e.text, place, strlen(place));
	assert_int_equal(l.dir.fd, -1);
	listing_close(&l);

	err_clear(&e);
	assert_int_equal(listing_open_maybe(&dir, "none", &l, &e), 0);
	assert_int_equal(listing_next(&l, &name, &e), 0);
	assert_int_equal(e.reason, ERR_NONE);
	listing_close(&l);

	assert_int_equal(listing_open_maybe(&dir, "file", &l, &e), -1);	/* is there, and no directory */
	assert_int_equal(e.reason, ERR_FILE_TYPE);
	listing_close(&l);
	assert_int_equal(listing_open_maybe(&dir, "file", &l, NULL), -1);
}

static void no_link_is_followed(void **state)
{
	struct listing l;
	struct err e = {0};

	(void)state;
	assert_int_equal(mkdirat(dir.fd, "d", 0755), 0);
	assert_int_equal(symlinkat("d", dir.fd, "l"), 0);
	assert_int_equal(listing_open_at(&dir, "l", &l, &e), -1);
	assert_int_equal(e.reason, ERR_FILE_TYPE);
	err_clear(&e);
	assert_int_equal(listing_open_maybe(&dir, "l", &l, &e), -1);
	assert_int_equal(e.reason, ERR_FILE_TYPE);
	err_clear(&e);
	assert_int_equal(listing_open_at(&dir, "..", &l, &e), -1);
	assert_int_equal(e.reason, ERR_FILE_TYPE);
	assert_int_equal(listing_is_empty(&dir, "l", NULL), -1);
}

/* An error in the middle is no end: the stream's descriptor is made one of a file behind its back. */
static void an_error_is_no_end(void **state)
{
	struct listing l;
	struct err e = {0};
	const char *name;
	char place[300];
	int file;

	(void)state;
	put("a");
	assert_int_equal(listing_open(&dir, &l, &e), 0);
	file = openat(dir.fd, "a", O_RDONLY | O_CLOEXEC);
	assert_true(file >= 0 && dup3(file, l.dir.fd, O_CLOEXEC) == l.dir.fd);
	close(file);
	assert_int_equal(listing_next(&l, &name, &e), -1);
	assert_int_equal(e.sys, ENOTDIR);
	snprintf(place, sizeof place, "%s: ", top);
	assert_memory_equal(e.text, place, strlen(place));
	listing_close(&l);
}

static void closing(void **state)
{
	struct listing l = LISTING_CLOSED;
	const char *name;
	int fd;

	(void)state;
	listing_close(&l);
	assert_int_equal(listing_next(&l, &name, NULL), 0);
	assert_int_equal(listing_open(&dir, &l, NULL), 0);
	fd = l.dir.fd;
	listing_close(&l);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	listing_close(&l);
	assert_int_equal(listing_next(&l, &name, NULL), 0);
}

static void what_is_empty(void **state)
{
	struct err e = {0};

	(void)state;
	assert_int_equal(listing_is_empty(&dir, ".", &e), 1);
	assert_int_equal(mkdirat(dir.fd, "d", 0755), 0);
	assert_int_equal(listing_is_empty(&dir, ".", &e), 0);
	assert_int_equal(listing_is_empty(&dir, "d", &e), 1);
	put("d/.hidden");
	assert_int_equal(listing_is_empty(&dir, "d", &e), 0);
	assert_int_equal(listing_is_empty(&dir, "none", &e), -1);
	assert_int_equal(e.reason, ERR_MISSING);
}

static void which_are_directories(void **state)
{
	struct listing l;
	const char *name;
	unsigned n = 0;

	(void)state;
	assert_int_equal(mkdirat(dir.fd, "d", 0755), 0);
	assert_int_equal(symlinkat("d", dir.fd, "l"), 0);
	put("f");
	assert_int_equal(listing_open(&dir, &l, NULL), 0);
	for (; listing_next(&l, &name, NULL) == 1; n++)
		assert_int_equal(listing_is_dir(&l), strcmp(name, "d") == 0);
	assert_int_equal(n, 3);
	listing_close(&l);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, make_top, remove_top)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(every_name_once), CASE(names_with_dots), CASE(nothing_shared), CASE(what_is_missing),
		CASE(no_link_is_followed), CASE(an_error_is_no_end), CASE(closing), CASE(what_is_empty),
		CASE(which_are_directories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Names that a file system which folds case takes for one. Here two calls fold, in place of a file system. */
#include <dlfcn.h>
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

#include "import/folding.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/path.h"
#include "manifests/reason.h"

static bool folds;
static char path[256];
static struct file store = FILE_CLOSED;

static const char *fold(const char *name, char out[PATH_MAX_LEN + 64])
{
	snprintf(out, PATH_MAX_LEN + 64, "%s", name);
	for (char *c = out; folds && *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c + 'a' - 'A');
	return out;
}

/* These stand before the C library's. */
int mkdirat(int dir, const char *name, mode_t mode)
{
	int (*real)(int, const char *, mode_t) = (int (*)(int, const char *, mode_t))dlsym(RTLD_NEXT, "mkdirat");
	char lower[PATH_MAX_LEN + 64];

	return real(dir, fold(name, lower), mode);
}

int fstatat(int dir, const char *restrict name, struct stat *restrict st, int flags)
{
	int (*real)(int, const char *, struct stat *, int) = (int (*)(int, const char *, struct stat *, int))dlsym(RTLD_NEXT, "fstatat64");
	char lower[PATH_MAX_LEN + 64];

	return real(dir, fold(name, lower), st, flags);
}

static int setup(void **state)
{
	(void)state;
	snprintf(path, sizeof path, "%s/satchel-folding.XXXXXX", getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	if (mkdtemp(path) == NULL || file_open_dir(path, &store, NULL) == -1)
		return -1;
	return file_make_dir_at(&store, "stage", 0700, NULL);
}

static int teardown(void **state)
{
	(void)state;
	folds = false;
	file_remove_tree_at(&store, "stage", NULL);
	file_close(&store);
	return rmdir(path);
}

static void tells_whether_it_folds(void **state)
{
	(void)state;
	assert_false(folding_is(&store));
	folds = true;
	assert_true(folding_is(&store));
	folds = false;
	assert_int_equal(file_make_dir_at(&store, "STAGE", 0700, NULL), 0);	/* somebody's own */
	assert_false(folding_is(&store));
	file_remove_tree_at(&store, "STAGE", NULL);
}

/* Tries names in order; the last of them is the one that must be refused, or none. */
static void try_all(const char *const *names, bool refused)
{
	struct folding *f = folding_open(&store, NULL);
	struct stat st;

	assert_non_null(f);
	for (; *names != NULL; names++) {
		struct err e = {0};
		bool bad = refused && names[1] == NULL;

		assert_int_equal(folding_try(f, *names, &e), bad ? -1 : 0);
		assert_int_equal(e.reason, bad ? R_NAME : ERR_NONE);
		err_clear(&e);
	}
	assert_int_equal(folding_close(f, NULL), 0);
	assert_int_equal(fstatat(store.fd, "stage/names", &st, AT_SYMLINK_NOFOLLOW), -1);
}

static void names_that_fold(void **state)
{
	static const char *const apart[] = {"a/B", "a/Bc/d", "a/Bc/e/f", "a/Bc/e/g", "a/c", "b/B", NULL};
	static const char *const files[] = {"a/Makefile", "a/makefile", NULL};
	static const char *const folders[] = {"a/B/c/d", "a/b/x", NULL};
	static const char *const mixed[] = {"A", "a/x", NULL};
	static const char *const *const all[] = {files, folders, mixed};

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		try_all(all[i], false);
	folds = true;
	try_all(apart, false);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		try_all(all[i], true);
}

/* What a killed run left is no name that was tried. */
static void begins_anew(void **state)
{
	static const char *const one[] = {"a/b", NULL};

	(void)state;
	assert_int_equal(file_make_dirs_at(&store, "stage/names/a/b", 0700, NULL), 0);
	try_all(one, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(tells_whether_it_folds, setup, teardown),
		cmocka_unit_test_setup_teardown(names_that_fold, setup, teardown),
		cmocka_unit_test_setup_teardown(begins_anew, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The medium: what lies there is written to only where it is ours, nothing is followed, what an interrupted run left is
 * used where it is right and replaced where it is not, and removing leaves nothing.
 */
#include "export/medium.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "manifests/reason.h"

#define NAME "updates-00000001"

static char top[64];
static struct file dir, station;

static int begin(void **state)
{
	struct err e = {0};

	(void)state;
	snprintf(top, sizeof top, "/tmp/satchel-medium.XXXXXX");
	if (!mkdtemp(top) || file_open_dir(top, &dir, &e) == -1 || file_make_dirs_at(&dir, "station/objects", 0755, &e) == -1 ||
	    file_make_dirs_at(&dir, "medium", 0755, &e) == -1)
		return -1;
	return file_open_dir_at(&dir, "station", &station, &e);
}

static int finish(void **state)
{
	struct err e = {0};

	(void)state;
	file_remove_tree_at(&dir, "medium", &e);
	file_remove_tree_at(&dir, "station", &e);
	file_close(&dir);
	file_close(&station);
	return rmdir(top);
}

static const char *at(const char *path)
{
	static char out[256];

	snprintf(out, sizeof out, "%s/%s", top, path);
	return out;
}

static void put(const char *path, const char *text)
{
	FILE *f = fopen(at(path), "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void has(const char *path, const char *text)
{
	struct buf b = {0};
	struct err e = {0};

	assert_int_equal(file_read_all_at(&dir, path, 1000, &b, &e), 0);
	assert_string_equal((char *)b.data, text);
	buf_free(&b);
}

static void refused(const char *path, int reason)
{
	struct medium m;
	struct err e = {0};

	assert_int_equal(medium_open(at(path), &station, MEDIUM_FILL, &m, &e), -1);
	assert_int_equal(e.reason, reason);
	medium_close(&m);
}

static void places_that_are_no_medium(void **state)
{
	(void)state;
	put("file", "x");
	refused("nowhere", R_MEDIUM_MISSING);
	refused("file", R_MEDIUM_MISSING);
	refused("station", R_STORE_ON_MEDIUM);
	refused("station/objects", R_STORE_ON_MEDIUM);
	refused("", R_STORE_ON_MEDIUM);
	assert_int_equal(unlink(at("file")), 0);
}

/* M12b: a link or a file where we write. */
static void planted_things(void **state)
{
	(void)state;
	assert_int_equal(symlink("../station", at("medium/satchel")), 0);
	refused("medium", ERR_FILE_TYPE);
	assert_int_equal(unlink(at("medium/satchel")), 0);
	put("medium/satchel", "x");
	refused("medium", ERR_FILE_TYPE);
	assert_int_equal(unlink(at("medium/satchel")), 0);
}

static void open_bundle(struct medium *m, bool resume)
{
	struct err e = {0};

	assert_int_equal(medium_open(at("medium"), &station, MEDIUM_FILL, m, &e), 0);
	assert_int_equal(medium_begin(m, NAME, resume, &e), 0);
}

static void written_synced_removed(void **state)
{
	struct medium m;
	struct err e = {0};

	(void)state;
	open_bundle(&m, false);
	assert_int_equal(medium_put(&m, "a", "hello", 5, &e), 0);
	assert_int_equal(medium_put(&m, "empty", "", 0, &e), 0);
	assert_int_equal(medium_sync(&m, &e), 0);
	has("medium/satchel/" NAME "/a", "hello");
	assert_int_equal(medium_check(&m, "a", "hello", 5, &e), 0);
	assert_int_equal(medium_check(&m, "a", "hellO", 5, &e), -1);
	assert_int_equal(e.reason, R_READ_BACK);
	err_clear(&e);
	assert_int_equal(medium_check(&m, "a", "hell", 4, &e), -1);
	assert_int_equal(e.reason, R_READ_BACK);
	err_clear(&e);
	assert_int_equal(medium_has(&m, NAME, &e), 1);
	assert_int_equal(medium_remove(&m, &e), 0);
	assert_int_equal(access(at("medium/satchel"), F_OK), -1);
	medium_close(&m);
}

static void what_is_there_is_not_ours(void **state)
{
	struct medium m;
	struct err e = {0};

	(void)state;
	assert_int_equal(file_make_dirs_at(&dir, "medium/satchel/" NAME, 0755, &e), 0);
	assert_int_equal(medium_open(at("medium"), &station, MEDIUM_FILL, &m, &e), 0);
	assert_int_equal(medium_begin(&m, NAME, false, &e), -1);
	assert_int_equal(e.reason, R_MEDIUM_WRITE);
	err_clear(&e);
	assert_int_equal(medium_remove(&m, &e), 0);	/* nothing was begun: nothing goes */
	assert_int_equal(access(at("medium/satchel/" NAME), F_OK), 0);
	medium_close(&m);
	assert_int_equal(file_remove_tree_at(&dir, "medium/satchel", &e), 0);
}

static void resuming(void **state)
{
	const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	struct medium m;
	struct stat st;
	struct err e = {0};

	(void)state;
	open_bundle(&m, false);
	assert_int_equal(medium_put(&m, "same", "unchanged", 9, &e), 0);
	assert_int_equal(medium_put(&m, "longer", "0123456789", 10, &e), 0);
	assert_int_equal(medium_put(&m, "shorter", "01", 2, &e), 0);
	assert_int_equal(medium_put(&m, "manifest.yaml", "m", 1, &e), 0);
	assert_int_equal(medium_put(&m, "manifest.yaml.abc.sig", "s", 1, &e), 0);
	medium_close(&m);
	put("medium/outside", "untouched");
	{
		char from[256];

		snprintf(from, sizeof from, "%s", at("medium/outside"));
		assert_int_equal(link(from, at("medium/satchel/" NAME "/hard")), 0);
	}
	assert_int_equal(symlink("../../outside", at("medium/satchel/" NAME "/soft")), 0);
	assert_int_equal(utimensat(AT_FDCWD, at("medium/satchel/" NAME "/same"), old, 0), 0);

	open_bundle(&m, true);
	assert_int_equal(access(at("medium/satchel/" NAME "/manifest.yaml"), F_OK), -1);
	assert_int_equal(access(at("medium/satchel/" NAME "/manifest.yaml.abc.sig"), F_OK), -1);
	assert_int_equal(medium_put(&m, "same", "unchanged", 9, &e), 0);
	assert_int_equal(medium_put(&m, "longer", "0123x", 5, &e), 0);
	assert_int_equal(medium_put(&m, "shorter", "0123", 4, &e), 0);
	assert_int_equal(medium_put(&m, "hard", "mine", 4, &e), 0);
	assert_int_equal(medium_put(&m, "soft", "mine", 4, &e), 0);
	assert_int_equal(stat(at("medium/satchel/" NAME "/same"), &st), 0);
	assert_int_equal(st.st_mtim.tv_sec, 1000);	/* not written again */
	has("medium/satchel/" NAME "/longer", "0123x");
	has("medium/satchel/" NAME "/shorter", "0123");
	has("medium/satchel/" NAME "/hard", "mine");
	has("medium/satchel/" NAME "/soft", "mine");
	has("medium/outside", "untouched");
	assert_int_equal(medium_remove(&m, &e), 0);
	assert_int_equal(access(at("medium/satchel"), F_OK), 0);	/* was there before */
	assert_int_equal(access(at("medium/satchel/" NAME), F_OK), -1);
	medium_close(&m);
}

/* --medium-size: what the files take, in blocks of their own, and their names. */
static void limit(void **state)
{
	static uint8_t bytes[MEDIUM_UNIT + 1];
	struct medium m;
	struct err e = {0};
	uint64_t two;

	(void)state;
	assert_int_equal(medium_open(at("medium"), &station, MEDIUM_FILL, &m, &e), 0);
	assert_true(m.unit >= MEDIUM_UNIT);
	m.unit = MEDIUM_UNIT;
	two = medium_takes(&m, 0, 0) + medium_file_takes(&m, 1) + medium_file_takes(&m, sizeof bytes);
	assert_true(two >= 3 * MEDIUM_UNIT && two <= medium_takes(&m, 2, 1 + sizeof bytes));
	m.limit = two;
	assert_int_equal(medium_begin(&m, NAME, false, &e), 0);
	assert_int_equal(medium_put(&m, "a", "x", 1, &e), 0);
	assert_int_equal(medium_put(&m, "b", bytes, sizeof bytes, &e), 0);	/* just as much */
	assert_int_equal(medium_put(&m, "c", "x", 1, &e), -1);
	assert_int_equal(e.reason, ERR_NO_SPACE);
	err_clear(&e);
	assert_int_equal(medium_remove(&m, &e), 0);
	m.limit = two - 1;
	assert_int_equal(medium_begin(&m, NAME, false, &e), 0);
	assert_int_equal(medium_put(&m, "a", "x", 1, &e), 0);
	assert_int_equal(medium_put(&m, "b", bytes, sizeof bytes, &e), -1);
	assert_int_equal(e.reason, ERR_NO_SPACE);
	err_clear(&e);
	assert_int_equal(medium_remove(&m, &e), 0);
	medium_close(&m);
}

/* What is only looked at is not what was begun. */
static void looking(void **state)
{
	struct medium m, there;
	struct err e = {0};

	(void)state;
	open_bundle(&m, false);
	assert_int_equal(medium_put(&m, "manifest.yaml", "m", 1, &e), 0);
	medium_close(&m);
	assert_int_equal(medium_open(at("medium"), &station, MEDIUM_FILL, &m, &e), 0);
	assert_int_equal(medium_enter(&m, NAME, &there, &e), 0);
	assert_int_equal(medium_check(&there, "manifest.yaml", "m", 1, &e), 0);
	assert_int_equal(medium_remove(&m, &e), 0);
	has("medium/satchel/" NAME "/manifest.yaml", "m");
	medium_close(&there);
	assert_int_equal(medium_enter(&m, "updates-00000002", &there, &e), -1);
	err_clear(&e);
	medium_close(&there);
	medium_close(&m);
	assert_int_equal(file_remove_tree_at(&dir, "medium/satchel", &e), 0);
}

/* While a manifest can't be removed all of it is left: nothing looks like a bundle and lacks a volume. */
static void what_keeps_its_manifest(void **state)
{
	struct medium m;
	struct err e = {0};

	(void)state;
	open_bundle(&m, false);
	assert_int_equal(medium_put(&m, "vol-0001.tar.zst", "v", 1, &e), 0);
	assert_int_equal(mkdir(at("medium/satchel/" NAME "/manifest.yaml"), 0755), 0);	/* which unlink refuses */
	assert_int_equal(medium_remove(&m, &e), -1);
	err_clear(&e);
	has("medium/satchel/" NAME "/vol-0001.tar.zst", "v");
	medium_close(&m);
	assert_int_equal(file_remove_tree_at(&dir, "medium/satchel", &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_that_are_no_medium),
		cmocka_unit_test(planted_things),
		cmocka_unit_test(written_synced_removed),
		cmocka_unit_test(what_is_there_is_not_ours),
		cmocka_unit_test(resuming),
		cmocka_unit_test(limit),
		cmocka_unit_test(looking),
		cmocka_unit_test(what_keeps_its_manifest),
	};

	return cmocka_run_group_tests(tests, begin, finish);
}

/*
 * Two trees that get the same at once: names for an object in both (objects_link, import/links.h), and the first publication
 * where one of them was begun already.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "import/links.h"
#include "import/objects.h"
#include "import/publish.h"
#include "lib/err.h"
#include "lib/file.h"
#include "tests/unit/world.h"

#include "lib/banned.h"

struct twins {
	struct bare_store store;
	struct file dirs[2];	/* one/, two/ */
};

static int setup(void **state)
{
	struct twins *t = calloc(1, sizeof *t);
	static const char *const names[] = {"one", "two"};
	struct err e = {0};

	world_seed = 1;
	world_make(&t->store);
	for (int i = 0; i < 2; i++) {
		bare_store_must(file_make_dir_at(&t->store.store.dir, names[i], 0755, &e), &e);
		bare_store_must(file_open_dir_at(&t->store.store.dir, names[i], &t->dirs[i], &e), &e);
	}
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct twins *t = *state;

	file_close(&t->dirs[0]);
	file_close(&t->dirs[1]);
	bare_store_remove(&t->store);
	free(t);
	return 0;
}

/* ---- names ---- */

static struct record record_of(const struct digest *d, int64_t mtime)
{
	return (struct record){.path = (char *)"name", .has_file = true, .sha256 = *d, .mtime = mtime};
}

static struct stat look(const struct twins *t, const char *path)
{
	struct stat st;

	assert_int_equal(lstat(bare_store_path(&t->store, path), &st), 0);
	return st;
}

static void write_name(const struct bare_store *s, const char *path)
{
	FILE *f = fopen(bare_store_path(s, path), "w");

	assert_non_null(f);
	fclose(f);
}

static void names_in_both(void **state)
{
	struct twins *t = *state;
	struct digest d = bare_store_put(&t->store, "abc", 3);
	struct err e = {0};

	bare_store_must(objects_link(t->store.objects, &d, false, 1000, t->dirs, 2, "name", &e), &e);
	assert_int_equal(look(t, "one/name").st_ino, look(t, "two/name").st_ino);
	assert_int_equal(look(t, "one/name").st_nlink, 3);
	assert_int_equal(look(t, "one/name").st_mtim.tv_sec, 1000);
	/* a further name leaves the time, and what is there stays */
	assert_int_equal(unlink(bare_store_path(&t->store, "one/name")), 0);
	bare_store_must(objects_link(t->store.objects, &d, false, 2000, t->dirs, 2, "name", &e), &e);
	assert_int_equal(look(t, "one/name").st_ino, look(t, "two/name").st_ino);
	assert_int_equal(look(t, "one/name").st_mtim.tv_sec, 1000);
}

static void something_else_gives_way_in_either(void **state)
{
	struct twins *t = *state;
	struct digest d = bare_store_put(&t->store, "abc", 3);
	struct record r = record_of(&d, 1000);
	struct err e = {0};

	for (int i = 0; i < 4; i++) {	/* in none, one, the other, both */
		if (i & 1)
			write_name(&t->store, "one/name");
		if (i & 2)
			assert_int_equal(mkdir(bare_store_path(&t->store, "two/name"), 0755), 0);
		bare_store_must(links_now(t->store.objects, t->dirs, 2, "name", &r, &e), &e);
		assert_int_equal(look(t, "one/name").st_ino, look(t, "two/name").st_ino);
		assert_int_equal(look(t, "one/name").st_nlink, 3);
		assert_int_equal(unlink(bare_store_path(&t->store, "one/name")), 0);
		assert_int_equal(unlink(bare_store_path(&t->store, "two/name")), 0);
	}
}

static void queued_names_in_both(void **state)
{
	struct twins *t = *state;
	struct digest d[3] = {bare_store_put(&t->store, "a", 1), bare_store_put(&t->store, "b", 1), bare_store_put(&t->store, "c", 1)};
	struct err e = {0};
	struct links *l = links_open(t->store.objects, 2, &e);
	char name[16], path[32];

	assert_non_null(l);
	for (int i = 0; i < 9; i++) {
		struct record r = record_of(&d[i % 3], 1000 + i);

		snprintf(name, sizeof name, "n%d", i);
		bare_store_must(links_add(l, 0, t->dirs, name, &r, &e), &e);
	}
	bare_store_must(links_close(l, &e), &e);
	for (int i = 0; i < 9; i++)
		for (int k = 0; k < 2; k++) {
			snprintf(path, sizeof path, "%s/n%d", k == 0 ? "one" : "two", i);
			assert_int_equal(look(t, path).st_nlink, 7);
			assert_int_equal(look(t, path).st_mtim.tv_sec, 1000 + i % 3);	/* of the first */
		}
}

/* ---- the first publication ---- */

static void small_world(struct world *w)
{
	world_add_item(w, "pool/o/openssl");
	world_add_record(w, "openssl/bin/run", 'x', 1);
	world_add_record(w, "openssl/lib", 'f', 1);
	world_add_record(w, "openssl/link", 'l', 0);
}

static void assert_both(struct bare_store *s, const struct world *w)
{
	assert_false(world_recover(s));	/* nothing is left to do */
	world_assert_tree(world_tree_path(s, 'a'), w);
	world_assert_tree(world_tree_path(s, 'b'), w);
}

/* Trees without a state are begun anew, whatever lies in them. */
static void what_no_state_speaks_of_goes(void **state)
{
	static const char *const trees[] = {"streams/" WORLD_STREAM "/a/tree/strange", "streams/" WORLD_STREAM "/b/tree/strange"};
	struct bare_store *s = &((struct twins *)*state)->store;
	struct world w = {0};

	small_world(&w);
	write_name(s, trees[0]);
	write_name(s, trees[1]);
	assert_true(world_publish(s, &w).switched);
	assert_both(s, &w);
}

/* Both were built, and the switch is lost. */
static void built_and_not_switched(void **state)
{
	struct bare_store *s = &((struct twins *)*state)->store;
	struct world w = {0};
	ino_t inode;
	struct stat st;

	small_world(&w);
	world_publish(s, &w);
	assert_int_equal(unlink(bare_store_path(s, "streams/" WORLD_STREAM "/current")), 0);
	assert_int_equal(stat(bare_store_path(s, "streams/" WORLD_STREAM "/b/tree/pool"), &st), 0);
	inode = st.st_ino;
	assert_true(world_publish(s, &w).switched);
	assert_both(s, &w);
	assert_int_equal(stat(bare_store_path(s, "streams/" WORLD_STREAM "/b/tree/pool"), &st), 0);
	assert_int_equal(st.st_ino, inode);	/* neither was built anew */
}

/* One holds something, the other has lost its state: each goes its own way. */
static void one_holds_something(void **state)
{
	struct bare_store *s = &((struct twins *)*state)->store;
	struct world before = {0}, w = {0};

	for (int tree = 0; tree < 2; tree++) {
		char path[64];

		memset(&before, 0, sizeof before);
		memset(&w, 0, sizeof w);
		world_add_item(&before, "other");
		world_add_record(&before, "other", 'f', 2);
		small_world(&w);
		world_publish(s, &before);
		assert_int_equal(unlink(bare_store_path(s, "streams/" WORLD_STREAM "/current")), 0);
		snprintf(path, sizeof path, "streams/" WORLD_STREAM "/%c/state.yaml", "ab"[tree]);
		assert_int_equal(unlink(bare_store_path(s, path)), 0);
		assert_true(world_publish(s, &w).switched);
		assert_both(s, &w);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(names_in_both), T(something_else_gives_way_in_either), T(queued_names_in_both), T(what_no_state_speaks_of_goes),
		T(built_and_not_switched), T(one_holds_something),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

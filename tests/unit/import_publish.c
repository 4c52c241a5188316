/*
 * Tests of import/publish*.c and tree.c against a model (tests/unit/world.h): the published tree is exactly the world that
 * was asked for, whatever came before. Interruptions: import_publish_killed.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "import/objects.h"
#include "import/publish.h"
#include "lib/digests.h"
#include "lib/err.h"
#include "manifests/contents.h"
#include "manifests/reason.h"
#include "tests/unit/world.h"

#include "lib/banned.h"

static int setup(void **state)
{
	struct bare_store *s = calloc(1, sizeof *s);

	world_seed = 1;
	world_make(s);
	*state = s;
	return 0;
}

/* ---- tests ---- */

static void init_is_idempotent(void **state)
{
	struct bare_store *s = *state;
	char target[64] = "";
	struct err e = {0};

	bare_store_must(publish_init(&s->store.dir, WORLD_STREAM, &e), &e);
	assert_true(readlink(world_published(s), target, sizeof target - 1) > 0);
	assert_string_equal(target, "../streams/" WORLD_STREAM "/current/tree");
	assert_int_equal(world_current(s), 0);
	assert_int_equal(unlink(world_published(s)), 0);
	assert_int_equal(symlink("elsewhere", world_published(s)), 0);
	assert_int_equal(publish_init(&s->store.dir, WORLD_STREAM, &e), -1);
	assert_int_equal(e.reason, ERR_CONFIG);
}

static void first_publication_builds_both_trees(void **state)
{
	struct bare_store *s = *state;
	struct world w = {0};
	mode_t umask_before = umask(077);
	struct publish_result r;

	world_add_item(&w, "pool/o/openssl");
	world_add_record(&w, "openssl/bin/run", 'x', 1);
	world_add_record(&w, "openssl/empty", 'd', 0);
	world_add_record(&w, "openssl/lib", 'f', 1);
	world_add_record(&w, "openssl/link", 'l', 0);
	r = world_publish(s, &w);
	umask(umask_before);
	assert_true(r.switched);
	assert_int_equal(r.items_added, 1);
	assert_int_equal(r.items_changed + r.items_removed, 0);
	world_assert_tree(world_tree_path(s, 'a'), &w);
	world_assert_tree(world_tree_path(s, 'b'), &w);
	r = world_publish(s, &w);
	assert_false(r.switched);
	assert_int_equal(r.items_added + r.items_changed + r.items_removed, 0);
}

static void nothing_to_publish_is_an_empty_tree(void **state)
{
	struct world w = {0};

	world_publish(*state, &w);
	assert_int_not_equal(world_current(*state), 0);
}

/* Only waiting and the lists change: the words do, the tree does not. */
static void equal_items_replace_state_alone(void **state)
{
	struct bare_store *s = *state;
	struct state_item items[WORLD_ITEMS];
	struct state want, *is = NULL;
	struct world w = {0};
	struct err e = {0};
	char before;

	world_add_item(&w, "a");
	world_add_record(&w, "a", 'f', 1);
	world_publish(s, &w);
	before = world_current(s);
	world_state(s, &w, &want, items);
	want.time++;
	want.missing_total = 3;
	items[0].revision = 9;
	assert_false(world_update(s, &want).switched);
	assert_int_equal(world_current(s), before);
	assert_int_equal(state_load(&s->store, WORLD_STREAM, before, &is, &e), 0);
	assert_int_equal(is->missing_total, 3);
	assert_int_equal(is->items[0].revision, 9);
	state_free(is);
}

static void nested_or_unsorted_items_are_refused(void **state)
{
	struct bare_store *s = *state;
	struct state_item items[WORLD_ITEMS], swap;
	struct publish_result r;
	struct world w = {0};
	struct err e = {0};
	struct state want;

	world_add_item(&w, "a");
	world_add_record(&w, "a/x", 'f', 1);
	world_add_item(&w, "a-b");
	world_add_record(&w, "a-b", 'f', 1);
	world_add_item(&w, "a/b");
	world_add_record(&w, "b", 'f', 1);
	world_state(s, &w, &want, items);
	assert_int_equal(publish_update(&s->store, s->objects, &want, &r, &e), -1);
	assert_int_equal(e.reason, ERR_INTERNAL);
	err_clear(&e);
	swap = items[0];
	items[0] = items[1];
	items[1] = swap;
	want.items_n = 2;
	assert_int_equal(publish_update(&s->store, s->objects, &want, &r, &e), -1);
	assert_int_equal(e.reason, ERR_INTERNAL);
	assert_int_equal(world_current(s), 0);
}

static void result_counts_items(void **state)
{
	struct world w = {0}, next = {0};
	struct publish_result r;

	world_add_item(&w, "changed");
	world_add_record(&w, "changed", 'f', 1);
	world_add_item(&w, "gone");
	world_add_record(&w, "gone", 'f', 1);
	world_add_item(&w, "same");
	world_add_record(&w, "same", 'f', 1);
	world_publish(*state, &w);
	world_add_item(&next, "changed");
	world_add_record(&next, "changed", 'f', 2);
	world_add_item(&next, "new");
	world_add_record(&next, "new", 'f', 2);
	world_add_item(&next, "new 2");
	world_add_record(&next, "new 2", 'f', 2);
	world_add_item(&next, "same");
	world_add_record(&next, "same", 'f', 1);
	r = world_publish(*state, &next);
	assert_int_equal(r.items_added, 2);
	assert_int_equal(r.items_removed, 1);
	assert_int_equal(r.items_changed, 1);
}

/* ---- damage ---- */

/* Fills a world with two items and publishes three states of them, so that both trees hold something. */
static void publish_some(struct bare_store *s, struct world *first, struct world *second)
{
	*first = *second = (struct world){0};
	world_add_item(first, "a");
	world_add_record(first, "a/one", 'f', 1);
	world_add_record(first, "a/two", 'x', 2);
	world_add_item(first, "b");
	world_add_record(first, "b", 'f', 3);
	*second = *first;
	second->items[0].list[0].data = 5;
	world_publish(s, first);
	world_publish(s, second);
}

static struct digest contents_of(struct bare_store *s, const struct world_item *it)
{
	struct err e = {0};
	struct digest d;

	bare_store_must(objects_begin(s->objects, &e), &e);
	d = world_put_item(s, it).sha256;
	bare_store_must(objects_settle(s->objects, &e), &e);
	return d;
}

/* The list of what a tree held is pruned or damaged: the item's tree goes as a whole. */
static void former_list_is_gone(void **state)
{
	struct bare_store *s = *state;
	struct world first, second, third = {0};
	struct digest d;

	for (int damaged = 0; damaged < 2; damaged++) {
		publish_some(s, &first, &second);
		d = contents_of(s, &first.items[0]);	/* held by the tree that is built next */
		if (damaged)
			assert_int_equal(truncate(bare_store_object(s, &d, ""), 30), 0);
		else
			assert_int_equal(unlink(bare_store_object(s, &d, "")), 0);
		third = second;
		third.items[0].list[1].data = 7;
		world_publish(s, &third);
		unlink(bare_store_object(s, &d, ""));
		world_publish(s, &first);
	}
}

static void wanted_list_is_gone(void **state)
{
	struct bare_store *s = *state;
	struct world first, second, third;
	struct state_item items[WORLD_ITEMS];
	struct publish_result r;
	struct err e = {0};
	struct state want;

	publish_some(s, &first, &second);
	third = second;
	third.items[1].list[0].data = 9;
	world_state(s, &third, &want, items);
	assert_int_equal(unlink(bare_store_object(s, &items[1].contents, "")), 0);
	assert_int_equal(publish_update(&s->store, s->objects, &want, &r, &e), -1);
	assert_int_equal(e.reason, R_OBJECT_MISSING);
	world_assert_tree(world_published(s), &second);
	/* the next run isn't stopped by it, and when the list has come again all is well */
	assert_true(world_recover(s));
	world_assert_tree(world_published(s), &second);
	world_publish(s, &third);
	world_publish(s, &first);
}

/* Strange things in the tree that is built next give way where they are in the way. */
static void strange_things_give_way(void **state)
{
	struct bare_store *s = *state;
	struct world first, second, third;
	char path[256];

	publish_some(s, &first, &second);
	third = second;
	world_add_item(&third, "c");
	world_add_record(&third, "c/d/x", 'f', 1);
	world_add_record(&third, "c/e", 'l', 1);
	snprintf(path, sizeof path, "%s/c", world_tree_path(s, world_other(s)));
	assert_int_equal(symlink("/etc", path), 0);
	world_publish(s, &third);
	third.items[2].list[0].data = 4;
	world_add_record(&third, "c/f", 'f', 1);
	snprintf(path, sizeof path, "%s/c", world_tree_path(s, world_other(s)));
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof path, "%s/c/e", world_tree_path(s, world_other(s)));
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof path, "%s/c/f", world_tree_path(s, world_other(s)));
	assert_int_equal(symlink("/etc/passwd", path), 0);
	world_publish(s, &third);
}

static void damage(struct bare_store *s, const struct digest *d)
{
	assert_int_equal(chmod(bare_store_object(s, d, ""), 0644), 0);
	assert_int_equal(truncate(bare_store_object(s, d, ""), 1), 0);
	assert_int_equal(syscall(SYS_renameat, AT_FDCWD, bare_store_object(s, d, ""), AT_FDCWD, bare_store_path(s, "undo/bad")), 0);
	assert_int_equal(close(open(bare_store_object(s, d, ".lost"), O_WRONLY | O_CREAT, 0444)), 0);
	bare_store_reopen(s);	/* another program's doing */
}

static void healed_objects_get_their_names_back(void **state)
{
	struct bare_store *s = *state;
	struct world first, second, third;
	struct state_item items[WORLD_ITEMS];
	struct digest d = world_data_digest(3);
	struct digests healed = {0};
	struct err e = {0};
	struct state want;

	publish_some(s, &first, &second);
	third = second;
	world_add_item(&third, "c");
	world_add_record(&third, "c/again", 'f', 3);
	world_add_record(&third, "c/other", 'f', 4);
	world_state(s, &third, &want, items);
	damage(s, &d);
	assert_false(world_tree_is(world_published(s), &second));
	/* a lost object counts as received: what is published meanwhile lacks that name */
	assert_true(world_update(s, &want).switched);
	assert_int_equal(access(bare_store_path(s, "published/" WORLD_STREAM "/c/again"), F_OK), -1);
	assert_int_equal(access(bare_store_path(s, "published/" WORLD_STREAM "/c/other"), F_OK), 0);
	bare_store_must(objects_begin(s->objects, &e), &e);
	world_put_data(s, 3);
	bare_store_must(objects_settle(s->objects, &e), &e);
	assert_false(world_recover(s));	/* interrupted here */
	bare_store_must(objects_healed(s->objects, &healed, &e), &e);
	bare_store_must(publish_heal(&s->store, s->objects, WORLD_STREAM, healed.list, healed.n, NULL, &e), &e);
	digests_free(&healed);
	bare_store_must(objects_healed_done(s->objects, &e), &e);
	world_assert_tree(world_published(s), &third);
	world_assert_tree(world_tree_path(s, world_other(s)), &second);
	world_publish(s, &first);
}

/* ---- objects that are not durable yet ---- */

static bool unsettled(struct bare_store *s)
{
	struct err e = {0};
	int rc = objects_unsettled(s->objects, &e);

	bare_store_must(rc, &e);
	return rc == 1;
}

/* Before anything is said of them, or done in a tree that is served. */
static void objects_are_settled_first(void **state)
{
	struct bare_store *s = *state;
	const struct digest d = world_data_digest(3);
	struct digests healed = {0};
	struct world first, second;
	struct state_item items[WORLD_ITEMS];
	struct err e = {0};
	struct state want;

	publish_some(s, &first, &second);
	world_state_unsettled(s, &second, &want, items);
	assert_true(unsettled(s));
	assert_false(world_update(s, &want).switched);	/* its state alone */
	assert_false(unsettled(s));
	world_state_unsettled(s, &first, &want, items);
	assert_true(world_update(s, &want).switched);
	assert_false(unsettled(s));
	damage(s, &d);
	bare_store_must(objects_begin(s->objects, &e), &e);
	world_put_data(s, 3);
	bare_store_must(objects_healed(s->objects, &healed, &e), &e);
	assert_int_equal(healed.n, 1);
	assert_true(unsettled(s));
	bare_store_must(publish_heal(&s->store, s->objects, WORLD_STREAM, healed.list, healed.n, NULL, &e), &e);
	digests_free(&healed);
	assert_false(unsettled(s));
	world_assert_tree(world_published(s), &first);
}

/* ---- size ---- */

#define FOLD 80000

/* ext4 allows 65,000 names for an inode. Two trees, and the object's own name. */
static void one_object_of_80000_names(void **state)
{
	struct bare_store *s = *state;
	static char stream[] = WORLD_STREAM, name[] = "same";
	struct state_item item = {.item = name, .epoch = 1, .list = 1, .revision = 1};
	struct state want = {.stream = stream, .time = 1790000000, .items = &item, .items_n = 1};
	struct err e = {0};
	struct contents_writer *w = contents_writer_open("same", world_put_document, s->objects, &e);
	const struct digest d = world_data_digest(1);
	struct contents_ref ref;
	struct stat st;
	char path[256];

	bare_store_must(w == NULL ? -1 : 0, &e);
	bare_store_must(objects_begin(s->objects, &e), &e);
	world_put_data(s, 1);
	for (unsigned i = 0; i < FOLD; i++) {
		struct record r = {.path = path, .has_file = true, .has_sha256 = true, .has_mtime = true, .mtime = 5000,
				   .size = 7, .sha256 = d, .exec = i % 100 == 0};

		snprintf(path, sizeof path, "same/%03u/%05u", i / 1000, i);
		bare_store_must(contents_writer_add(w, &r, &e), &e);
	}
	bare_store_must(contents_writer_finish(w, &ref, &e), &e);
	contents_writer_free(w);
	bare_store_must(objects_settle(s->objects, &e), &e);
	item.contents = ref.sha256;
	item.size = ref.size;
	item.files = ref.files;
	item.bytes = ref.bytes;
	assert_true(world_update(s, &want).switched);
	for (char tree = 'a'; tree <= 'b'; tree++)
		for (unsigned i = 0; i < FOLD; i++) {
			snprintf(path, sizeof path, "%s/same/%03u/%05u", world_tree_path(s, tree), i / 1000, i);
			assert_int_equal(lstat(path, &st), 0);
			assert_int_equal(st.st_mode, S_IFREG | (i % 100 == 0 ? 0555 : 0444));
			assert_int_equal(st.st_size, 7);
			assert_int_equal(objects_link_is(s->objects, &d, i % 100 == 0, &st, &e), 1);
		}
	/* and away again */
	want.items_n = 0;
	assert_true(world_update(s, &want).switched);
	assert_int_equal(access(bare_store_path(s, "published/" WORLD_STREAM "/same"), F_OK), -1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, bare_store_teardown)
	const struct CMUnitTest tests[] = {
		T(init_is_idempotent), T(first_publication_builds_both_trees), T(nothing_to_publish_is_an_empty_tree),
		T(equal_items_replace_state_alone), T(nested_or_unsorted_items_are_refused), T(result_counts_items),
		T(former_list_is_gone), T(wanted_list_is_gone), T(strange_things_give_way),
		T(healed_objects_get_their_names_back), T(objects_are_settled_first),
		T(one_object_of_80000_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

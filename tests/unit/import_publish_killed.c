/*
 * Publishing, killed at every step (tests/unit/world.h has the model): the published tree is the old or the new one, never
 * between, and the next run ends right. And any number of worlds one after another, since no sync takes time here.
 *
 * The system calls that change names are defined here and so take the place of libc's in this program: they count, end
 * the process at the Nth, and remember what no sync has made durable, so that a power loss can take any of it back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "import/objects.h"
#include "import/publish.h"
#include "lib/err.h"
#include "lib/path.h"
#include "manifests/contents.h"
#include "tests/unit/world.h"

#include "lib/banned.h"

#define KILLED 77

/* ---- system calls ---- */

enum kind { MADE, MADE_DIR, GONE, GONE_DIR, REPLACED };
struct change {			/* a change of names that is not durable yet */
	enum kind kind;
	char path[600], backup[100];
};
static struct {
	unsigned long calls;
	unsigned long kill_at;	/* 0: never */
	bool power;		/* killed by power loss: changes not synced may be lost */
	const char *store;
	struct change *list;
	size_t n, cap;
} fault;

static void revert(const struct change *c)
{
	switch (c->kind) {
	case MADE:
		syscall(SYS_unlinkat, AT_FDCWD, c->path, 0);
		break;
	case MADE_DIR:
		syscall(SYS_unlinkat, AT_FDCWD, c->path, AT_REMOVEDIR);
		break;
	case REPLACED:	/* by a rename: the old or the new, never neither */
		syscall(SYS_renameat, AT_FDCWD, c->backup, AT_FDCWD, c->path);
		break;
	case GONE:
		syscall(SYS_linkat, AT_FDCWD, c->backup, AT_FDCWD, c->path, 0);
		break;
	default:
		syscall(SYS_mkdirat, AT_FDCWD, c->path, 0755);
	}
}

/* Before each call: whether this is where it ends. */
static void tick(void)
{
	if (++fault.calls != fault.kill_at)
		return;
	if (fault.power)
		for (unsigned odds = 1 + world_rnd(4); fault.n > 0; fault.n--)
			if (world_rnd(odds) == 0)
				revert(&fault.list[fault.n - 1]);
	_exit(KILLED);
}

static void full_path(int dir, const char *name, char out[600])
{
	char link[64], at[400] = "";
	ssize_t n;

	if (name[0] == '/') {
		snprintf(out, 600, "%s", name);
		return;
	}
	snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
	n = readlink(link, at, sizeof at - 1);
	if (n == -1)
		abort();
	at[n] = '\0';
	snprintf(out, 600, "%s/%s", at, name);
}

static void note(enum kind kind, int dir, const char *name, const char *backup)
{
	struct change *c;

	if (!fault.power)
		return;
	if (fault.n == fault.cap) {
		fault.cap = fault.cap * 2 + 64;
		fault.list = realloc(fault.list, fault.cap * sizeof *fault.list);
		if (fault.list == NULL)
			abort();
	}
	c = &fault.list[fault.n++];
	c->kind = kind;
	full_path(dir, name, c->path);
	snprintf(c->backup, sizeof c->backup, "%s", backup);
}

/* A second name for what is about to lose its own. */
static void back_up(int dir, const char *name, char out[100])
{
	static unsigned number;

	out[0] = '\0';
	if (!fault.power)
		return;
	snprintf(out, 100, "%s/undo/%u-%lu", fault.store, ++number, (unsigned long)getpid());
	if (syscall(SYS_linkat, dir, name, AT_FDCWD, out, 0) == -1)
		out[0] = '\0';
}

int linkat(int from_dir, const char *from, int dir, const char *name, int flags)
{
	int rc;

	tick();
	rc = (int)syscall(SYS_linkat, from_dir, from, dir, name, flags);
	if (rc == 0)
		note(MADE, dir, name, "");
	return rc;
}

int symlinkat(const char *target, int dir, const char *name)
{
	int rc;

	tick();
	rc = (int)syscall(SYS_symlinkat, target, dir, name);
	if (rc == 0)
		note(MADE, dir, name, "");
	return rc;
}

int mkdirat(int dir, const char *name, mode_t mode)
{
	int rc;

	tick();
	rc = (int)syscall(SYS_mkdirat, dir, name, mode);
	if (rc == 0)
		note(MADE_DIR, dir, name, "");
	return rc;
}

int unlinkat(int dir, const char *name, int flags)
{
	char backup[100];
	int rc, sys;

	tick();
	back_up(dir, name, backup);
	rc = (int)syscall(SYS_unlinkat, dir, name, flags);
	sys = errno;
	if (rc == 0)
		note((flags & AT_REMOVEDIR) != 0 ? GONE_DIR : GONE, dir, name, backup);
	errno = sys;
	return rc;
}

int renameat(int from_dir, const char *from, int dir, const char *name)
{
	char backup[100];
	int rc, sys;

	tick();
	back_up(dir, name, backup);
	rc = (int)syscall(SYS_renameat, from_dir, from, dir, name);
	sys = errno;
	if (rc == 0)
		note(backup[0] != '\0' ? REPLACED : MADE, dir, name, backup);
	errno = sys;
	return rc;
}

int syncfs(int fd)
{
	(void)fd;
	tick();
	fault.n = 0;
	return 0;
}

/* Of a directory: its own names are durable. */
int fsync(int fd)
{
	char path[600];
	size_t kept = 0;

	tick();
	full_path(fd, "", path);
	for (size_t i = 0; i < fault.n; i++) {
		const char *slash = strrchr(fault.list[i].path, '/');

		if (strncmp(fault.list[i].path, path, (size_t)(slash - fault.list[i].path) + 1) != 0 ||
		    path[slash - fault.list[i].path + 1] != '\0')
			fault.list[kept++] = fault.list[i];
	}
	fault.n = kept;
	return 0;
}

/* ---- without interruption ---- */

/* Each publication leaves the tree it was made in exact, and the former one as it was. */
static void random_worlds(void **state)
{
	struct bare_store store = {0}, *s = &store;
	struct world w[2] = {0};

	(void)state;
	world_seed = 1;
	world_make(s);
	for (int i = 0; i < 400; i++) {
		struct world *now = &w[i % 2], *before = &w[(i + 1) % 2];
		struct publish_result r;

		world_random(now, before);
		r = world_publish(s, now);
		if (r.switched && i > 0)
			world_assert_tree(world_tree_path(s, world_other(s)), before);
		else	/* equal: the next one is compared with the same */
			world_assert_tree(world_tree_path(s, world_current(s)), now);
		if (world_rnd(20) == 0)
			assert_false(world_recover(s));
	}
	bare_store_remove(s);
}

/* ---- interruptions ---- */

/* Backups are names too, which would tell that an object was published. */
static void drop_backups(const struct bare_store *s)
{
	glob_t all;

	if (glob(bare_store_path(s, "undo/*"), 0, NULL, &all) == 0)
		for (size_t i = 0; i < all.gl_pathc; i++)
			assert_int_equal(unlink(all.gl_pathv[i]), 0);
	globfree(&all);
}

/* Runs an update in a child that ends at the nth call; unsettled: it puts the objects itself, whose sync is still to come.
 * Returns whether it got to its end. */
static bool update_until(struct bare_store *s, const struct world *w, bool unsettled, unsigned long n, bool power)
{
	struct state_item items[WORLD_ITEMS];
	struct state want;
	int status;
	pid_t child;

	if (!unsettled)
		world_state(s, w, &want, items);
	child = fork();
	if (child == 0) {
		struct publish_result r;
		struct err e = {0};

		if (unsettled)
			world_state_unsettled(s, w, &want, items);

		fault.store = s->path;
		fault.power = power;
		fault.calls = 0;
		fault.kill_at = n;
		world_seed += n;
		_exit(publish_update(&s->store, s->objects, &want, &r, &e) == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	drop_backups(s);
	assert_true(WIFEXITED(status));
	assert_int_not_equal(WEXITSTATUS(status), 1);
	return WEXITSTATUS(status) == 0;
}

static bool recover_until(struct bare_store *s, unsigned long n, bool power)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		fault.store = s->path;
		fault.power = power;
		fault.calls = 0;
		fault.kill_at = n;
		world_recover(s);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	drop_backups(s);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status) == 0;
}

/* What no sync has proved may be there by half when the power is lost: of objects that were not there before. */
static bool tear(const struct bare_store *s, const glob_t *before)
{
	bool torn = false;
	glob_t now;

	if (access(bare_store_path(s, "stage/receiving"), F_OK) == -1)
		return false;
	assert_int_equal(glob(bare_store_path(s, "objects/*/*"), 0, NULL, &now), 0);
	for (size_t i = 0, k = 0; i < now.gl_pathc; i++) {
		struct stat st;

		while (k < before->gl_pathc && strcmp(before->gl_pathv[k], now.gl_pathv[i]) < 0)
			k++;
		if ((k < before->gl_pathc && strcmp(before->gl_pathv[k], now.gl_pathv[i]) == 0) || world_rnd(3) != 0)
			continue;
		assert_int_equal(stat(now.gl_pathv[i], &st), 0);
		assert_int_equal(truncate(now.gl_pathv[i], st.st_size / 2), 0);
		torn = torn || st.st_size > 0;
	}
	globfree(&now);
	return torn;
}

/* Old or new, never between; and then the same again, or something else, ends right. */
static void check_after_kill(struct bare_store *s, const struct world *old, const struct world *new, unsigned long n, bool power,
			     bool torn)
{
	struct world third;

	if (world_current(s) == 0)
		assert_int_equal(old->n, 0);
	else
		assert_true(world_tree_is(world_published(s), old) || world_tree_is(world_published(s), new));
	if (world_rnd(3) == 0)
		recover_until(s, 1 + world_rnd((unsigned)n), power);
	if (world_recover(s) && !torn)	/* finished, not given up */
		world_assert_tree(world_tree_path(s, world_current(s) == 0 ? 'a' : world_other(s)), new);
	if (world_current(s) != 0)
		assert_true(world_tree_is(world_published(s), old) || world_tree_is(world_published(s), new));
	if (world_rnd(3) == 0) {
		world_random(&third, new);
		world_publish(s, &third);
	}
	world_publish(s, new);
	assert_false(world_recover(s));
	world_random(&third, new);
	world_publish(s, &third);
	world_publish(s, new);	/* in the tree that was being built then, or in the other */
	world_assert_tree(world_tree_path(s, world_current(s)), new);
}

/* Every change of kind between what the tree held and what it shall hold, in records and in items. */
static void changes_of_kind(struct world w[3])
{
	struct world *old = &w[0], *new = &w[2];

	w[0] = w[1] = w[2] = (struct world){0};
	world_add_item(old, "a");
	world_add_record(old, "a/dir to file/x/y", 'f', 1);
	world_add_record(old, "a/dir to link/x", 'f', 2);
	world_add_record(old, "a/empty to dir", 'd', 0);
	world_add_record(old, "a/empty to file", 'd', 0);
	world_add_record(old, "a/file to dir", 'f', 3);
	world_add_record(old, "a/file to exec", 'f', 4);
	world_add_record(old, "a/link to dir", 'l', 0);
	world_add_item(new, "a");
	world_add_record(new, "a/dir to file", 'f', 1);
	world_add_record(new, "a/dir to link", 'l', 0);
	world_add_record(new, "a/empty to dir/x", 'f', 2);
	world_add_record(new, "a/empty to file", 'f', 3);
	world_add_record(new, "a/file to dir/x/y", 'x', 3);
	world_add_record(new, "a/file to exec", 'x', 4);
	world_add_record(new, "a/link to dir/x", 'f', 5);
	world_add_item(old, "b");	/* cut anew, deeper and higher */
	world_add_record(old, "b/c/x", 'f', 1);
	world_add_item(new, "b/c");
	world_add_record(new, "c", 'f', 1);
	world_add_item(old, "d/e");
	world_add_record(old, "e/f", 'f', 1);
	world_add_item(new, "d");
	world_add_record(new, "d", 'l', 0);
	world_add_item(&w[1], "z");
	world_add_record(&w[1], "z", 'f', 1);
}

static void killed_at_every_step(bool power, bool unsettled)
{
	unsigned torn_n = 0;

	for (unsigned round = 0; round < (power ? 5 : 3); round++) {
		bool done = unsettled && round >= 2 && round % 4 != 0;	/* settled objects had their turn with these */

		for (unsigned long n = 1; !done; n += round == 1 ? 1 : 1 + world_rnd(power ? 8 : 4)) {
			struct bare_store s = {0};
			struct world w[3] = {0};
			bool torn = false;
			glob_t before;
			uint64_t after;

			world_seed = 100 + round;
			world_make(&s);
			for (int i = 0; i < 3; i++)
				world_random(&w[i], i > 0 ? &w[i - 1] : NULL);
			if (round == 1)
				changes_of_kind(w);
			if (round % 4 != 0) {	/* else: the first publication is the one that is killed */
				world_publish(&s, &w[0]);
				world_publish(&s, &w[1]);
			} else
				w[1] = (struct world){0};
			after = world_seed;
			world_seed = after + n;
			assert_true(glob(bare_store_path(&s, "objects/*/*"), 0, NULL, &before) != GLOB_NOSPACE);
			done = update_until(&s, &w[2], unsettled, n, power);
			if (unsettled && power)
				torn = tear(&s, &before);
			globfree(&before);
			torn_n += torn;
			check_after_kill(&s, &w[1], &w[2], n, power, torn);
			bare_store_remove(&s);
		}
	}
	assert_true(torn_n >= (unsettled && power ? 10 : 0));	/* else this test is blind */
}

static void killed(void **state)
{
	(void)state;
	killed_at_every_step(false, false);
}

static void power_lost(void **state)
{
	(void)state;
	killed_at_every_step(true, false);
}

static void killed_before_objects_are_durable(void **state)
{
	(void)state;
	killed_at_every_step(false, true);
}

static void power_lost_before_objects_are_durable(void **state)
{
	(void)state;
	killed_at_every_step(true, true);
}

/* ---- size ---- */

#define LARGE 5000

static struct contents_ref put_large(struct bare_store *s, unsigned changed)
{
	struct err e = {0};
	struct contents_writer *w = contents_writer_open("large", world_put_document, s->objects, &e);
	struct contents_ref ref;

	bare_store_must(w == NULL ? -1 : 0, &e);
	bare_store_must(objects_begin(s->objects, &e), &e);
	for (unsigned i = 0; i < LARGE; i++) {
		unsigned data = i % 500 < changed ? 2 : 1;
		char path[64], text[64];
		struct record r = {.path = path, .has_file = true, .has_sha256 = true, .has_mtime = true, .mtime = 5000};

		snprintf(path, sizeof path, "large/%02u/%05u", i / 100, i);
		world_put_data(s, data);
		r.size = (uint64_t)world_text(data, text);
		r.sha256 = world_data_digest(data);
		bare_store_must(contents_writer_add(w, &r, &e), &e);
	}
	bare_store_must(contents_writer_finish(w, &ref, &e), &e);
	contents_writer_free(w);
	bare_store_must(objects_settle(s->objects, &e), &e);
	return ref;
}

static void cost_follows_change(void **state)
{
	struct bare_store store = {0}, *s = &store;
	static char stream[] = WORLD_STREAM, name[] = "large";
	struct contents_ref refs[2];
	struct state_item item = {.item = name, .epoch = 1, .list = 1, .revision = 1};
	struct state want = {.stream = stream, .time = 1790000000, .items = &item, .items_n = 1};

	(void)state;
	world_make(s);
	refs[0] = put_large(s, 0);
	refs[1] = put_large(s, 1);
	for (int i = 0; i < 4; i++) {
		const struct contents_ref *ref = &refs[i % 2];

		item.contents = ref->sha256;
		item.size = ref->size;
		item.files = ref->files;
		item.bytes = ref->bytes;
		fault.calls = 0;
		assert_true(world_update(s, &want).switched);
		if (i == 0)
			assert_true(fault.calls > 2 * LARGE);
		else	/* ten records removed and added, the directories they lie in, the syncs */
			assert_true(fault.calls < 80);
	}
	bare_store_remove(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_worlds), cmocka_unit_test(killed), cmocka_unit_test(power_lost),
		cmocka_unit_test(killed_before_objects_are_durable), cmocka_unit_test(power_lost_before_objects_are_durable),
		cmocka_unit_test(cost_follows_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

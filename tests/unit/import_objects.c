/*
 * Tests of import/objects*.c: what put, link, pieces and recovery leave on the disk.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "import/objects.h"
#include "lib/buf.h"
#include "lib/bulk.h"
#include "lib/digests.h"
#include "lib/err.h"
#include "manifests/reason.h"
#include "tests/unit/bare_store.h"

#include "lib/banned.h"

#define DAY 86400

static struct digest digest_text(const char *text)
{
	struct err e = {0};
	struct digest d;

	bare_store_must(digest_of(text, strlen(text), &d, &e), &e);
	return d;
}

static bool exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static struct stat stat_of(const char *path)
{
	struct stat st;

	if (lstat(path, &st) == -1)
		fail_msg("%s is not there", path);
	return st;
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
}

static void assert_holds(const char *path, const char *text)
{
	char is[256];
	FILE *f = fopen(path, "r");
	size_t n;

	if (f == NULL)
		fail_msg("%s is not there", path);
	n = fread(is, 1, sizeof is - 1, f);
	is[n] = '\0';
	fclose(f);
	assert_string_equal(is, text);
}

static uint64_t recover(struct bare_store *s)
{
	struct err e = {0};
	struct objects_recovery recovery = {.interrupted = true};

	bare_store_reopen(s);
	bare_store_must(objects_recover(s->objects, &recovery, &e), &e);
	return recovery.dropped;
}

/* ---- put, has, needed, fetch ---- */

static void put_stores_exactly(void **state)
{
	struct bare_store *s = *state;
	struct digest d = digest_text("hello\n");
	struct err e = {0};
	mode_t umask_before = umask(077);
	uint64_t size = 0;
	bool new = false;
	char fan[256];

	assert_int_equal(objects_has(s->objects, &d, &size, &e), 0);
	assert_int_equal(objects_needed(s->objects, &d, &e), 1);
	bare_store_must(objects_begin(s->objects, &e), &e);
	assert_true(exists(bare_store_path(s, "stage/receiving")));
	bare_store_must(objects_put(s->objects, &d, "hello\n", 6, &new, &e), &e);
	assert_true(new);
	bare_store_must(objects_put(s->objects, &d, "hello\n", 6, &new, &e), &e);
	assert_false(new);
	bare_store_must(objects_settle(s->objects, &e), &e);
	umask(umask_before);
	assert_false(exists(bare_store_path(s, "stage/receiving")));
	assert_int_equal(stat_of(bare_store_object(s, &d, "")).st_mode, S_IFREG | 0444);
	snprintf(fan, sizeof fan, "%s", bare_store_object(s, &d, ""));
	*strrchr(fan, '/') = '\0';
	assert_int_equal(stat_of(fan).st_mode, S_IFDIR | 0755);
	assert_holds(bare_store_object(s, &d, ""), "hello\n");
}

static void put_refuses_other_bytes(void **state)
{
	struct bare_store *s = *state;
	struct digest d = digest_text("hello\n");
	struct err e = {0};

	assert_int_equal(objects_put(s->objects, &d, "hellO\n", 6, NULL, &e), -1);
	assert_int_equal(e.reason, R_OBJECT_DIGEST);
	assert_false(exists(bare_store_object(s, &d, "")));
	err_clear(&e);
	assert_int_equal(objects_put(s->objects, &d, "hello", 5, NULL, &e), -1);
	assert_int_equal(e.reason, R_OBJECT_DIGEST);
}

static void empty_object(void **state)
{
	struct bare_store *s = *state;
	struct digest d = bare_store_put(s, "", 0);
	struct err e = {0};
	struct buf b = {0};
	uint64_t size = 7;

	assert_int_equal(objects_has(s->objects, &d, &size, &e), 1);
	assert_int_equal(size, 0);
	assert_int_equal(objects_fetch(s->objects, &d, 0, &b, &e), 0);
	assert_int_equal(b.len, 0);
	buf_free(&b);
}

static void fetch_gives_bytes(void **state)
{
	struct bare_store *s = *state;
	struct digest d = bare_store_put(s, "abc", 3), none = digest_text("none");
	struct err e = {0};
	struct buf b = {0};

	assert_int_equal(objects_fetch(s->objects, &none, 4, &b, &e), 1);
	assert_int_equal(objects_fetch(s->objects, &d, 3, &b, &e), 0);
	assert_int_equal(b.len, 3);
	assert_memory_equal(b.data, "abc", 3);
	/* another size is stated than what these bytes have; but where they are others, it is the store's fault */
	assert_int_equal(objects_fetch(s->objects, &d, 4, &b, &e), -1);
	assert_int_equal(e.reason, R_DOCUMENT_FORM);
	err_clear(&e);
	assert_int_equal(truncate(bare_store_object(s, &d, ""), 2), 0);
	assert_int_equal(objects_fetch(s->objects, &d, 3, &b, &e), -1);
	assert_int_equal(e.reason, R_STORE_DAMAGED);
	buf_free(&b);
}

/* A write that fails leaves nothing under the object's name. */
static void failed_put_leaves_nothing(void **state)
{
	struct bare_store *s = *state;
	static char data[100000];
	struct err e = {0};
	struct digest d;
	int status;
	pid_t child;

	bare_store_must(digest_of(data, sizeof data, &d, &e), &e);
	child = fork();
	if (child == 0) {
		const struct rlimit small = {50000, 50000};

		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &small);
		_exit(objects_put(s->objects, &d, data, sizeof data, NULL, &e) == -1 ? 7 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), 7);
	assert_false(exists(bare_store_object(s, &d, "")));
	assert_int_equal(objects_needed(s->objects, &d, &e), 1);
}

#define MANY 2000
struct putter {
	struct objects *o;
	unsigned added;
	int rc;
};

static void *put_many(void *arg)
{
	struct putter *p = arg;
	struct err e = {0};

	for (int i = 0; i < MANY; i++) {
		char text[32];
		struct digest d;
		bool new;
		int len = snprintf(text, sizeof text, "object %d", i);

		if (digest_of(text, (size_t)len, &d, &e) == -1 || objects_put(p->o, &d, text, (size_t)len, &new, &e) == -1) {
			p->rc = -1;
			return NULL;
		}
		p->added += new;
	}
	return NULL;
}

static void threads_put_the_same(void **state)
{
	struct bare_store *s = *state;
	struct putter p[4];
	pthread_t threads[4];
	unsigned added = 0;
	struct err e = {0};

	bare_store_must(objects_begin(s->objects, &e), &e);
	for (int i = 0; i < 4; i++) {
		p[i] = (struct putter){.o = s->objects};
		assert_int_equal(pthread_create(&threads[i], NULL, put_many, &p[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(p[i].rc, 0);
		added += p[i].added;
	}
	bare_store_must(objects_settle(s->objects, &e), &e);
	assert_int_equal(added, MANY);
	for (int i = 0; i < MANY; i++) {
		char text[32];
		struct digest d;

		snprintf(text, sizeof text, "object %d", i);
		d = digest_text(text);
		assert_holds(bare_store_object(s, &d, ""), text);
	}
}

/* ---- lost and healed ---- */

static void set_aside(struct bare_store *s, const struct digest *d)
{
	assert_int_equal(unlink(bare_store_object(s, d, "")), 0);
	write_file(bare_store_object(s, d, ".lost"), "");
	bare_store_reopen(s);	/* another program's doing */
}

static void lost_is_received_and_needed(void **state)
{
	struct bare_store *s = *state;
	struct digest d = bare_store_put(s, "abc", 3);
	struct err e = {0};
	struct buf b = {0};
	uint64_t size = 0;

	set_aside(s, &d);
	assert_int_equal(objects_has(s->objects, &d, &size, &e), 1);
	assert_true(size == UINT64_MAX);
	assert_int_equal(objects_needed(s->objects, &d, &e), 1);
	assert_int_equal(objects_fetch(s->objects, &d, 3, &b, &e), 1);
	buf_free(&b);
}

/* How many objects are healed, and the first of them. */
static size_t healed(const struct bare_store *s, struct digest *first)
{
	struct digests l = {0};
	struct err e = {0};
	size_t n;

	bare_store_must(objects_healed(s->objects, &l, &e), &e);
	n = l.n;
	assert_int_equal(objects_healed_n(s->objects), n);
	if (n > 0)
		*first = l.list[0];
	digests_free(&l);
	return n;
}

static void healing_is_remembered_until_done(void **state)
{
	struct bare_store *s = *state;
	struct digest d = bare_store_put(s, "abc", 3), other = bare_store_put(s, "other", 5);
	struct digest first;
	struct err e = {0};
	uint64_t size;

	(void)other;
	set_aside(s, &d);
	bare_store_put(s, "abc", 3);
	assert_int_equal(healed(s, &first), 1);
	assert_true(digest_equal(&first, &d));
	assert_int_equal(objects_has(s->objects, &d, &size, &e), 1);
	assert_int_equal(size, 3);
	assert_int_equal(objects_needed(s->objects, &d, &e), 0);
	/* the run ends before the names are given back: the next one knows */
	assert_int_equal(recover(s), 0);
	assert_int_equal(healed(s, &first), 1);
	assert_true(digest_equal(&first, &d));
	bare_store_must(objects_healed_done(s->objects, &e), &e);
	assert_false(exists(bare_store_object(s, &d, ".lost")));
	assert_int_equal(healed(s, &first), 0);
	assert_int_equal(recover(s), 0);
	assert_int_equal(healed(s, &first), 0);
	assert_holds(bare_store_object(s, &d, ""), "abc");
}

static const char *healing_note(struct bare_store *s, const struct digest *d)
{
	static char note[256];

	snprintf(note, sizeof note, "%s/stage/healed/%s", s->path, strrchr(bare_store_object(s, d, ""), '/') + 1);
	return note;
}

/* Interrupted between the object and its note. */
static void healing_without_note_is_found(void **state)
{
	struct bare_store *s = *state;
	struct digest d = bare_store_put(s, "abc", 3), torn = bare_store_put(s, "torn", 4);
	struct digest first;
	struct err e = {0};

	set_aside(s, &d);
	set_aside(s, &torn);
	bare_store_must(objects_begin(s->objects, &e), &e);
	bare_store_must(objects_put(s->objects, &d, "abc", 3, NULL, &e), &e);
	bare_store_must(objects_put(s->objects, &torn, "torn", 4, NULL, &e), &e);
	assert_int_equal(unlink(healing_note(s, &d)), 0);
	assert_int_equal(truncate(bare_store_object(s, &torn, ""), 2), 0);
	assert_int_equal(recover(s), 1);
	assert_int_equal(healed(s, &first), 1);
	assert_true(digest_equal(&first, &d));
	assert_int_equal(objects_needed(s->objects, &torn, &e), 1);
	assert_int_equal(objects_has(s->objects, &torn, NULL, &e), 1);	/* lost still, as before */
}

/* The same of one whose bytes a name gave back: no object is being received then. */
static void restoring_without_note_is_found(void **state)
{
	struct bare_store *s = *state;
	struct err e = {0};

	for (int exec = 0; exec < 2; exec++) {
		struct digest d = bare_store_put(s, "abc", 3), first;

		set_aside(s, &d);
		write_file(bare_store_path(s, "name"), "abc");
		assert_int_equal(objects_restore(s->objects, &d, exec == 1, &s->store.dir, "name", &e), 1);
		assert_int_equal(unlink(healing_note(s, &d)), 0);
		assert_int_equal(recover(s), 0);
		assert_holds(bare_store_object(s, &d, ""), "abc");
		assert_int_equal(healed(s, &first), 1);
		assert_true(digest_equal(&first, &d));
		bare_store_must(objects_healed_done(s->objects, &e), &e);
		assert_int_equal(unlink(bare_store_path(s, "name")), 0);
		assert_int_equal(unlink(bare_store_object(s, &d, "")), 0);
	}
}

/* Interrupted between the marks and what they are of. */
static void setting_aside_is_finished(void **state)
{
	struct bare_store *s = *state;
	struct digest bad = bare_store_put(s, "bad!", 4), noted = bare_store_put(s, "noted", 5), other = bare_store_put(s, "other", 5);
	struct objects_recovery recovery = {.interrupted = false};
	struct digest first;
	struct err e = {0};

	assert_int_equal(link(bare_store_object(s, &bad, ""), bare_store_path(s, "stage/published")), 0);
	assert_int_equal(truncate(bare_store_object(s, &bad, ""), 3), 0);
	write_file(bare_store_object(s, &bad, ".lost"), "");
	write_file(bare_store_object(s, &bad, ".x"), "BAD!");
	write_file(bare_store_object(s, &bad, ".1"), "bad!");
	write_file(bare_store_object(s, &noted, ".x"), "NOTED");
	write_file(bare_store_object(s, &noted, ".x.1"), "noted");
	bare_store_must(objects_heal(s->objects, &noted, &e), &e);
	write_file(bare_store_object(s, &other, ".x"), "OTHER");	/* the auditor's to find */
	bare_store_reopen(s);
	bare_store_must(objects_recover(s->objects, &recovery, &e), &e);
	assert_true(exists(bare_store_object(s, &bad, "")));
	assert_int_equal(recovery.aside, 0);
	assert_int_equal(recover(s), 0);
	assert_false(exists(bare_store_object(s, &bad, "")));
	assert_false(exists(bare_store_object(s, &bad, ".x")));
	assert_false(exists(bare_store_object(s, &noted, ".x")));
	assert_true(exists(bare_store_object(s, &bad, ".lost")));
	assert_holds(bare_store_object(s, &bad, ".1"), "bad!");
	assert_holds(bare_store_object(s, &noted, ""), "noted");
	assert_holds(bare_store_object(s, &noted, ".x.1"), "noted");
	assert_holds(bare_store_object(s, &other, ".x"), "OTHER");
	assert_int_equal(healed(s, &first), 1);
	assert_true(digest_equal(&first, &noted));
}

/* ---- recovery ---- */

static void recovery_drops_what_is_torn(void **state)
{
	struct bare_store *s = *state;
	struct digest good = bare_store_put(s, "good", 4), torn = digest_text("torn"), linked = bare_store_put(s, "linked", 6);
	struct digest variant = bare_store_put(s, "variant", 7);
	struct err e = {0};

	assert_int_equal(link(bare_store_object(s, &linked, ""), bare_store_path(s, "stage/published")), 0);
	bare_store_must(objects_begin(s->objects, &e), &e);
	bare_store_must(objects_put(s->objects, &torn, "torn", 4, NULL, &e), &e);
	assert_int_equal(chmod(bare_store_object(s, &good, ""), 0400), 0);	/* ended before its mode was set */
	assert_int_equal(truncate(bare_store_object(s, &torn, ""), 3), 0);
	assert_int_equal(truncate(bare_store_object(s, &linked, ""), 3), 0);	/* damage, but not of this run */
	write_file(bare_store_object(s, &variant, ".x"), "vari");
	write_file(bare_store_object(s, &variant, ".1"), "variant");
	write_file(bare_store_object(s, &variant, ".note"), "somebody's");
	assert_int_equal(recover(s), 2);
	assert_holds(bare_store_object(s, &good, ""), "good");
	assert_int_equal(stat_of(bare_store_object(s, &good, "")).st_mode & 07777, 0444);
	assert_false(exists(bare_store_object(s, &torn, "")));
	assert_true(exists(bare_store_object(s, &linked, "")));
	assert_false(exists(bare_store_object(s, &variant, ".x")));
	assert_holds(bare_store_object(s, &variant, ".1"), "variant");
	assert_holds(bare_store_object(s, &variant, ".note"), "somebody's");
	assert_false(exists(bare_store_path(s, "stage/receiving")));
}

/* What was received before the interrupted run is damaged, not torn. By the clock that is known only where it is long before. */
static void recovery_sets_older_ones_aside(void **state)
{
	static const struct { int64_t marker, now; bool aside; } cases[] = {
		{2 * DAY, 3 * DAY, true}, {DAY / 2, 3 * DAY, false}, {2 * DAY, DAY, false}, {-2 * DAY, 0, false}};
	struct bare_store *s = *state;
	int64_t now = time(NULL);

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct digest old = bare_store_put(s, "old", 3), variant = bare_store_put(s, "variant", 7);
		struct objects_recovery recovery = {.interrupted = true, .now = now + cases[i].now};
		const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = now + cases[i].marker}};
		struct err e = {0};

		assert_int_equal(truncate(bare_store_object(s, &old, ""), 2), 0);
		write_file(bare_store_object(s, &variant, ".x"), "vari");
		bare_store_must(objects_begin(s->objects, &e), &e);
		assert_int_equal(utimensat(AT_FDCWD, bare_store_path(s, "stage/receiving"), times, 0), 0);
		bare_store_reopen(s);
		bare_store_must(objects_recover(s->objects, &recovery, &e), &e);
		assert_false(exists(bare_store_object(s, &old, "")));
		assert_int_equal(exists(bare_store_object(s, &old, ".lost")), cases[i].aside);
		assert_int_equal(recovery.aside, cases[i].aside);
		assert_false(exists(bare_store_object(s, &variant, ".x")));
		assert_int_equal(recovery.dropped, cases[i].aside ? 1 : 2);
		unlink(bare_store_object(s, &old, ".lost"));
	}
}

static void recovery_without_marker_reads_nothing(void **state)
{
	struct bare_store *s = *state;
	struct digest d = bare_store_put(s, "good", 4);

	assert_int_equal(truncate(bare_store_object(s, &d, ""), 3), 0);	/* the auditor's to find, not ours */
	assert_int_equal(recover(s), 0);
	assert_true(exists(bare_store_object(s, &d, "")));
}

/* ---- links ---- */

static void link_name(struct bare_store *s, const struct digest *d, bool exec, int64_t mtime, const char *name)
{
	struct err e = {0};

	bare_store_must(objects_link(s->objects, d, exec, mtime, &s->store.dir, 1, name, &e), &e);
}

static void links_share_the_inode(void **state)
{
	struct bare_store *s = *state;
	struct digest d = bare_store_put(s, "abc", 3);
	struct stat object, name;

	link_name(s, &d, false, 1000, "one");
	link_name(s, &d, false, 2000, "two");
	object = stat_of(bare_store_object(s, &d, ""));
	name = stat_of(bare_store_path(s, "two"));
	assert_int_equal(object.st_ino, name.st_ino);
	assert_int_equal(object.st_nlink, 3);
	assert_int_equal(object.st_mtim.tv_sec, 1000);	/* of the record that first published it */
	assert_int_equal(unlink(bare_store_path(s, "one")), 0);
	assert_int_equal(unlink(bare_store_path(s, "two")), 0);
	link_name(s, &d, false, 3000, "three");
	assert_int_equal(stat_of(bare_store_path(s, "three")).st_mtim.tv_sec, 3000);
}

static void executables_are_inodes_of_their_own(void **state)
{
	struct bare_store *s = *state;
	struct digest d = bare_store_put(s, "#!run", 5);
	mode_t umask_before = umask(077);
	struct stat plain, exec;

	link_name(s, &d, false, 1000, "plain");
	link_name(s, &d, true, 2000, "exec");
	link_name(s, &d, true, 2500, "exec2");
	umask(umask_before);
	plain = stat_of(bare_store_path(s, "plain"));
	exec = stat_of(bare_store_path(s, "exec"));
	assert_int_equal(plain.st_mode, S_IFREG | 0444);
	assert_int_equal(exec.st_mode, S_IFREG | 0555);
	assert_int_not_equal(plain.st_ino, exec.st_ino);
	assert_int_equal(exec.st_ino, stat_of(bare_store_object(s, &d, ".x")).st_ino);
	assert_int_equal(exec.st_ino, stat_of(bare_store_path(s, "exec2")).st_ino);
	assert_int_equal(exec.st_mtim.tv_sec, 2000);
	assert_holds(bare_store_path(s, "exec"), "#!run");
	assert_false(exists(bare_store_path(s, "stage/variant")));
}

static void prepared_variant_waits_for_settle(void **state)
{
	struct bare_store *s = *state;
	struct digest d = bare_store_put(s, "#!run", 5);
	struct err e = {0};
	uint64_t bytes = 0;
	ino_t inode;

	assert_int_equal(objects_variant_lacks(s->objects, &d, &bytes, &e), 1);
	assert_int_equal(bytes, stat_of(bare_store_object(s, &d, "")).st_blocks * 512);
	assert_int_equal(objects_link_prepare(s->objects, &d, false, 5, &e), 0);
	assert_false(exists(bare_store_path(s, "stage/receiving")));
	assert_int_equal(objects_link_prepare(s->objects, &d, true, 2000, &e), 0);
	assert_true(exists(bare_store_path(s, "stage/receiving")));
	assert_int_equal(objects_variant_lacks(s->objects, &d, &bytes, &e), 0);
	bare_store_must(objects_settle(s->objects, &e), &e);
	inode = stat_of(bare_store_object(s, &d, ".x")).st_ino;
	assert_int_equal(objects_link_prepare(s->objects, &d, true, 3000, &e), 0);
	assert_false(exists(bare_store_path(s, "stage/receiving")));
	link_name(s, &d, true, 2000, "exec");
	assert_int_equal(stat_of(bare_store_path(s, "exec")).st_ino, inode);
	assert_int_equal(stat_of(bare_store_path(s, "exec")).st_mode & 07777, 0555);
	assert_int_equal(stat_of(bare_store_path(s, "exec")).st_mtim.tv_sec, 2000);
}

static void taken_names(void **state)
{
	struct bare_store *s = *state;
	struct digest d = bare_store_put(s, "abc", 3), other = bare_store_put(s, "abcd", 4);
	struct err e = {0};

	link_name(s, &d, false, 1000, "name");
	link_name(s, &d, false, 1000, "name");	/* again, after an interruption */
	assert_int_equal(objects_link(s->objects, &other, false, 1, &s->store.dir, 1, "name", &e), -1);
	assert_int_equal(e.reason, ERR_FORM);
	err_clear(&e);
	assert_int_equal(objects_link(s->objects, &d, true, 1, &s->store.dir, 1, "name", &e), -1);
	assert_int_equal(e.reason, ERR_FORM);
	assert_holds(bare_store_path(s, "name"), "abc");
}

static void missing_lost_and_damaged(void **state)
{
	struct bare_store *s = *state;
	struct digest gone = digest_text("gone"), lost = bare_store_put(s, "lost", 4), bad = bare_store_put(s, "bad!", 4);
	struct err e = {0};

	assert_int_equal(objects_link(s->objects, &gone, false, 1, &s->store.dir, 1, "n", &e), -1);
	assert_int_equal(e.reason, R_STORE_DAMAGED);
	err_clear(&e);
	assert_int_equal(objects_link(s->objects, &gone, true, 1, &s->store.dir, 1, "n", &e), -1);
	assert_int_equal(e.reason, R_STORE_DAMAGED);
	err_clear(&e);
	set_aside(s, &lost);
	assert_int_equal(objects_link(s->objects, &lost, false, 1, &s->store.dir, 1, "n", &e), 1);
	assert_int_equal(objects_link(s->objects, &lost, true, 1, &s->store.dir, 1, "n", &e), 1);
	assert_int_equal(objects_link_prepare(s->objects, &lost, true, 1, &e), 1);
	assert_false(exists(bare_store_path(s, "n")));
	/* a damaged object is not passed on */
	assert_int_equal(chmod(bare_store_object(s, &bad, ""), 0644), 0);
	write_file(bare_store_object(s, &bad, ""), "BAD!");
	assert_int_equal(objects_link(s->objects, &bad, true, 1, &s->store.dir, 1, "n", &e), -1);
	assert_int_equal(e.reason, R_STORE_DAMAGED);
	err_clear(&e);
	assert_int_equal(objects_link_prepare(s->objects, &bad, true, 1, &e), -1);
	assert_int_equal(e.reason, R_STORE_DAMAGED);
	assert_false(exists(bare_store_object(s, &bad, ".x")));
	assert_false(exists(bare_store_path(s, "n")));
	assert_false(exists(bare_store_path(s, "stage/variant")));
}

/* ---- pieces ---- */

#define PIECE 3200000	/* so that the whole is more than what is gathered before it is written */
static uint8_t big[3 * PIECE];

static struct digest make_big(void)
{
	struct err e = {0};
	struct digest d;

	for (size_t i = 0; i < sizeof big; i++)
		big[i] = i >= PIECE && i < PIECE + PIECE / 2 ? 0 : (uint8_t)(i * 7 + i / 251);
	memset(big + sizeof big - 5000, 0, 5000);	/* ends in zeros, too */
	bare_store_must(digest_of(big, sizeof big, &d, &e), &e);
	return d;
}

static void write_piece(struct objects_piece *p, size_t from, size_t len)
{
	struct err e = {0};

	for (size_t at = from; at < from + len; at += 25000)
		bare_store_must(objects_piece_write(p, at, big + at, from + len - at < 25000 ? from + len - at : 25000, NULL, &e), &e);
}

/* One session: open, write from..from+len, end. */
static int piece(struct bare_store *s, const struct digest *d, size_t from, size_t len)
{
	struct err e = {0};
	struct objects_piece *p = objects_piece_open(s->objects, d, sizeof big, &e);
	int rc;

	bare_store_must(p == NULL ? -1 : 0, &e);
	write_piece(p, from, len);
	rc = objects_piece_end(p, &e);
	bare_store_must(rc, &e);
	return rc;
}

static void assert_big(struct bare_store *s, const struct digest *d)
{
	struct err e = {0};
	struct buf b = {0};

	assert_int_equal(objects_fetch(s->objects, d, sizeof big, &b, &e), 0);
	assert_memory_equal(b.data, big, sizeof big);
	buf_free(&b);
	assert_int_equal(stat_of(bare_store_object(s, d, "")).st_mode, S_IFREG | 0444);
	assert_int_equal(rmdir(bare_store_path(s, "stage/pieces")), 0);	/* nothing left in it */
}

static void piece_whole(void **state)
{
	struct digest d = make_big();

	assert_int_equal(piece(*state, &d, 0, sizeof big), 1);
	assert_big(*state, &d);
}

static void pieces_in_order_and_not(void **state)
{
	static const size_t orders[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 0, 2}, {0, 2, 1}};
	struct bare_store *s = *state;
	struct digest d = make_big();

	for (size_t i = 0; i < 8; i++) {
		const size_t *order = orders[i % 4];

		for (int k = 0; k < 3; k++) {
			if (i >= 4)	/* each in a run of its own */
				assert_int_equal(recover(s), 0);
			assert_int_equal(piece(s, &d, order[k] * PIECE, PIECE), k == 2);
		}
		assert_big(s, &d);
		assert_int_equal(unlink(bare_store_object(s, &d, "")), 0);
	}
}

static void pieces_overlap(void **state)
{
	struct digest d = make_big();

	assert_int_equal(piece(*state, &d, 0, PIECE + 50000), 0);
	assert_int_equal(piece(*state, &d, PIECE, PIECE), 0);
	assert_int_equal(piece(*state, &d, 50000, sizeof big - 50000), 1);
	assert_big(*state, &d);
}

static void piece_has_what_was_kept(void **state)
{
	struct bare_store *s = *state;
	struct digest d = make_big();
	struct err e = {0};
	char map[256];

	assert_int_equal(objects_piece_has(s->objects, &d, sizeof big, 0, PIECE, &e), 0);
	piece(s, &d, PIECE, PIECE);
	bare_store_reopen(s);
	assert_int_equal(objects_piece_has(s->objects, &d, sizeof big, PIECE, PIECE, &e), 1);
	assert_int_equal(objects_piece_has(s->objects, &d, sizeof big, PIECE + 1, 10, &e), 1);
	assert_int_equal(objects_piece_has(s->objects, &d, sizeof big, PIECE - 1, 10, &e), 0);
	assert_int_equal(objects_piece_has(s->objects, &d, sizeof big, PIECE, PIECE + 1, &e), 0);
	assert_int_equal(objects_piece_has(s->objects, &d, sizeof big, UINT64_MAX, 10, &e), 0);
	assert_int_equal(objects_has(s->objects, &d, NULL, &e), 0);
	/* a map that is not whole counts for nothing */
	snprintf(map, sizeof map, "%s/stage/pieces/%s.map", s->path, strrchr(bare_store_object(s, &d, ""), '/') + 1);
	assert_int_equal(truncate(map, stat_of(map).st_size - 1), 0);
	assert_int_equal(objects_piece_has(s->objects, &d, sizeof big, PIECE, PIECE, &e), 0);
	piece(s, &d, 0, PIECE);
	assert_int_equal(objects_piece_has(s->objects, &d, sizeof big, PIECE, PIECE, &e), 0);
	assert_int_equal(piece(s, &d, PIECE, 2 * PIECE), 1);
	assert_big(s, &d);
}

/* Bytes written before an interruption, which no map tells of, must not shine through where zeros belong. */
static void stale_bytes_do_not_count(void **state)
{
	struct bare_store *s = *state;
	struct digest d = make_big();
	struct err e = {0};
	struct objects_piece *p;
	char path[256];
	FILE *f;

	piece(s, &d, 0, 1000);
	snprintf(path, sizeof path, "%s/stage/pieces/%s", s->path, strrchr(bare_store_object(s, &d, ""), '/') + 1);
	f = fopen(path, "r+");
	assert_non_null(f);
	for (size_t i = 0; i < sizeof big; i++)
		fputc(i < 1000 ? big[i] : 0xee, f);
	assert_int_equal(fclose(f), 0);
	bare_store_reopen(s);
	p = objects_piece_open(s->objects, &d, sizeof big, &e);
	bare_store_must(p == NULL ? -1 : 0, &e);
	write_piece(p, 1000, sizeof big - 1000);
	assert_int_equal(objects_piece_end(p, &e), 1);
	assert_big(s, &d);
}

static void lying_piece_drops_all(void **state)
{
	struct bare_store *s = *state;
	struct digest d = make_big();
	struct err e = {0};
	struct objects_piece *p;

	piece(s, &d, 0, PIECE);
	p = objects_piece_open(s->objects, &d, sizeof big, &e);
	bare_store_must(p == NULL ? -1 : 0, &e);
	assert_int_equal(objects_piece_write(p, PIECE, big, PIECE, NULL, &e), 0);	/* other bytes */
	write_piece(p, 2 * PIECE, PIECE);
	assert_int_equal(objects_piece_end(p, &e), -1);
	assert_int_equal(e.reason, R_OBJECT_DIGEST);
	err_clear(&e);
	assert_int_equal(objects_has(s->objects, &d, NULL, &e), 0);
	assert_int_equal(objects_piece_has(s->objects, &d, sizeof big, 0, 1, &e), 0);
	assert_int_equal(piece(s, &d, 0, sizeof big), 1);	/* the true bytes still get in */
	assert_big(s, &d);
}

static void piece_beyond_size(void **state)
{
	struct bare_store *s = *state;
	struct digest d = make_big();
	struct err e = {0};
	struct objects_piece *p = objects_piece_open(s->objects, &d, 10, &e);

	bare_store_must(p == NULL ? -1 : 0, &e);
	assert_int_equal(objects_piece_write(p, 5, big, 6, NULL, &e), -1);
	assert_int_equal(e.reason, R_OBJECT_DIGEST);
	err_clear(&e);
	assert_int_equal(objects_piece_write(p, UINT64_MAX, big, 2, NULL, &e), -1);
	assert_int_equal(e.reason, R_OBJECT_DIGEST);
	err_clear(&e);
	assert_int_equal(objects_piece_end(p, &e), 0);
}

static void piece_heals(void **state)
{
	struct bare_store *s = *state;
	struct digest d = make_big();
	struct digest first;

	piece(s, &d, 0, sizeof big);
	set_aside(s, &d);
	piece(s, &d, 0, sizeof big);
	assert_int_equal(healed(s, &first), 1);
	assert_big(s, &d);
}

static void recovery_drops_pieces_of_whole_objects(void **state)
{
	struct bare_store *s = *state;
	struct digest d = make_big();

	piece(s, &d, 0, PIECE);
	bare_store_put(s, big, sizeof big);
	assert_int_equal(recover(s), 0);
	assert_big(s, &d);
}

/* The path of what is kept of an object in pieces: suffix "" or ".map". */
static const char *piece_path(struct bare_store *s, const struct digest *d, const char *suffix)
{
	static char path[256];

	snprintf(path, sizeof path, "%s/stage/pieces/%s%s", s->path, strrchr(bare_store_object(s, d, ""), '/') + 1, suffix);
	return path;
}

static void gaps_are_what_lies_between(void **state)
{
	struct bare_store *s = *state;
	struct digest d = make_big(), other = digest_text("other");
	struct objects_gap *gaps = NULL;
	struct err e = {0};
	uint64_t size = 0;
	size_t n = 0;

	assert_int_equal(objects_piece_gaps(s->objects, &d, &size, &gaps, &n, &e), 1);
	piece(s, &d, 1000, 500);
	piece(s, &d, PIECE, PIECE);
	bare_store_reopen(s);
	assert_int_equal(objects_piece_gaps(s->objects, &other, &size, &gaps, &n, &e), 1);
	assert_int_equal(objects_piece_gaps(s->objects, &d, &size, &gaps, &n, &e), 0);
	assert_int_equal(size, sizeof big);
	assert_int_equal(n, 3);
	assert_true(gaps[0].from == 0 && gaps[0].to == 1000);
	assert_true(gaps[1].from == 1500 && gaps[1].to == PIECE);
	assert_true(gaps[2].from == 2 * PIECE && gaps[2].to == sizeof big);
	free(gaps);
	/* without its bytes a map is worth nothing */
	assert_int_equal(unlink(piece_path(s, &d, "")), 0);
	assert_int_equal(objects_piece_gaps(s->objects, &d, &size, &gaps, &n, &e), 1);
	assert_int_equal(objects_piece_has(s->objects, &d, sizeof big, 1000, 500, &e), 0);
	assert_int_equal(piece(s, &d, 0, 1000), 0);
	assert_int_equal(objects_piece_has(s->objects, &d, sizeof big, 1000, 500, &e), 0);
	assert_int_equal(piece(s, &d, 1000, sizeof big - 1000), 1);
	assert_big(s, &d);
}

/* A map in which N stands for the object's size, and M for one more. */
static void write_map(struct bare_store *s, const struct digest *d, const char *map)
{
	char text[256];
	size_t n = 0;

	for (; *map != '\0'; map++)
		if (*map == 'N' || *map == 'M')
			n += (size_t)snprintf(text + n, sizeof text - n, "%zu", sizeof big + (*map == 'M'));
		else
			text[n++] = *map;
	text[n] = '\0';
	write_file(piece_path(s, d, ".map"), text);
}

/* What isn't exactly a map of this object's size counts for nothing, and nothing of what it promises gets in. */
static void foreign_maps_promise_nothing(void **state)
{
	static const char *const maps[] = {
		"", "satchel", "satchel-pieces ", "satchel-pieces N\n", "satchel-pieces N 1", "satchel-pieces N 1\n",
		"satchel-pieces N 1\n0 N", "satchel-pieces N 1\n0 M\n", "satchel-pieces N 1\n5 5\n",
		"satchel-pieces N 1\n7 6\n", "satchel-pieces N 1\n-1 6\n", "satchel-pieces N 1\n0 N\n\n",
		"satchel-pieces N 1\n0 N\n0 1\n", "satchel-pieces N 2\n0 N\n", "satchel-pieces x 1\n0 N\n",
		"satchel-pieces N 1\n0  N\n", "satchel-pieces 99999999999999999999 1\n0 N\n",
		"satchel-pieces M 1\n0 M\n",	/* of another size */
	};
	struct bare_store *s = *state;
	struct digest d = make_big();
	struct err e = {0};

	for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) {
		piece(s, &d, 0, 1000);
		write_map(s, &d, maps[i]);
		bare_store_reopen(s);
		assert_int_equal(objects_piece_has(s->objects, &d, sizeof big, 0, 1, &e), 0);
		if (piece(s, &d, 0, sizeof big - 1) != 0)
			fail_msg("map %zu counted for something", i);
		assert_int_equal(piece(s, &d, sizeof big - 1, 1), 1);
		assert_big(s, &d);
		assert_int_equal(unlink(bare_store_object(s, &d, "")), 0);
	}
	piece(s, &d, 0, 1000);
	write_map(s, &d, "satchel-pieces N 1\n0 1000\n");	/* and what is one does count */
	assert_int_equal(objects_piece_has(s->objects, &d, sizeof big, 0, 1000, &e), 1);
}

/* Nothing planted in stage/ is followed, written to or waited for. */
static void planted_pieces_are_not_followed(void **state)
{
	struct bare_store *s = *state;
	struct digest d = make_big();
	struct objects_gap *gaps = NULL;
	struct err e = {0};
	uint64_t size;
	size_t n;

	write_file(bare_store_path(s, "outside"), "outside");
	piece(s, &d, 0, 1000);
	assert_int_equal(unlink(piece_path(s, &d, "")), 0);
	assert_int_equal(symlink("../../outside", piece_path(s, &d, "")), 0);
	assert_null(objects_piece_open(s->objects, &d, sizeof big, &e));
	assert_int_equal(e.sys, ELOOP);
	err_clear(&e);
	assert_int_equal(unlink(piece_path(s, &d, "")), 0);
	assert_int_equal(mkfifo(piece_path(s, &d, ""), 0600), 0);
	assert_null(objects_piece_open(s->objects, &d, sizeof big, &e));
	assert_int_equal(e.reason, ERR_FILE_TYPE);
	err_clear(&e);
	assert_int_equal(unlink(piece_path(s, &d, "")), 0);
	/* a link for a map is an error, no answer */
	assert_int_equal(unlink(piece_path(s, &d, ".map")), 0);
	write_file(piece_path(s, &d, ""), "bytes");
	assert_int_equal(symlink("../../outside", piece_path(s, &d, ".map")), 0);
	assert_int_equal(objects_piece_has(s->objects, &d, sizeof big, 0, 1, &e), -1);
	err_clear(&e);
	assert_null(objects_piece_open(s->objects, &d, sizeof big, &e));
	err_clear(&e);
	/* nor is the folder */
	assert_int_equal(unlink(piece_path(s, &d, ".map")), 0);
	assert_int_equal(unlink(piece_path(s, &d, "")), 0);
	assert_int_equal(rmdir(bare_store_path(s, "stage/pieces")), 0);
	assert_int_equal(mkdir(bare_store_path(s, "elsewhere"), 0755), 0);
	assert_int_equal(symlink("../elsewhere", bare_store_path(s, "stage/pieces")), 0);
	assert_int_equal(objects_piece_has(s->objects, &d, sizeof big, 0, 1, &e), -1);
	err_clear(&e);
	assert_int_equal(objects_piece_gaps(s->objects, &d, &size, &gaps, &n, &e), -1);
	err_clear(&e);
	assert_null(objects_piece_open(s->objects, &d, sizeof big, &e));
	assert_int_equal(rmdir(bare_store_path(s, "elsewhere")), 0);	/* nothing was made there */
	assert_holds(bare_store_path(s, "outside"), "outside");
}

static void whole_came_in_the_meantime(void **state)
{
	struct bare_store *s = *state;
	struct digest d = make_big();
	struct err e = {0};
	struct objects_piece *p = objects_piece_open(s->objects, &d, sizeof big, &e);
	ino_t inode;

	bare_store_must(p == NULL ? -1 : 0, &e);
	write_piece(p, 0, sizeof big);
	bare_store_put(s, big, sizeof big);
	inode = stat_of(bare_store_object(s, &d, "")).st_ino;
	assert_int_equal(objects_piece_end(p, &e), 0);	/* not added by this one */
	assert_int_equal(stat_of(bare_store_object(s, &d, "")).st_ino, inode);	/* which may have names by now */
	assert_big(s, &d);
}

/* Takes `len` bytes where no file may be larger than 5,000,000: what says so, writing or ending. */
static int meet_full_disk(struct bare_store *s, const struct digest *d, size_t len)
{
	const struct rlimit small = {5000000, 5000000};
	struct err e = {0};
	int status, rc = 0;
	pid_t child = fork();

	if (child == 0) {
		struct objects_piece *p = objects_piece_open(s->objects, d, sizeof big, &e);

		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &small);
		for (size_t at = 0; p != NULL && at < len && rc == 0; at += 100000)
			rc = objects_piece_write(p, at, big + at, 100000, NULL, &e);
		if (rc == -1 && e.sys == EFBIG) {
			err_clear(&e);
			_exit(objects_piece_end(p, &e) == 0 ? 7 : 1);
		}
		_exit(p != NULL && rc == 0 && objects_piece_end(p, &e) == -1 && e.sys == EFBIG ? 8 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WEXITSTATUS(status);
}

/* What could not be written is not promised; what was, is, and the rest completes it. */
static void full_disk_costs_what_was_not_written(void **state)
{
	struct bare_store *s = *state;
	struct digest d = make_big();
	struct err e = {0};

	/* zeros need no writing, and what follows them is one block */
	assert_int_equal(meet_full_disk(s, &d, 9000000), 7);
	assert_int_equal(objects_piece_has(s->objects, &d, sizeof big, 0, PIECE + PIECE / 2, &e), 1);
	assert_int_equal(objects_piece_has(s->objects, &d, sizeof big, PIECE + PIECE / 2, 1, &e), 0);
	/* what was there and is written again counts as far as it could be */
	assert_int_equal(meet_full_disk(s, &d, 6000000), 8);
	assert_int_equal(objects_piece_has(s->objects, &d, sizeof big, 0, BULK_BLOCK, &e), 1);
	assert_int_equal(objects_piece_has(s->objects, &d, sizeof big, BULK_BLOCK, 1, &e), 0);
	assert_int_equal(piece(s, &d, BULK_BLOCK, sizeof big - BULK_BLOCK), 1);
	assert_big(s, &d);
}

struct named {
	struct digest list[4];
	bool lost[4];
	size_t n;
};

static int note_object(void *arg, const struct digest *d, bool lost, struct err *e)
{
	struct named *l = arg;

	(void)e;
	assert_true(l->n < 4);
	l->list[l->n] = *d;
	l->lost[l->n++] = lost;
	return 0;
}

static int note_piece(void *arg, const struct digest *d, struct err *e)
{
	return note_object(arg, d, false, e);
}

static int note_and_stop(void *arg, const struct digest *d, bool lost, struct err *e)
{
	note_object(arg, d, lost, e);
	return err_set(e, R_STORE_DAMAGED, "stop");
}

static void each_names_every_object_once(void **state)
{
	struct bare_store *s = *state;
	struct digest a = bare_store_put(s, "a", 1), b = bare_store_put(s, "b", 1), c = bare_store_put(s, "c", 1);
	struct digest big_one = make_big();
	struct named l = {0}, pieces = {0}, first = {0};
	struct err e = {0};

	bare_store_must(objects_each_piece(s->objects, note_piece, &pieces, &e), &e);
	assert_int_equal(pieces.n, 0);
	set_aside(s, &b);
	write_file(bare_store_object(s, &c, ".lost"), "");	/* healed, not yet told everywhere: it is there */
	write_file(bare_store_object(s, &a, ".x"), "a");
	write_file(bare_store_object(s, &a, ".note"), "no object");
	piece(s, &big_one, 0, 1000);
	bare_store_must(objects_each(s->objects, note_object, &l, &e), &e);
	assert_int_equal(l.n, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_true(i == 0 || digest_compare(&l.list[i - 1], &l.list[i]) < 0);
		assert_true(digest_equal(&l.list[i], &a) || digest_equal(&l.list[i], &b) || digest_equal(&l.list[i], &c));
		assert_int_equal(l.lost[i], digest_equal(&l.list[i], &b));
	}
	bare_store_must(objects_each_piece(s->objects, note_piece, &pieces, &e), &e);
	assert_int_equal(pieces.n, 1);
	assert_true(digest_equal(&pieces.list[0], &big_one));
	assert_int_equal(objects_each(s->objects, note_and_stop, &first, &e), -1);
	assert_int_equal(first.n, 1);
	assert_int_equal(e.reason, R_STORE_DAMAGED);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, bare_store_setup, bare_store_teardown)
	const struct CMUnitTest tests[] = {
		T(put_stores_exactly), T(put_refuses_other_bytes), T(empty_object), T(fetch_gives_bytes),
		T(failed_put_leaves_nothing), T(threads_put_the_same),
		T(lost_is_received_and_needed), T(healing_is_remembered_until_done), T(healing_without_note_is_found),
		T(restoring_without_note_is_found), T(setting_aside_is_finished),
		T(recovery_drops_what_is_torn), T(recovery_sets_older_ones_aside),
		T(recovery_without_marker_reads_nothing),
		T(links_share_the_inode), T(executables_are_inodes_of_their_own), T(prepared_variant_waits_for_settle),
		T(taken_names), T(missing_lost_and_damaged),
		T(piece_whole), T(pieces_in_order_and_not), T(pieces_overlap), T(piece_has_what_was_kept),
		T(stale_bytes_do_not_count), T(lying_piece_drops_all), T(piece_beyond_size), T(piece_heals),
		T(recovery_drops_pieces_of_whole_objects), T(gaps_are_what_lies_between),
		T(foreign_maps_promise_nothing), T(planted_pieces_are_not_followed), T(whole_came_in_the_meantime),
		T(full_disk_costs_what_was_not_written), T(each_names_every_object_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

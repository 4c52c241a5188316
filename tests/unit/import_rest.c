/*
 * Large objects (import/objects.h): their blocks, which others write in any order while the object goes on, and what of them counts later.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "import/objects.h"
#include "lib/buf.h"
#include "lib/bulk.h"
#include "lib/err.h"
#include "manifests/reason.h"
#include "tests/unit/bare_store.h"

#include "lib/banned.h"

#define BLOCKS 4
#define SIZE (BLOCKS * BULK_BLOCK + 1000)

static uint8_t big[SIZE];
static struct digest digest;
static struct {
	unsigned syncs;	/* of regular files */
	unsigned before;	/* those before the last name was given */
	bool no_rename;	/* there is no room for a name */
	size_t bad;	/* where no file can be read */
	bool no_unlink;
} calls;
#define STEP ((size_t)1 << 20)	/* that is missing where one sector is */

/* In place of libc's. */
int fsync(int fd)
{
	struct stat st;

	calls.syncs += fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	return (int)syscall(SYS_fsync, fd);
}

int renameat(int a, const char *from, int b, const char *to)
{
	calls.before = calls.syncs;
	if (!calls.no_rename)
		return (int)syscall(SYS_renameat2, a, from, b, to, 0);
	errno = ENOSPC;
	return -1;
}

int unlinkat(int fd, const char *name, int how)
{
	if (!calls.no_unlink)
		return (int)syscall(SYS_unlinkat, fd, name, how);
	errno = EIO;
	return -1;
}

/* In place of libc's pread, which is an inline function elsewhere. */
ssize_t read_at(int fd, void *data, size_t len, off64_t at) __asm__("pread64");
ssize_t read_at(int fd, void *data, size_t len, off64_t at)
{
	if ((size_t)at > calls.bad || (size_t)at + len <= calls.bad)
		return syscall(SYS_pread64, fd, data, len, at);
	errno = EIO;
	return -1;
}

static int setup(void **state)
{
	struct err e = {0};

	memset(&calls, 0, sizeof calls);
	calls.bad = SIZE_MAX;
	for (size_t i = 0; i < SIZE; i++)
		big[i] = (uint8_t)(i * 7 + i / 251 + 1);
	bare_store_must(digest_of(big, SIZE, &digest, &e), &e);
	return bare_store_setup(state);
}

static struct objects_piece *begin(const struct bare_store *s)
{
	struct err e = {0};
	struct objects_piece *p = objects_piece_open(s->objects, &digest, SIZE, &e);

	bare_store_must(p == NULL ? -1 : 0, &e);
	return p;
}

/* Bytes that change as soon as they were taken. */
static struct objects_rest *take(struct objects_piece *p, size_t from, size_t len)
{
	struct objects_rest *rest = NULL;
	uint8_t *bytes = malloc(len);
	struct err e = {0};

	assert_non_null(bytes);
	memcpy(bytes, big + from, len);
	bare_store_must(objects_piece_write(p, from, bytes, len, &rest, &e), &e);
	memset(bytes, 0xee, len);
	free(bytes);
	return rest;
}

static void assert_whole(const struct bare_store *s)
{
	struct err e = {0};
	struct buf b = {0};

	bare_store_must(objects_fetch(s->objects, &digest, SIZE, &b, &e), &e);
	assert_memory_equal(b.data, big, SIZE);
	buf_free(&b);
}

struct others {
	struct objects_rest *rests[BLOCKS];
	atomic_uint left;
};

static void *write_backwards(void *arg)
{
	struct others *o = arg;
	struct err e = {0};

	for (unsigned i = BLOCKS; i-- > 0;) {
		usleep(20000);
		o->left--;	/* before: with the last one the end may come */
		if (objects_rest(o->rests[i], &e) == -1)
			break;
	}
	return NULL;
}

static void others_write_in_any_order(void **state)
{
	struct others o = {.left = BLOCKS};
	struct objects_piece *p = begin(*state);
	pthread_t thread;
	struct err e = {0};
	size_t at = 0;

	for (unsigned i = 0; i < BLOCKS; i++, at += BULK_BLOCK) {
		assert_null(take(p, at, 1000));	/* not full yet */
		o.rests[i] = take(p, at + 1000, BULK_BLOCK - 1000);
		assert_non_null(o.rests[i]);
	}
	assert_null(take(p, at, SIZE - at));
	assert_int_equal(pthread_create(&thread, NULL, write_backwards, &o), 0);
	assert_int_equal(objects_piece_end(p, &e), 1);	/* not before all is written */
	assert_int_equal(o.left, 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_whole(*state);
}

/* One is left over, those that follow it in the same call are written. */
static void one_rest_at_a_time(void **state)
{
	struct objects_piece *p = begin(*state);
	struct objects_rest *rest = take(p, 0, SIZE);
	struct err e = {0};

	assert_non_null(rest);
	bare_store_must(objects_rest(rest, &e), &e);
	assert_int_equal(objects_piece_end(p, &e), 1);
	assert_whole(*state);
}

/* With room for three blocks, the last one can't be written by who has it. In a process of its own: 0 where all went as it must. */
static int meet_full_disk(const struct bare_store *s)
{
	const struct rlimit small = {3 * BULK_BLOCK, 3 * BULK_BLOCK};
	struct objects_piece *p = begin(s);
	struct objects_rest *rest;
	struct err e = {0};
	int failed = 0;

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &small);
	for (size_t at = 0; at < BLOCKS * BULK_BLOCK; at += BULK_BLOCK) {
		rest = take(p, at, BULK_BLOCK);
		failed += rest == NULL || (objects_rest(rest, &e) == -1 && e.sys == EFBIG);
	}
	err_clear(&e);
	return failed == 1 && objects_piece_end(p, &e) == 0 ? 0 : 1;
}

static void what_others_could_not_write_is_missing(void **state)
{
	struct bare_store *s = *state;
	struct objects_piece *p;
	struct objects_rest *rest;
	struct err e = {0};
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(meet_full_disk(s));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(objects_piece_has(s->objects, &digest, SIZE, 0, 3 * BULK_BLOCK, &e), 1);
	assert_int_equal(objects_piece_has(s->objects, &digest, SIZE, 3 * BULK_BLOCK, 1, &e), 0);
	p = begin(s);	/* the rest completes it */
	rest = take(p, 3 * BULK_BLOCK, SIZE - 3 * BULK_BLOCK);
	bare_store_must(objects_rest(rest, &e), &e);
	assert_int_equal(objects_piece_end(p, &e), 1);
	assert_whole(s);
}

/* Zeros are not written: behind a block that could not be they aren't there. In a process of its own, as above. */
static int lose_zeros(const struct bare_store *s)
{
	const struct rlimit small = {BULK_BLOCK, BULK_BLOCK};
	struct objects_piece *p = begin(s);
	struct objects_rest *rests[2];
	struct err e = {0};
	int failed = 0;

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &small);
	for (size_t i = 0; i < 2; i++)
		rests[i] = take(p, i * BULK_BLOCK, BULK_BLOCK);
	take(p, 2 * BULK_BLOCK, BULK_BLOCK - 1000);
	for (size_t i = 0; i < 2; i++)
		failed += objects_rest(rests[i], &e) == -1;
	err_clear(&e);
	return failed == 1 && objects_piece_end(p, &e) == 0 ? 0 : 1;
}

static void zeros_behind_what_could_not_be_written(void **state)
{
	struct bare_store *s = *state;
	struct err e = {0};
	pid_t child = fork();
	int status;

	if (child == 0) {
		memset(big + 2 * BULK_BLOCK, 0, BULK_BLOCK);
		_exit(lose_zeros(s));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(objects_piece_has(s->objects, &digest, SIZE, 0, BULK_BLOCK, &e), 1);
	assert_int_equal(objects_piece_has(s->objects, &digest, SIZE, BULK_BLOCK, 1, &e), 0);
	assert_int_equal(objects_piece_has(s->objects, &digest, SIZE, 2 * BULK_BLOCK, 1, &e), 0);
}

static int write_and_end(const struct bare_store *s, uint64_t size, size_t from, size_t len, bool evil, struct err *e)
{
	struct objects_piece *p = objects_piece_open(s->objects, &digest, size, e);
	uint8_t *bytes = malloc(len);

	bare_store_must(p == NULL ? -1 : 0, e);
	assert_non_null(bytes);
	memcpy(bytes, big + from, len);
	bytes[0] = (uint8_t)(evil ? bytes[0] + 1 : bytes[0]);
	bare_store_must(objects_piece_write(p, from, bytes, len, NULL, e), e);
	free(bytes);
	return objects_piece_end(p, e);
}

/* What was hashed of a file says nothing of the bytes that came to it after another opened it. */
static void running_hash_of_what_was_thrown_away(void **state)
{
	struct bare_store *s = *state;
	struct err e = {0};

	assert_int_equal(write_and_end(s, SIZE, 0, 1000, false, &e), 0);
	assert_int_equal(write_and_end(s, SIZE + 1, 0, 1, false, &e), 0);
	assert_int_equal(write_and_end(s, SIZE, 0, 1000, true, &e), 0);
	assert_int_equal(write_and_end(s, SIZE, 1000, SIZE - 1000, false, &e), -1);
	assert_int_equal(e.reason, R_OBJECT_DIGEST);
	assert_int_equal(objects_needed(s->objects, &digest, &e), 1);
	e = (struct err){0};	/* and another run's, with all of it hashed as it comes */
	assert_int_equal(write_and_end(s, SIZE, 0, 1000, false, &e), 0);
	assert_int_equal(write_and_end(s, SIZE, 1000, SIZE - 1000, false, &e), 1);
	assert_whole(s);
}

/* What a run that was killed left without a map, and a map without its file, are of no use, and go. */
static void left_without_a_map(void **state)
{
	struct bare_store *s = *state;
	struct err e = {0};
	char name[DIGEST_HEX + 32], map[DIGEST_HEX + 32], hex[DIGEST_HEX + 1];
	struct objects_recovery recovery = {.interrupted = true};

	snprintf(name, sizeof name, "stage/pieces/%s", digest_hex(&digest, hex));
	snprintf(map, sizeof map, "stage/pieces/%s.map", hex);
	for (int kept = 0; kept < 3; kept++) {
		assert_int_equal(write_and_end(s, SIZE, 0, 1000, false, &e), 0);
		if (kept == 0)
			assert_int_equal(unlink(bare_store_path(s, map)), 0);
		else if (kept == 1)
			assert_int_equal(unlink(bare_store_path(s, name)), 0);
		bare_store_reopen(s);
		bare_store_must(objects_recover(s->objects, &recovery, &e), &e);
		assert_int_equal(access(bare_store_path(s, name), F_OK), kept == 2 ? 0 : -1);
		assert_int_equal(access(bare_store_path(s, map), F_OK), kept == 2 ? 0 : -1);
	}
}

/* An object of which something was durable is so as a whole before it has its final name, under which recovery drops what is torn. One
 * that comes at once has the sync that settles all. */
static void durable_before_it_has_its_name(void **state)
{
	struct bare_store *s = *state;
	struct err e = {0};

	for (int reopened = 0; reopened < 2; reopened++) {
		assert_int_equal(write_and_end(s, SIZE, 0, 1000, false, &e), 0);
		if (reopened)
			bare_store_reopen(s);
		calls.syncs = 0;
		assert_int_equal(write_and_end(s, SIZE, 1000, SIZE - 1000, false, &e), 1);
		assert_int_equal(calls.before, 1);
		assert_whole(s);
		assert_int_equal(unlink(bare_store_object(s, &digest, "")), 0);
	}
	calls.syncs = 0;
	assert_int_equal(write_and_end(s, SIZE, 0, SIZE, false, &e), 1);
	assert_int_equal(calls.syncs, 0);
}

/* By the store's owner, who need not be root: 0 where the name could not be given at first, and could be with room for it. */
static int meet_no_room_for_the_name(const struct bare_store *s)
{
	struct err e = {0};

	if (geteuid() == 0 && (setresgid(65534, 65534, 65534) == -1 || setresuid(65534, 65534, 65534) == -1))
		return 4;
	if (write_and_end(s, SIZE, 0, 1000, false, &e) != 0)
		return 3;
	calls.no_rename = true;
	if (write_and_end(s, SIZE, 1000, SIZE - 1000, false, &e) != -1 || e.reason != ERR_NO_SPACE)
		return 2;
	calls.no_rename = false;
	err_clear(&e);
	return write_and_end(s, SIZE, 1000, SIZE - 1000, false, &e) == 1 ? 0 : 1;
}

static void no_room_for_the_name(void **state)
{
	static const char *const parts[] = {"", "objects", "stage"};
	struct bare_store *s = *state;
	struct stat st;
	pid_t child;
	int status;

	for (size_t i = 0; geteuid() == 0 && i < sizeof parts / sizeof *parts; i++)
		assert_int_equal(chown(bare_store_path(s, parts[i]), 65534, 65534), 0);
	child = fork();
	if (child == 0)
		_exit(meet_no_room_for_the_name(s));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_whole(s);
	assert_int_equal(stat(bare_store_object(s, &digest, ""), &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0444);
}

/* A map has room for some 400,000 extents: of more, which only somebody who means harm makes, the shortest are missing again. */
static void more_extents_than_a_map_takes(void **state)
{
	enum { TOO_MANY = 401000, ZEROS = 2 * TOO_MANY };
	struct bare_store *s = *state;
	struct objects_gap *gaps = NULL;
	struct objects_piece *p;
	struct err e = {0};
	uint64_t size;
	size_t n;

	memset(big, 0, ZEROS);
	bare_store_must(digest_of(big, SIZE, &digest, &e), &e);
	p = begin(s);
	for (size_t at = 0; at < ZEROS; at += 2)	/* one that lies, too: what it wrote must not count later */
		bare_store_must(objects_piece_write(p, at, "\xee", 1, NULL, &e), &e);
	bare_store_must(objects_piece_write(p, BULK_BLOCK, big + BULK_BLOCK, 1000, NULL, &e), &e);
	assert_int_equal(objects_piece_end(p, &e), 0);
	bare_store_must(objects_piece_gaps(s->objects, &digest, &size, &gaps, &n, &e), &e);
	free(gaps);
	assert_in_range(n, 390000, 400000);
	assert_int_equal(objects_piece_has(s->objects, &digest, SIZE, 0, 1, &e), 0);
	assert_int_equal(objects_piece_has(s->objects, &digest, SIZE, ZEROS - 2, 1, &e), 1);
	assert_int_equal(objects_piece_has(s->objects, &digest, SIZE, BULK_BLOCK, 1000, &e), 1);
	p = begin(s);
	bare_store_must(objects_piece_write(p, 0, big, 1000, NULL, &e), &e);	/* zeros, where no extent is known of */
	bare_store_must(objects_piece_write(p, 1000, big + 1000, SIZE - 1000, NULL, &e), &e);
	assert_int_equal(objects_piece_end(p, &e), 1);
	assert_whole(s);
}

/* One that no run of ours wrote keeps nothing out. */
static void map_too_large(void **state)
{
	struct bare_store *s = *state;
	struct objects_gap *gaps = NULL;
	char map[DIGEST_HEX + 32], hex[DIGEST_HEX + 1];
	struct err e = {0};
	uint64_t size;
	size_t n;

	snprintf(map, sizeof map, "stage/pieces/%s.map", digest_hex(&digest, hex));
	assert_int_equal(write_and_end(s, SIZE, 0, 1000, false, &e), 0);
	assert_int_equal(truncate(bare_store_path(s, map), (16 << 20) + 1), 0);
	assert_int_equal(objects_piece_has(s->objects, &digest, SIZE, 0, 1, &e), 0);
	assert_int_equal(objects_piece_gaps(s->objects, &digest, &size, &gaps, &n, &e), 1);
	assert_int_equal(write_and_end(s, SIZE, 1000, SIZE - 1000, false, &e), 0);
	assert_int_equal(write_and_end(s, SIZE, 0, 1000, false, &e), 1);
	assert_whole(s);
}

/* What can't be read when the last piece has come is missing again, and nothing else is. */
static void sector_gone_bad(void **state)
{
	struct bare_store *s = *state;
	struct objects_gap *gaps = NULL;
	struct err e = {0};
	uint64_t size;
	size_t n;

	assert_int_equal(write_and_end(s, SIZE, 0, 2 * BULK_BLOCK, false, &e), 0);
	bare_store_reopen(s);	/* another run has no running hash */
	calls.bad = 5 * STEP + 4096;
	assert_int_equal(write_and_end(s, SIZE, 2 * BULK_BLOCK, SIZE - 2 * BULK_BLOCK, false, &e), 0);
	calls.bad = SIZE_MAX;
	assert_int_equal(objects_piece_gaps(s->objects, &digest, &size, &gaps, &n, &e), 0);
	assert_int_equal(n, 1);
	assert_true(gaps[0].from == 5 * STEP && gaps[0].to == 6 * STEP);
	free(gaps);
	assert_int_equal(write_and_end(s, SIZE, 5 * STEP, STEP, false, &e), 1);
	assert_whole(s);
}

/* Then nothing of the object is known to be there. */
static void sector_of_the_map_gone_bad(void **state)
{
	struct bare_store *s = *state;
	struct objects_gap *gaps = NULL;
	struct err e = {0};
	uint64_t size;
	size_t n;

	assert_int_equal(write_and_end(s, SIZE, 1000, SIZE - 1000, false, &e), 0);
	bare_store_reopen(s);
	calls.bad = 0;
	assert_int_equal(objects_piece_has(s->objects, &digest, SIZE, 1000, 1, &e), 0);
	assert_int_equal(objects_piece_gaps(s->objects, &digest, &size, &gaps, &n, &e), 1);
	assert_int_equal(write_and_end(s, SIZE, 0, SIZE, false, &e), 1);
	calls.bad = SIZE_MAX;
	assert_whole(s);
}

/* Its map is of another size, and can't be taken away. */
static void former_map_stays(void **state)
{
	struct bare_store *s = *state;
	struct err e = {0};

	assert_int_equal(write_and_end(s, SIZE, 0, 1000, false, &e), 0);
	calls.no_unlink = true;
	assert_null(objects_piece_open(s->objects, &digest, SIZE + 1, &e));
	calls.no_unlink = false;
	assert_int_equal(e.reason, ERR_IO);
	err_clear(&e);
	assert_int_equal(write_and_end(s, SIZE, 1000, SIZE - 1000, false, &e), 1);
	assert_whole(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(others_write_in_any_order, setup, bare_store_teardown),
		cmocka_unit_test_setup_teardown(one_rest_at_a_time, setup, bare_store_teardown),
		cmocka_unit_test_setup_teardown(what_others_could_not_write_is_missing, setup, bare_store_teardown),
		cmocka_unit_test_setup_teardown(running_hash_of_what_was_thrown_away, setup, bare_store_teardown),
		cmocka_unit_test_setup_teardown(left_without_a_map, setup, bare_store_teardown),
		cmocka_unit_test_setup_teardown(zeros_behind_what_could_not_be_written, setup, bare_store_teardown),
		cmocka_unit_test_setup_teardown(durable_before_it_has_its_name, setup, bare_store_teardown),
		cmocka_unit_test_setup_teardown(no_room_for_the_name, setup, bare_store_teardown),
		cmocka_unit_test_setup_teardown(more_extents_than_a_map_takes, setup, bare_store_teardown),
		cmocka_unit_test_setup_teardown(map_too_large, setup, bare_store_teardown),
		cmocka_unit_test_setup_teardown(sector_gone_bad, setup, bare_store_teardown),
		cmocka_unit_test_setup_teardown(sector_of_the_map_gone_bad, setup, bare_store_teardown),
		cmocka_unit_test_setup_teardown(former_map_stays, setup, bare_store_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

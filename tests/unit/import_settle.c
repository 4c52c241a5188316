/*
 * When objects are durable (import/objects_settle.c): syncs and the marker, in order, and a sync that fails is final.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "import/objects.h"
#include "lib/err.h"
#include "tests/unit/bare_store.h"

#include "lib/banned.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static struct {
	unsigned calls, fail_at;	/* the nth fails, 0: none */
	bool held, hold;	/* the next one waits until it is let go */
	bool marker;		/* it was there at each call */
	const char *store_marker;
} sync_of;

/* In place of libc's. */
int syncfs(int fd)
{
	bool fails;

	pthread_mutex_lock(&lock);
	fails = ++sync_of.calls == sync_of.fail_at;
	sync_of.marker = sync_of.marker && access(sync_of.store_marker, F_OK) == 0;
	sync_of.held = sync_of.hold;
	pthread_cond_broadcast(&moved);
	while (sync_of.hold)
		pthread_cond_wait(&moved, &lock);
	pthread_mutex_unlock(&lock);
	errno = EIO;
	return fails ? -1 : (int)syscall(SYS_syncfs, fd);
}

static void watch(const struct bare_store *s, unsigned fail_at)
{
	static char marker[256];

	snprintf(marker, sizeof marker, "%s", bare_store_path(s, "stage/receiving"));
	sync_of.calls = 0;
	sync_of.fail_at = fail_at;
	sync_of.marker = true;
	sync_of.store_marker = marker;
}

static bool marked(const struct bare_store *s)
{
	struct err e = {0};
	int rc = objects_unsettled(s->objects, &e);

	bare_store_must(rc, &e);
	assert_int_equal(rc, access(bare_store_path(s, "stage/receiving"), F_OK) == 0);
	return rc == 1;
}

static void put(struct bare_store *s, const char *text)
{
	struct err e = {0};
	struct digest d;

	bare_store_must(digest_of(text, strlen(text), &d, &e), &e);
	bare_store_must(objects_begin(s->objects, &e), &e);
	bare_store_must(objects_put(s->objects, &d, text, strlen(text), NULL, &e), &e);
}

static void nothing_begun_is_nothing_to_sync(void **state)
{
	struct bare_store *s = *state;
	struct err e = {0};

	watch(s, 0);
	bare_store_must(objects_flush(s->objects, &e), &e);
	bare_store_must(objects_settle(s->objects, &e), &e);
	assert_int_equal(sync_of.calls, 0);
	assert_false(marked(s));
}

/* The marker goes after a sync that began when the last object was there: that of the flush may have begun before. */
static void flushed_objects_are_synced_again(void **state)
{
	struct bare_store *s = *state;
	struct err e = {0};

	watch(s, 0);
	put(s, "one");
	sync_of.hold = true;
	bare_store_must(objects_flush(s->objects, &e), &e);
	bare_store_must(objects_flush(s->objects, &e), &e);	/* one is under way */
	pthread_mutex_lock(&lock);
	while (!sync_of.held)
		pthread_cond_wait(&moved, &lock);
	pthread_mutex_unlock(&lock);
	put(s, "two");	/* while the kernel syncs */
	assert_true(marked(s));
	pthread_mutex_lock(&lock);
	sync_of.hold = false;
	pthread_cond_broadcast(&moved);
	pthread_mutex_unlock(&lock);
	bare_store_must(objects_settle(s->objects, &e), &e);
	assert_int_equal(sync_of.calls, 2);
	assert_true(sync_of.marker);
	assert_false(marked(s));
	put(s, "three");	/* the next bundle's */
	assert_true(marked(s));
	bare_store_must(objects_flush(s->objects, &e), &e);
	bare_store_must(objects_settle(s->objects, &e), &e);
	assert_int_equal(sync_of.calls, 4);
	assert_false(marked(s));
}

/* What the kernel could not write it may have forgotten: no further sync proves anything, and the marker stays. */
static void fail_at(struct bare_store *s, unsigned nth)
{
	struct err e = {0};

	watch(s, nth);
	put(s, "one");
	bare_store_must(objects_flush(s->objects, &e), &e);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(objects_settle(s->objects, &e), -1);
		assert_int_equal(e.reason, ERR_IO);
		assert_int_equal(sync_of.calls, nth);
		err_clear(&e);
	}
	assert_true(marked(s));
}

static void failed_flush_is_final(void **state)
{
	fail_at(*state, 1);
}

static void failed_sync_is_final(void **state)
{
	fail_at(*state, 2);
}

/* A run that ends early waits for what it began. */
static void closing_waits_for_the_flush(void **state)
{
	struct bare_store *s = *state;
	struct err e = {0};

	watch(s, 0);
	put(s, "one");
	bare_store_must(objects_flush(s->objects, &e), &e);
	bare_store_reopen(s);
	assert_int_equal(sync_of.calls, 1);
	assert_true(marked(s));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, bare_store_setup, bare_store_teardown)
	const struct CMUnitTest tests[] = {
		T(nothing_begun_is_nothing_to_sync), T(flushed_objects_are_synced_again), T(failed_flush_is_final), T(failed_sync_is_final),
		T(closing_waits_for_the_flush),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Crossing: an object's parts come from many threads, its digest is of all bytes in order; what isn't carried counts, too; whatever is
 * wrong is told to all who wait. Meant for ThreadSanitizer, too.
 */
#include "export/crossing.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/err.h"
#include "manifests/reason.h"
#include "tests/unit/bare_station.h"

enum { PARTS = 12, PART = 300000, SIZE = PARTS * PART };

static uint8_t bytes[SIZE];
static struct bare_station its;
static struct crossings crossings;

static void write_object(size_t len)
{
	bare_station_write(&its, bytes, len);
}

static int start(void **state)
{
	(void)state;
	bare_station_bytes(bytes, SIZE);
	bare_station_make(&its, SIZE);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	bare_station_remove(&its);
	return 0;
}

struct hand {		/* one thread's part */
	struct crossing *crossing;
	struct crossing_part part;
	pthread_t thread;
	uint8_t *data, passing[CROSSING_STEP];
	bool gives_up;
	int rc;
	struct err err;
};

static void *run(void *arg)
{
	struct hand *h = arg;

	h->rc = crossing_read(h->crossing, &h->part, h->data, &h->err);
	if (h->rc == 0 && h->gives_up)
		h->rc = err_set(&h->err, ERR_INTERNAL, "gave up");
	if (h->rc == 0)
		h->rc = crossing_hash(h->crossing, &h->part, h->data, h->passing, NULL, &h->err);
	if (h->rc == -1)
		crossings_give_up(&crossings, &h->err);
	crossing_free(h->crossing);
	return NULL;
}

/* Deals out every `step`-th part, has the later ones begin first, and returns what each came to; all bytes read are compared. */
static void run_all(struct hand *hands, size_t step, size_t gives_up)
{
	struct err e = {0};
	struct crossing *c;

	crossings = (struct crossings)CROSSINGS(&its.station, &its.selection);
	c = crossing_new(&crossings, 0, &e);
	assert_non_null(c);
	for (size_t i = 0; i < PARTS; i += step) {
		hands[i] = (struct hand){.crossing = crossing_hold(c), .data = malloc(PART), .gives_up = i == gives_up,
					 .part = crossing_next(c, i * PART, PART, i + step >= PARTS)};
		assert_non_null(hands[i].data);
		assert_int_equal(hands[i].part.nth, i / step);
	}
	crossing_free(c);
	for (size_t i = PARTS; i-- > 0;)
		if (i % step == 0)
			assert_int_equal(pthread_create(&hands[i].thread, NULL, run, &hands[i]), 0);
	for (size_t i = 0; i < PARTS; i += step) {
		assert_int_equal(pthread_join(hands[i].thread, NULL), 0);
		if (hands[i].rc == 0)
			assert_memory_equal(hands[i].data, bytes + i * PART, PART);
		free(hands[i].data);
	}
}

enum { NOBODY = PARTS };

static void in_any_order(void **state)
{
	static struct hand hands[PARTS];

	(void)state;
	write_object(SIZE);
	for (size_t step = 1; step <= PARTS; step++) {	/* from 2 on with gaps between, and a rest behind the last */
		run_all(hands, step, NOBODY);
		for (size_t i = 0; i < PARTS; i += step)
			assert_int_equal(hands[i].rc, 0);
	}
}

/* One byte of what is carried, one of what lies between, one of the rest. */
static void changed(void **state)
{
	(void)state;
	for (size_t at = 5; at < SIZE; at += SIZE / 2 - 5) {
		static struct hand hands[PARTS];

		bytes[at] ^= 1;
		write_object(SIZE);
		run_all(hands, 5, NOBODY);	/* 0, 5, 10: the middle isn't carried */
		assert_int_equal(hands[0].rc, 0);
		assert_int_equal(hands[5].rc, 0);
		assert_int_equal(hands[10].rc, -1);
		assert_int_equal(hands[10].err.reason, R_CONTENT_CHANGED);
		assert_non_null(strstr(hands[10].err.text, "no longer the approved"));
		bytes[at] ^= 1;
	}
}

static void shorter(void **state)
{
	static struct hand hands[PARTS];

	(void)state;
	write_object(SIZE - 1);
	run_all(hands, 1, NOBODY);
	assert_int_equal(hands[PARTS - 1].err.reason, R_CONTENT_CHANGED);
	assert_non_null(strstr(hands[PARTS - 1].err.text, "is shorter"));
	run_all(hands, 5, NOBODY);	/* in what is not carried */
	assert_int_equal(hands[10].err.reason, R_CONTENT_CHANGED);
	assert_non_null(strstr(hands[10].err.text, "is shorter"));
}

static void nobody_waits_for_ever(void **state)
{
	static struct hand hands[PARTS];

	(void)state;
	write_object(SIZE);
	run_all(hands, 1, 3);
	for (size_t i = 0; i < PARTS; i++) {
		if (i >= 3) {
			assert_int_equal(hands[i].rc, -1);
			assert_string_equal(hands[i].err.text, "gave up");
		} else if (hands[i].rc == -1) {	/* what is given up need not go on for anybody */
			assert_string_equal(hands[i].err.text, "gave up");
		}
	}
}

static void lost(void **state)
{
	static struct hand hands[PARTS];

	(void)state;
	unlink(its.object);
	run_all(hands, 1, NOBODY);
	for (size_t i = 0; i < PARTS; i++)
		assert_int_equal(hands[i].err.reason, R_STATION_DAMAGED);
}

int main(void)
{
	struct err e = {0};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_any_order),
		cmocka_unit_test(changed),
		cmocka_unit_test(shorter),
		cmocka_unit_test(nobody_waits_for_ever),
		cmocka_unit_test(lost),
	};

	return digest_start(&e) == -1 ? 1 : cmocka_run_group_tests(tests, start, stop);
}

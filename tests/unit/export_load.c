/*
 * Load: many objects carried in part within one frame take hardly any memory; a frame whose object began in an earlier one is read
 * without waiting for that.
 */
#include "export/load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/err.h"
#include "manifests/limits.h"
#include "manifests/reason.h"
#include "tests/unit/bare_station.h"

enum { SIZE = 300000, PART = 512 };

static uint8_t bytes[SIZE];
static struct bare_station its;
static struct crossings crossings;
static struct loader *loader;
static uint8_t *frame, *later;

static int start(void **state)
{
	struct err e = {0};

	(void)state;
	bare_station_bytes(bytes, SIZE);
	bare_station_make(&its, SIZE);
	crossings = (struct crossings)CROSSINGS(&its.station, &its.selection);
	loader = loader_open(&its.station, &its.selection, &e);
	frame = malloc(FRAME_SIZE);
	later = malloc(FRAME_SIZE);
	return loader == NULL || frame == NULL || later == NULL ? -1 : 0;
}

static int stop(void **state)
{
	(void)state;
	free(frame);
	free(later);
	loader_close(loader);
	bare_station_remove(&its);
	return 0;
}

static void add(struct load *l, struct crossing *c, uint64_t from, uint32_t len, bool last, size_t at)
{
	struct crossing_part p = crossing_next(c, from, len, last);
	struct err e = {0};

	assert_int_equal(load_add_part(l, c, &p, at, &e), 0);
}

static long peak(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;	/* KiB */
}

static void many_in_part(void **state)
{
	enum { MANY = FRAME_SIZE / (2 * PART) };
	struct load l = {0};
	struct err e = {0};
	long before;

	(void)state;
	memset(frame, 0, FRAME_SIZE);
	before = peak();
	for (size_t i = 0; i < MANY; i++) {
		struct crossing *c = crossing_new(&crossings, 0, &e);

		assert_non_null(c);
		add(&l, c, 200000, PART, true, 2 * PART * i + PART);
		crossing_free(c);
	}
	assert_int_equal(loader_run(loader, &l, frame, &e), 0);
	assert_int_equal(loader_follow(loader, &l, frame, NULL, &e), 0);
	for (size_t i = 0; i < MANY; i++)
		assert_memory_equal(frame + 2 * PART * i + PART, bytes + 200000, PART);
	assert_int_equal(l.bytes, MANY * PART);
	assert_true(peak() - before < 16 << 10);
	load_free(&l);
}

/* The object in two frames: the later one read first, which must not wait; a hang ends by the alarm. */
static void read_backwards(struct load *first, struct load *second)
{
	struct err e = {0};
	struct crossing *c = crossing_new(&crossings, 0, &e);

	assert_non_null(c);
	add(first, c, 0, 100000, false, PART);
	add(second, c, 100000, 100000, false, 0);
	add(second, c, 250000, SIZE - 250000, true, 150000);
	crossing_free(c);
	assert_false(first->parts[0].late);
	assert_true(second->parts[0].late && second->parts[1].late);
	alarm(60);
	assert_int_equal(loader_run(loader, second, later, &e), 0);
	assert_int_equal(loader_run(loader, first, frame, &e), 0);
	alarm(0);
}

static void later_frame_first(void **state)
{
	struct load first = {0}, second = {0};
	struct err e = {0};

	(void)state;
	read_backwards(&first, &second);
	assert_int_equal(loader_follow(loader, &second, later, NULL, &e), 0);
	assert_memory_equal(frame + PART, bytes, 100000);
	assert_memory_equal(later, bytes + 100000, 100000);
	assert_memory_equal(later + 150000, bytes + 250000, SIZE - 250000);
	load_free(&first);
	load_free(&second);
}

/* What is carried must be what is hashed: a change in the frame after reading is found. */
static void hashed_from_the_frame(void **state)
{
	struct load first = {0}, second = {0};
	struct err e = {0};

	(void)state;
	read_backwards(&first, &second);
	later[7] ^= 1;
	assert_int_equal(loader_follow(loader, &second, later, NULL, &e), -1);
	assert_int_equal(e.reason, R_CONTENT_CHANGED);
	load_free(&first);
	load_free(&second);
}

int main(void)
{
	struct err e = {0};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_in_part),
		cmocka_unit_test(later_frame_first),
		cmocka_unit_test(hashed_from_the_frame),
	};

	return digest_start(&e) == -1 ? 1 : cmocka_run_group_tests(tests, start, stop);
}

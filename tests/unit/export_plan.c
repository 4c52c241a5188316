/*
 * The cutting into volumes: nothing is left out or cut without need, every volume fits even if stored, limits hold.
 */
#include "export/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"
#include "manifests/limits.h"
#include "manifests/volume.h"

#define TAR_END 1024

static void add(struct cargo *c, uint64_t size)
{
	struct digest d = {{0}};
	struct err e = {0};
	uint64_t n = c->n;

	memcpy(d.bytes, &n, sizeof n);
	assert_int_equal(cargo_add(c, &d, size, NULL, &e), 1);
}

static uint64_t next(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *seed >> 33;
}

static void room_is_all_that_fits(void **state)
{
	const uint64_t sizes[] = {MIN_VOLUME_SIZE, MIN_VOLUME_SIZE + 1, MIN_VOLUME_SIZE + 511, 10000000, 12583017, 12583227,
				  100000000, DEFAULT_VOLUME_SIZE, MAX_VOLUME_SIZE};

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		uint64_t room = plan_room(sizes[i]);

		assert_int_equal(room % VOLUME_BLOCK, 0);
		assert_true(plan_stored(room) <= sizes[i]);
		assert_true(plan_stored(room + VOLUME_BLOCK) > sizes[i]);
		assert_true((room + FRAME_SIZE - 1) / FRAME_SIZE <= MAX_VOLUME_FRAMES);
	}
}

/* What one volume was seen to hold. */
struct seen {
	uint64_t tar, entries;
};

static void check_entry(const struct plan_entry *x, const struct cargo *c, uint64_t room, struct seen *now, uint64_t *from,
			size_t *object)
{
	uint64_t size = cargo_at(c, x->object)->size, max = room - TAR_END;

	assert_int_equal(x->object, *object);
	assert_true(x->from == *from);
	assert_true(x->at == now->tar + VOLUME_BLOCK);
	assert_true(x->piece == (volume_entry_span(size) > max));
	assert_true(x->piece || (x->from == 0 && x->length == size));
	assert_true(!x->piece || (x->length > 0 && x->length < size));
	now->tar += volume_entry_span(x->length);
	now->entries++;
	assert_true(now->tar + TAR_END <= room);
	assert_true(now->entries <= MAX_VOLUME_OBJECTS);
	*from += x->length;
	if (*from == size) {
		++*object;
		*from = 0;
	} else {
		assert_true(now->tar + TAR_END == room);	/* cut: then the volume is full */
	}
}

static void check(const struct cargo *c, uint64_t volume_size, uint64_t *volumes)
{
	uint64_t room = plan_room(volume_size), from = 0, current = 0;
	struct seen now = {0};
	struct plan_entry x;
	struct plan p;
	size_t object = 0;

	plan_start(&p, c, volume_size);
	while (plan_next(&p, &x)) {
		if (x.volume != current) {
			/* the next volume only because this one is full, or has less room than an entry needs */
			if (current > 0)
				assert_true(now.entries == MAX_VOLUME_OBJECTS ||
					    now.tar + TAR_END + volume_entry_span(x.length) > room ||
					    (x.piece && room - now.tar - TAR_END < VOLUME_BLOCK + PLAN_MIN_PIECE));
			assert_true(x.volume == current + 1);
			current = x.volume;
			now = (struct seen){0};
		}
		check_entry(&x, c, room, &now, &from, &object);
	}
	assert_int_equal(object, c->n);
	assert_true(from == 0);
	*volumes = current;
}

static void every_object_is_carried_whole(void **state)
{
	uint64_t seed = 7, volumes;

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct cargo c = {0};
		struct plan_total t;
		struct err e = {0};
		uint64_t size = MIN_VOLUME_SIZE + next(&seed) % 20000000;

		for (uint64_t n = 1 + next(&seed) % 60; n > 0; n--)
			add(&c, next(&seed) % 8 == 0 ? next(&seed) % 60000000 : next(&seed) % 3000000);
		check(&c, size, &volumes);
		assert_int_equal(plan_total(&c, size, &t, &e), 0);
		assert_true(t.volumes == volumes);
		assert_true(t.stored >= c.bytes);
		cargo_free(&c);
	}
}

static void boundaries(void **state)
{
	uint64_t max = plan_room(MIN_VOLUME_SIZE) - TAR_END - VOLUME_BLOCK, volumes;
	const struct { uint64_t first, second, volumes; } cases[] = {
		{max, 0, 2}, {max - 512, 0, 1}, {max - 511, 0, 2}, {max + 1, 0, 2}, {2 * max, 0, 3}, {2 * max + 1, 0, 3},
		{0, max, 2}, {0, 0, 1}, {max - 512 - PLAN_MIN_PIECE, 3 * max, 4}, {max - PLAN_MIN_PIECE - 511, 3 * max, 4},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct cargo c = {0};

		add(&c, cases[i].first);
		add(&c, cases[i].second);
		check(&c, MIN_VOLUME_SIZE, &volumes);
		assert_true(volumes == cases[i].volumes);
		cargo_free(&c);
	}
}

static void many_entries_begin_a_new_volume(void **state)
{
	struct cargo c = {0};
	uint64_t volumes;

	(void)state;
	for (size_t i = 0; i < MAX_VOLUME_OBJECTS; i++)
		add(&c, i % 3);
	check(&c, DEFAULT_VOLUME_SIZE, &volumes);
	assert_true(volumes == 1);
	add(&c, 1);
	check(&c, DEFAULT_VOLUME_SIZE, &volumes);
	assert_true(volumes == 2);
	cargo_free(&c);
}

static void too_many_volumes_are_refused(void **state)
{
	struct cargo c = {0};
	struct plan_total t;
	struct err e = {0};
	uint64_t max = plan_room(MIN_VOLUME_SIZE) - TAR_END - VOLUME_BLOCK;

	(void)state;
	add(&c, max * MAX_VOLUMES);
	assert_int_equal(plan_total(&c, MIN_VOLUME_SIZE, &t, &e), 0);
	assert_true(t.volumes == MAX_VOLUMES);
	add(&c, 1);
	assert_int_equal(plan_total(&c, MIN_VOLUME_SIZE, &t, &e), -1);
	assert_int_equal(e.reason, ERR_TOO_LARGE);
	cargo_free(&c);
}

/* Of objects carried in part every wanted byte is in the plan exactly once, as a piece, and no other. */
static void parts_are_carried_exactly(void **state)
{
	uint64_t seed = 11, room = plan_room(MIN_VOLUME_SIZE);

	(void)state;
	for (int round = 0; round < 200; round++) {
		struct extents want = {0}, got = {0};
		uint64_t size = 2 + next(&seed) % 40000000, used = 0, volume = 0;
		struct digest d = {{1}};
		struct plan_entry x;
		struct cargo c = {0};
		struct err e = {0};
		struct plan p;
		bool first = true, last = false;

		for (uint64_t n = 1 + next(&seed) % 5; n > 0; n--) {
			uint64_t from = next(&seed) % size, to = from + 1 + next(&seed) % (size - from);

			assert_int_equal(extents_add(&want, from, to, &e), 0);
		}
		if (extents_cover(&want, 0, size))
			assert_int_equal(extents_remove(&want, 0, 1, &e), 0);
		add(&c, 700);
		assert_int_equal(cargo_add_parts(&c, &d, size, NULL, &want, &e), 1);
		plan_start(&p, &c, MIN_VOLUME_SIZE);
		while (plan_next(&p, &x)) {
			if (x.volume != volume)
				used = TAR_END;
			volume = x.volume;
			used += volume_entry_span(x.length);
			assert_true(used <= room && x.at == used - TAR_END - volume_entry_span(x.length) + VOLUME_BLOCK);
			if (x.object == 0)
				continue;
			assert_true(x.piece && x.length > 0 && x.length < size && x.first == first && !last);
			assert_false(extents_meet(&got, x.from, x.from + x.length));
			assert_int_equal(extents_add(&got, x.from, x.from + x.length, &e), 0);
			first = false;
			last = x.last;
		}
		assert_true(last && got.n == want.n && memcmp(got.list, want.list, got.n * sizeof *got.list) == 0);
		assert_true(c.bytes == 700 + extents_sum(&want));
		cargo_free(&c);
		extents_free(&want);
		extents_free(&got);
	}
}

/* The digest tells plans apart that differ in anything. */
static void digest_covers_the_plan(void **state)
{
	struct cargo a = {0}, b = {0};
	struct plan_total x, y;
	struct err e = {0};

	(void)state;
	add(&a, 20000000);
	add(&b, 20000001);
	assert_int_equal(plan_total(&a, MIN_VOLUME_SIZE, &x, &e), 0);
	assert_int_equal(plan_total(&b, MIN_VOLUME_SIZE, &y, &e), 0);
	assert_false(digest_equal(&x.digest, &y.digest));
	assert_int_equal(plan_total(&a, MIN_VOLUME_SIZE + 4096, &y, &e), 0);
	assert_false(digest_equal(&x.digest, &y.digest));
	assert_int_equal(plan_total(&a, MIN_VOLUME_SIZE, &y, &e), 0);
	assert_true(digest_equal(&x.digest, &y.digest));
	cargo_free(&a);
	cargo_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(room_is_all_that_fits),
		cmocka_unit_test(every_object_is_carried_whole),
		cmocka_unit_test(boundaries),
		cmocka_unit_test(many_entries_begin_a_new_volume),
		cmocka_unit_test(too_many_volumes_are_refused),
		cmocka_unit_test(parts_are_carried_exactly),
		cmocka_unit_test(digest_covers_the_plan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

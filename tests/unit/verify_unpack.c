/*
 * Tar bytes against the index: every byte outside of object data is compared, in every frame, and data come whole and in
 * order. Rows A3 and A14 of the list of attacks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"
#include "manifests/limits.h"
#include "manifests/reason.h"
#include "tests/unit/fixture.h"
#include "verify/unpack.h"

static struct fixture *f;
static struct fixture_volume v;

/* Objects that put a header across two frames, one that fills frames, empty ones, and one whose padding ends a frame. */
static int start(void **state)
{
	uint8_t *data = malloc(3 * FRAME_SIZE);

	(void)state;
	f = fixture_new();
	if (data == NULL || f == NULL)
		return -1;
	fixture_random(7, data, 3 * FRAME_SIZE);
	fixture_object(f, data, 1);
	fixture_object(f, "", 0);
	fixture_object(f, data, FRAME_SIZE - 3 * 512 - 512 - 300);	/* the next header begins 512 - 300 rounded before the end */
	fixture_object(f, data + 1, 2 * FRAME_SIZE);
	fixture_object(f, data + 5, 511);
	fixture_piece(f, data, 3 * FRAME_SIZE, 100, 512);
	fixture_object(f, data + 9, 513);
	free(data);
	fixture_volume(f->objects, f->objects_n, &v);
	fixture_frames(&v, 1);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	fixture_volume_free(&v);
	fixture_free(f);
	return 0;
}

static bool in_data(uint64_t at)
{
	for (size_t i = 0; i < v.index.objects_n; i++)
		if (at >= v.index.objects[i].at && at < v.index.objects[i].at + volume_object_len(&v.index.objects[i]))
			return true;
	return false;
}

static void good(void **state)
{
	struct err e = {0};
	size_t len;

	(void)state;
	assert_true(v.index.frames_n >= 3);
	for (size_t i = 0; i < v.index.frames_n; i++)
		assert_int_equal(unpack_check(&v.index, i, v.tar.data + unpack_frame_at(i), &len, &e), 0);
}

/* Where the good bytes before a byte that lies end: with the entry before it, or with the object whose padding it is. */
static uint64_t good_until(uint64_t at)
{
	uint64_t end = 0;

	for (size_t i = 0; i < v.index.objects_n; i++) {
		const struct volume_object *o = &v.index.objects[i];
		uint64_t header = o->at - VOLUME_BLOCK, data_end = o->at + volume_object_len(o);

		if (header <= at && at < o->at)
			return header;
		if (data_end <= at)
			end = i + 1 < v.index.objects_n || at < header + volume_entry_span(volume_object_len(o))
				      ? data_end : header + volume_entry_span(volume_object_len(o));
	}
	return end;
}

/* Flips a bit of every byte that is no object data: each is found, in its frame and no other, and all before it counts. */
static void every_byte(void **state)
{
	struct err e = {0};
	size_t flipped = 0, len;

	(void)state;
	for (uint64_t at = 0; at < v.tar.len; at++) {
		size_t frame = at / FRAME_SIZE;

		if (in_data(at))
			continue;
		v.tar.data[at] ^= 0x20;
		assert_int_equal(unpack_check(&v.index, frame, v.tar.data + unpack_frame_at(frame), &len, &e), -1);
		assert_int_equal(e.reason, R_ENTRY_HEADER);
		assert_int_equal(len, good_until(at) > unpack_frame_at(frame) ? good_until(at) - unpack_frame_at(frame) : 0);
		v.tar.data[at] ^= 0x20;
		err_clear(&e);
		flipped++;
	}
	assert_true(flipped >= 512 * (v.index.objects_n + 2));
}

struct gathering {
	struct buf data[16];
	unsigned calls[16];
	size_t last;
};

static int gather(void *arg, size_t object, uint64_t from, const uint8_t *data, size_t len, struct err *e)
{
	struct gathering *g = arg;

	(void)e;
	assert_true(object >= g->last);
	assert_int_equal(from, g->data[object].len);
	g->last = object;
	g->calls[object]++;
	if (len > 0)
		buf_append(&g->data[object], data, len);
	return 0;
}

static void data_comes_whole(void **state)
{
	static const unsigned wants[] = {0x7f, 0x01, 0x02, 0x08, 0x40, 0x55, 0x00};

	(void)state;
	for (size_t w = 0; w < sizeof wants / sizeof *wants; w++) {
		struct gathering g = {.last = 0};
		bool want[16] = {false};
		struct err e = {0};

		for (size_t i = 0; i < v.index.objects_n; i++)
			want[i] = (wants[w] >> i & 1) != 0;
		for (size_t i = 0; i < v.index.frames_n; i++)
			assert_int_equal(unpack_each(&v.index, want, i, v.tar.data + unpack_frame_at(i), v.index.frames[i].holds, gather, &g, &e), 0);
		for (size_t i = 0; i < v.index.objects_n; i++) {
			const struct buf *is = &f->objects[i].data;

			if (!want[i]) {
				assert_int_equal(g.calls[i], 0);
				continue;
			}
			assert_int_equal(g.data[i].len, is->len);
			if (is->len == 0)
				assert_int_equal(g.calls[i], 1);
			else
				assert_memory_equal(g.data[i].data, is->data, is->len);
			buf_free(&g.data[i]);
		}
	}
}

/* Only frames that wanted entries lie in; all of them when all are wanted. */
static void frames(void **state)
{
	bool want[16] = {false}, frame[16] = {false};

	(void)state;
	unpack_frames(&v.index, want, frame);
	for (size_t i = 0; i < v.index.frames_n; i++)
		assert_false(frame[i]);
	want[0] = true;
	unpack_frames(&v.index, want, frame);
	assert_true(frame[0]);
	assert_false(frame[1]);
	memset(frame, 0, sizeof frame);
	want[0] = false;
	want[v.index.objects_n - 1] = true;
	unpack_frames(&v.index, want, frame);
	assert_false(frame[0]);
	assert_true(frame[v.index.frames_n - 1]);
	memset(frame, 0, sizeof frame);
	memset(want, true, v.index.objects_n);
	unpack_frames(&v.index, want, frame);
	for (size_t i = 0; i < v.index.frames_n; i++)
		assert_true(frame[i]);
}

/* An empty object whose header ends exactly where a frame does: once, from that frame. */
static void empty_at_the_edge(void **state)
{
	struct fixture_object objects[2] = {{.size = FRAME_SIZE - 2 * 512}, {.size = 0}};
	struct gathering g = {.last = 0};
	bool want[2] = {true, true};
	struct fixture_volume w;
	struct err e = {0};
	uint8_t *data = calloc(1, FRAME_SIZE);

	(void)state;
	buf_append(&objects[0].data, data, FRAME_SIZE - 2 * 512);
	fixture_volume(objects, 2, &w);
	fixture_frames(&w, 1);
	assert_int_equal(w.index.objects[1].at, FRAME_SIZE);
	assert_int_equal(unpack_each(&w.index, want, 0, w.tar.data, w.index.frames[0].holds, gather, &g, &e), 0);
	assert_int_equal(g.calls[1], 1);
	assert_int_equal(unpack_each(&w.index, want, 1, w.tar.data + FRAME_SIZE, w.index.frames[1].holds, gather, &g, &e), 0);
	assert_int_equal(g.calls[1], 1);
	buf_free(&g.data[0]);
	buf_free(&objects[0].data);
	fixture_volume_free(&w);
	free(data);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(good), cmocka_unit_test(every_byte), cmocka_unit_test(data_comes_whole),
		cmocka_unit_test(frames), cmocka_unit_test(empty_at_the_edge),
	};

	return cmocka_run_group_tests(tests, start, stop);
}

/*
 * Frames: what is stored and what is compressed come back through zstd as they were, on both sides of every boundary of
 * the header's fields, and the same bytes come out whatever was compressed before.
 */
#include "export/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zstd.h>

#include "lib/digest.h"
#include "lib/err.h"
#include "manifests/raw_frame.h"

static uint8_t *in, *out, *back;

static int begin(void **state)
{
	(void)state;
	in = malloc(MAX_FRAME_STORED);
	out = malloc(MAX_FRAME_STORED);
	back = malloc(FRAME_SIZE);
	return in && out && back ? 0 : -1;
}

static int finish(void **state)
{
	(void)state;
	free(in);
	free(out);
	free(back);
	return 0;
}

static void noise(uint8_t *p, size_t len, uint64_t seed)
{
	for (size_t i = 0; i < len; i++) {
		seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		p[i] = (uint8_t)(seed >> 56);
	}
}

/* One frame, its size in the header, no checksum, no dictionary. */
static void check_form(const uint8_t *frame, size_t size, size_t holds)
{
	assert_true(ZSTD_getFrameContentSize(frame, size) == holds);
	assert_int_equal(ZSTD_findFrameCompressedSize(frame, size), size);
	assert_int_equal(frame[4] & 0x07, 0);	/* RFC 8878, 3.1.1.1.1: checksum and dictionary flags */
	assert_true(size <= MAX_FRAME_STORED);
}

static int append(void *arg, const void *data, size_t len, struct err *e)
{
	size_t *n = arg;

	(void)e;
	assert_true(len <= MAX_FRAME_STORED - *n);
	memcpy(out + *n, data, len);
	*n += len;
	return 0;
}

static int refuse(void *arg, const void *data, size_t len, struct err *e)
{
	int *left = arg;

	(void)data;
	(void)len;
	return (*left)-- > 0 ? 0 : err_set(e, ERR_IO, "no more");
}

static void handing_on_ends_with_the_first_error(void **state)
{
	(void)state;
	for (int good = 0; good < 5; good++) {
		const struct frame f = {in, raw_frame_size(1000000), 1000000, true};
		struct err e = {0};
		int left = good;

		assert_int_equal(frame_each(&f, refuse, &left, &e), -1);
		assert_int_equal(left, -1);
		assert_int_equal(e.reason, ERR_IO);
	}
}

static void stored_frames_hash_as_they_are_handed_on(void **state)
{
	const struct frame f = {in, raw_frame_size(1000000), 1000000, true};
	struct digest_ctx *hash;
	struct digest running, whole;
	struct err e = {0};
	size_t size = 0;

	(void)state;
	noise(in, 1000000, 5);
	hash = digest_open(&e);
	assert_non_null(hash);
	frame_hash(&f, hash);
	assert_int_equal(digest_final(hash, &running, &e), 0);
	assert_int_equal(frame_each(&f, append, &size, &e), 0);
	assert_int_equal(digest_of(out, size, &whole, &e), 0);
	assert_true(digest_equal(&running, &whole));
	digest_close(hash);
}

static void stored_frames_come_back(void **state)
{
	const size_t sizes[] = {1, 2, 255, 256, 257, 511, 512, 65535, 65791, 65792, 131071, 131072, 131073, 262144, 1000000,
				FRAME_SIZE - 512, FRAME_SIZE - 1, FRAME_SIZE};

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		const struct frame f = {in, raw_frame_size(sizes[i]), sizes[i], true};
		size_t size = 0;

		noise(in, sizes[i], i);
		assert_int_equal(frame_each(&f, append, &size, NULL), 0);
		assert_int_equal(size, f.size);
		check_form(out, size, sizes[i]);
		assert_int_equal(ZSTD_decompress(back, FRAME_SIZE, out, size), sizes[i]);
		assert_memory_equal(back, in, sizes[i]);
	}
}

static void noise_is_not_compressed(void **state)
{
	struct err e = {0};
	size_t n;

	(void)state;
	noise(in, FRAME_SIZE, 1);
	assert_int_equal(frame_compress(in, FRAME_SIZE, 3, out, &n, &e), 1);
	assert_int_equal(frame_compress(in, 512, 3, out, &n, &e), 1);
	memset(in, 0, FRAME_SIZE);
	assert_int_equal(frame_compress(in, FRAME_SIZE, 0, out, &n, &e), 1);	/* level 0 stores all */
}

static void text_is_compressed_and_comes_back(void **state)
{
	const int levels[] = {1, 3, 5, 9, 12, 19};
	struct err e = {0};
	size_t n;

	(void)state;
	noise(in, FRAME_SIZE, 2);
	for (size_t i = 0; i < FRAME_SIZE; i++)
		in[i] = (uint8_t)("etaoin shrdlu\n"[in[i] % 14]);
	for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
		assert_int_equal(frame_compress(in, FRAME_SIZE, levels[i], out, &n, &e), 0);
		assert_true(n < FRAME_SIZE * 3 / 4);
		check_form(out, n, FRAME_SIZE);
		assert_int_equal(ZSTD_decompress(back, FRAME_SIZE, out, n), FRAME_SIZE);
		assert_memory_equal(back, in, FRAME_SIZE);
	}
	for (size_t len = 1024; len < 4096; len += 512) {
		assert_int_equal(frame_compress(in, len, 3, out, &n, &e), 0);
		check_form(out, n, len);
	}
}

/* A quarter that shrinks is found among three that don't. */
static void a_mix_is_worth_it(void **state)
{
	struct err e = {0};
	size_t n;

	(void)state;
	noise(in, FRAME_SIZE, 3);
	memset(in + FRAME_SIZE / 2, 'x', FRAME_SIZE / 4);
	assert_int_equal(frame_compress(in, FRAME_SIZE, 3, out, &n, &e), 0);
	assert_true(n < FRAME_SIZE * 4 / 5);
}

static void what_came_before_changes_nothing(void **state)
{
	const int levels[] = {1, 3, 6, 9, 13};
	uint8_t *again = malloc(MAX_FRAME_STORED);
	struct err e = {0};
	size_t n, m;

	(void)state;
	assert_non_null(again);
	for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
		noise(in, FRAME_SIZE, 4);
		for (size_t k = 0; k < FRAME_SIZE; k++)
			in[k] &= 0x1f;
		assert_int_equal(frame_compress(in, FRAME_SIZE, levels[i], out, &n, &e), 0);
		for (size_t k = 0; k < FRAME_SIZE; k++)
			in[k] ^= (uint8_t)(k >> 12);
		assert_int_equal(frame_compress(in, FRAME_SIZE / 3, levels[i], again, &m, &e), 0);
		for (size_t k = 0; k < FRAME_SIZE; k++)
			in[k] ^= (uint8_t)(k >> 12);
		assert_int_equal(frame_compress(in, FRAME_SIZE, levels[i], again, &m, &e), 0);
		assert_int_equal(m, n);
		assert_memory_equal(again, out, n);
	}
	free(again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stored_frames_come_back),
		cmocka_unit_test(handing_on_ends_with_the_first_error),
		cmocka_unit_test(stored_frames_hash_as_they_are_handed_on),
		cmocka_unit_test(noise_is_not_compressed),
		cmocka_unit_test(text_is_compressed_and_comes_back),
		cmocka_unit_test(a_mix_is_worth_it),
		cmocka_unit_test(what_came_before_changes_nothing),
	};

	return cmocka_run_group_tests(tests, begin, finish);
}

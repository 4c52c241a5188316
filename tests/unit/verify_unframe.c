/*
 * Frames: what is accepted, and rows A9, A10, A12 of the list of attacks as far as one frame shows them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zstd.h>

#include "lib/buf.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "manifests/limits.h"
#include "manifests/reason.h"
#include "manifests/volume.h"
#include "tests/unit/fixture.h"
#include "verify/unframe.h"

#define LEN 100000

static struct unframe *unframer;
static uint8_t plain[LEN], out[FRAME_SIZE];

static int start(void **state)
{
	struct err e = {0};

	(void)state;
	if (digest_start(&e) == -1)
		return -1;
	for (size_t i = 0; i < LEN; i++)
		plain[i] = (uint8_t)(i % 251 ^ i / 1000);
	unframer = unframe_open(&e);
	return unframer == NULL ? -1 : 0;
}

static int stop(void **state)
{
	(void)state;
	unframe_close(unframer);
	return 0;
}

/* Bytes in the places they are read to, in room of exactly their size, so that a sanitizer sees a step beyond. */
static int read_and_unframe(const struct volume_frame *f, const uint8_t *bytes, struct err *e)
{
	struct iovec places[UNFRAME_PLACES];
	bool raw = f->size == raw_frame_size(f->holds);
	uint8_t *stored = malloc(raw ? MAX_FRAME_STORED : f->size);
	size_t n = unframe_places(f, stored, out, places);
	int rc;

	assert_non_null(stored);
	for (size_t i = 0; i < n; i++) {
		memcpy(places[i].iov_base, bytes, places[i].iov_len);
		bytes += places[i].iov_len;
	}
	rc = unframe(unframer, f, stored, out, e);
	free(stored);
	return rc;
}

/* Unframes bytes whose digest is right. The result is in `out`. */
static int judge(const void *stored, size_t size, uint64_t holds, struct err *e)
{
	struct volume_frame f = {.size = size, .holds = holds};

	err_clear(e);
	assert_int_equal(digest_of(stored, size, &f.sha256, e), 0);
	return read_and_unframe(&f, stored, e);
}

static void refused(const void *stored, size_t size, uint64_t holds, int reason)
{
	struct err e = {0};

	assert_int_equal(judge(stored, size, holds, &e), -1);
	if (e.reason != reason)
		fail_msg("%s (%s), not %s", reason_word(e.reason), e.text, reason_word(reason));
}

/* A frame of `plain` with the parameters given. */
static size_t pack(uint8_t *to, size_t room, int level, int content_size, int checksum, int window_log)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	size_t n;

	ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, level);
	ZSTD_CCtx_setParameter(c, ZSTD_c_contentSizeFlag, content_size);
	ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, checksum);
	if (window_log != 0)
		ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, window_log);
	n = ZSTD_compress2(c, to, room, plain, LEN);
	ZSTD_freeCCtx(c);
	assert_false(ZSTD_isError(n));
	return n;
}

static void good(void **state)
{
	static const int levels[] = {-5, 1, 3, 19};
	uint8_t frame[2 * LEN];
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
		size_t n = pack(frame, sizeof frame, levels[i], 1, 0, 0);

		memset(out, 0, LEN);
		assert_int_equal(judge(frame, n, LEN, &e), 0);
		assert_memory_equal(out, plain, LEN);
	}
}

/* A full frame that doesn't shrink: stored in raw blocks. */
static void good_stored(void **state)
{
	uint8_t *data = malloc(FRAME_SIZE), *frame = malloc(MAX_FRAME_STORED);
	struct err e = {0};
	size_t n;

	(void)state;
	fixture_random(1, data, FRAME_SIZE);
	n = ZSTD_compress(frame, MAX_FRAME_STORED, data, FRAME_SIZE, 1);
	assert_false(ZSTD_isError(n));
	assert_true(n > FRAME_SIZE);
	assert_int_equal(judge(frame, n, FRAME_SIZE, &e), 0);
	assert_memory_equal(out, data, FRAME_SIZE);
	free(data);
	free(frame);
}

/* A frame of raw blocks in the order given, each at most 128 KiB. */
static size_t raw_frame(uint8_t *to, const uint8_t *data, size_t holds, const size_t *blocks)
{
	uint8_t head[RAW_FRAME_HEAD];
	size_t len = raw_frame_head(holds, 0, head) - 3;

	memcpy(to, head, len);
	for (size_t at = 0; at < holds; at += *blocks++) {
		uint64_t header = (uint64_t)*blocks << 3 | (at + *blocks == holds);

		for (int i = 0; i < 3; i++)
			to[len++] = (uint8_t)(header >> 8 * i);
		memcpy(to + len, data + at, *blocks);
		len += *blocks;
	}
	return len;
}

/* Frames of raw blocks are read to where they are needed; zstd says the same of each. */
static void raw(void **state)
{
	static const size_t sizes[] = {1, 255, 256, 65791, 65792, 131071, 131072, 131073, 1000000, FRAME_SIZE - 1, FRAME_SIZE};
	static uint8_t data[FRAME_SIZE], frame[MAX_FRAME_STORED];
	struct err e = {0};

	(void)state;
	fixture_random(2, data, sizeof data);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		size_t blocks[RAW_FRAME_BLOCKS], n = raw_frame_size(sizes[i]);

		for (size_t at = 0, k = 0; at < sizes[i]; at += RAW_FRAME_BLOCK)
			blocks[k++] = raw_frame_block(sizes[i], at);
		assert_int_equal(raw_frame(frame, data, sizes[i], blocks), n);
		assert_int_equal(ZSTD_decompress(out, sizes[i], frame, n), sizes[i]);
		memset(out, 0, sizes[i]);
		assert_int_equal(judge(frame, n, sizes[i], &e), 0);
		assert_memory_equal(out, data, sizes[i]);
	}
}

/* What only has the size of a frame of raw blocks is judged as any other frame. */
static void as_large_as_raw(void **state)
{
	static const size_t blocks[] = {1000, RAW_FRAME_BLOCK};
	static uint8_t data[RAW_FRAME_BLOCK + 1000], frame[RAW_FRAME_BLOCK + 2000];
	size_t n = raw_frame(frame, data, sizeof data, blocks);
	struct err e = {0};

	(void)state;
	assert_int_equal(n, raw_frame_size(sizeof data));
	fixture_random(3, data, sizeof data);
	raw_frame(frame, data, sizeof data, blocks);
	memset(out, 0, sizeof data);
	assert_int_equal(judge(frame, n, sizeof data, &e), 0);
	assert_memory_equal(out, data, sizeof data);
	frame[9 + 2] ^= 0x10;	/* its first block is larger than allowed */
	refused(frame, n, sizeof data, R_FRAME_FORM);
}

/* Each bit of the headers of a frame of raw blocks, flipped under a digest that says so. */
static void raw_header_lies(void **state)
{
	static const size_t blocks[] = {RAW_FRAME_BLOCK, 1000};
	static uint8_t data[RAW_FRAME_BLOCK + 1000], frame[RAW_FRAME_BLOCK + 2000];
	size_t n, accepted = 0;

	(void)state;
	fixture_random(4, data, sizeof data);
	n = raw_frame(frame, data, sizeof data, blocks);
	for (size_t bit = 0; bit < 8 * 15; bit++) {
		size_t byte = bit / 8 < 12 ? bit / 8 : bit / 8 + RAW_FRAME_BLOCK;
		struct err e = {0};

		frame[byte] ^= (uint8_t)(1u << bit % 8);
		if (judge(frame, n, sizeof data, &e) == 0) {
			assert_int_equal(bit, 4 * 8 + 4);	/* RFC 8878: nobody shall look at this one */
			assert_memory_equal(out, data, sizeof data);
			accepted++;
		} else {
			assert_true(e.reason == R_FRAME_FORM || e.reason == R_FRAME_SIZE);
		}
		frame[byte] ^= (uint8_t)(1u << bit % 8);
	}
	assert_int_equal(accepted, 1);
}

static void digest_flips(void **state)
{
	uint8_t frame[2 * LEN];
	size_t n = pack(frame, sizeof frame, 3, 1, 0, 0);
	struct volume_frame f = {.size = n, .holds = LEN};
	struct err e = {0};

	(void)state;
	assert_int_equal(digest_of(frame, n, &f.sha256, &e), 0);
	for (size_t i = 0; i < n; i += n / 7) {
		frame[i] ^= 0x40;
		assert_int_equal(read_and_unframe(&f, frame, &e), -1);
		assert_int_equal(e.reason, R_FRAME_DIGEST);
		err_clear(&e);
		frame[i] ^= 0x40;
	}
	assert_int_equal(read_and_unframe(&f, frame, &e), 0);
}

/* A12: cut at every byte of the header and of the last 64, with a digest that says so. */
static void truncated(void **state)
{
	uint8_t frame[2 * LEN];
	size_t n = pack(frame, sizeof frame, 3, 1, 0, 0);

	(void)state;
	for (size_t i = 1; i < 64; i++) {
		refused(frame, i, LEN, R_FRAME_FORM);
		refused(frame, n - i, LEN, R_FRAME_FORM);
	}
}

/* A9. */
static void sizes(void **state)
{
	uint8_t frame[2 * LEN], bomb[4096];
	size_t n = pack(frame, sizeof frame, 3, 1, 0, 0), zeros = 64u << 20;
	uint8_t *big = calloc(1, zeros);

	(void)state;
	refused(frame, n, LEN - 1, R_FRAME_SIZE);
	refused(frame, n, LEN + 1, R_FRAME_SIZE);
	n = ZSTD_compress(bomb, sizeof bomb, big, zeros, 19);	/* 64 MiB of zeros */
	assert_false(ZSTD_isError(n));
	refused(bomb, n, FRAME_SIZE, R_FRAME_SIZE);
	free(big);
}

/* The frame lies about itself: its header says what the index says, its blocks give something else. */
static void header_lies(void **state)
{
	static const uint8_t more[] = {0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x04, 0x41, 0x00, 0x00, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'};
	static const uint8_t less[] = {0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x04, 0x11, 0x00, 0x00, 'a', 'b'};
	static const uint8_t rle[] = {0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x04, 0x23, 0x00, 0x00, 'a'};
	struct err e = {0};

	(void)state;
	assert_int_equal(judge(rle, sizeof rle, 4, &e), 0);
	assert_memory_equal(out, "aaaa", 4);
	memset(out, 0, 16);
	assert_int_equal(judge(more, sizeof more, 4, &e), -1);
	assert_true(e.reason == R_FRAME_FORM || e.reason == R_FRAME_SIZE);
	assert_memory_equal(out + 4, "\0\0\0\0", 4);	/* nothing beyond what the index promised */
	assert_int_equal(judge(less, sizeof less, 4, &e), -1);
	assert_true(e.reason == R_FRAME_FORM || e.reason == R_FRAME_SIZE);
}

/* A10: everything that zstd would take and FORMAT doesn't. */
static void forms(void **state)
{
	static const uint8_t skippable[] = {0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 'a', 'b', 'c', 'd'};
	static const uint8_t legacy[] = {0x27, 0xb5, 0x2f, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0};
	uint8_t frame[3 * LEN];
	size_t n = pack(frame, sizeof frame, 3, 1, 0, 0);

	(void)state;
	refused(skippable, sizeof skippable, 4, R_FRAME_FORM);
	refused(legacy, sizeof legacy, 4, R_FRAME_FORM);
	refused(plain, LEN, LEN, R_FRAME_FORM);
	memcpy(frame + n, frame, n);
	refused(frame, 2 * n, LEN, R_FRAME_FORM);		/* two frames */
	refused(frame, 2 * n, 2 * LEN, R_FRAME_SIZE);
	refused(frame, n + 1, LEN, R_FRAME_FORM);		/* bytes after it */
	memcpy(frame + n, skippable, sizeof skippable);
	refused(frame, n + sizeof skippable, LEN, R_FRAME_FORM);
	n = pack(frame, sizeof frame, 3, 0, 0, 0);
	refused(frame, n, LEN, R_FRAME_FORM);			/* doesn't say its size */
	n = pack(frame, sizeof frame, 3, 1, 1, 0);
	refused(frame, n, LEN, R_FRAME_FORM);			/* a checksum */
}

static void dictionary(void **state)
{
	uint8_t frame[2 * LEN];
	size_t n = pack(frame, sizeof frame, 3, 1, 0, 0);
	uint8_t with_id[2 * LEN];

	(void)state;
	/* the same frame with a dictionary id of one byte: descriptor bits 0-1, one byte after the descriptor (and window) */
	assert_true(frame[4] & 0x20);
	memcpy(with_id, frame, 5);
	with_id[4] |= 1;
	with_id[5] = 7;
	memcpy(with_id + 6, frame + 5, n - 5);
	refused(with_id, n + 1, LEN, R_FRAME_FORM);
}

/* A window of 8 MiB: the header is changed, since zstd itself chooses none larger than the content. */
static void window(void **state)
{
	static const uint8_t frame[] = {0x28, 0xb5, 0x2f, 0xfd, 0x80, 0x58, 4, 0, 0, 0, 0x23, 0, 0, 'a'};	/* 2 MiB */
	uint8_t wide[sizeof frame];
	struct err e = {0};

	(void)state;
	assert_int_equal(judge(frame, sizeof frame, 4, &e), 0);
	memcpy(wide, frame, sizeof frame);
	wide[5] = 0x60;	/* 4 MiB: the most */
	assert_int_equal(judge(wide, sizeof wide, 4, &e), 0);
	wide[5] = 0x61;
	refused(wide, sizeof wide, 4, R_FRAME_FORM);
	wide[5] = 0x68;
	refused(wide, sizeof wide, 4, R_FRAME_FORM);
	wide[5] = 0xff;
	refused(wide, sizeof wide, 4, R_FRAME_FORM);
}

/* After every refusal the same state unframes a good one. */
static void again(void **state)
{
	uint8_t frame[2 * LEN];
	size_t n = pack(frame, sizeof frame, 3, 1, 0, 0);
	struct err e = {0};

	(void)state;
	frame[n - 1] ^= 1;
	judge(frame, n, LEN, &e);
	frame[n - 1] ^= 1;
	assert_int_equal(judge(frame, n, LEN, &e), 0);
	assert_memory_equal(out, plain, LEN);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(good), cmocka_unit_test(good_stored), cmocka_unit_test(raw), cmocka_unit_test(as_large_as_raw),
		cmocka_unit_test(raw_header_lies), cmocka_unit_test(digest_flips),
		cmocka_unit_test(truncated), cmocka_unit_test(sizes), cmocka_unit_test(header_lies), cmocka_unit_test(forms),
		cmocka_unit_test(dictionary), cmocka_unit_test(window), cmocka_unit_test(again),
	};

	return cmocka_run_group_tests(tests, start, stop);
}

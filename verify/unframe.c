/*
 * UNFRAME: one frame, from stored bytes to tar bytes (verify/unframe.h). zstd sees nothing whose digest the signed
 * index does not name, and never gets room for more than the index promised. Refuses what FORMAT forbids: more or less
 * than one frame, skippable and legacy frames, dictionaries, checksums, windows above a frame, frames that don't say
 * their size (FORMAT 9.6).
 */
#include "verify/unframe.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <zstd.h>
#include <zstd_errors.h>

#include "lib/digest.h"
#include "lib/err.h"
#include "manifests/limits.h"
#include "manifests/reason.h"
#include "manifests/volume.h"

#include "lib/banned.h"

#define MAX_BLOCK RAW_FRAME_BLOCK	/* Block_Maximum_Size (RFC 8878 3.1.1.2.4) */
#define BLOCK_HEADER 3
#define BLOCK_RLE 1	/* one byte, repeated Block_Size times */

struct unframe {
	ZSTD_DCtx *zstd;
	struct digest_ctx *digest;
};

struct unframe *unframe_open(struct err *e)
{
	struct unframe *u = calloc(1, sizeof *u);

	if (u == NULL) {
		err_mem(e);
		return NULL;
	}
	u->zstd = ZSTD_createDCtx();
	u->digest = digest_open(e);
	if (u->zstd == NULL)
		err_mem(e);
	if (u->zstd == NULL || u->digest == NULL) {
		unframe_close(u);
		return NULL;
	}
	return u;
}

void unframe_close(struct unframe *u)
{
	if (u == NULL)
		return;
	ZSTD_freeDCtx(u->zstd);
	digest_close(u->digest);
	free(u);
}

/* ---- raw blocks ---- */

static bool may_be_raw(const struct volume_frame *f)
{
	return f->size == raw_frame_size(f->holds);
}

size_t unframe_places(const struct volume_frame *f, uint8_t *stored, uint8_t *tar, struct iovec places[UNFRAME_PLACES])
{
	uint8_t head[RAW_FRAME_HEAD];
	size_t n = 0;

	if (!may_be_raw(f)) {
		places[0] = (struct iovec){stored, f->size};
		return 1;
	}
	for (size_t at = 0; at < f->holds; at += RAW_FRAME_BLOCK) {
		size_t len = raw_frame_head(f->holds, at, head);

		places[n++] = (struct iovec){stored, len};
		places[n++] = (struct iovec){tar + at, raw_frame_block(f->holds, at)};
		stored += len;
	}
	return n;
}

static bool is_raw(const struct volume_frame *f, const uint8_t *stored)
{
	uint8_t head[RAW_FRAME_HEAD];

	if (!may_be_raw(f))
		return false;
	for (size_t at = 0; at < f->holds; at += RAW_FRAME_BLOCK) {
		size_t len = raw_frame_head(f->holds, at, head);

		if (memcmp(stored, head, len) != 0)
			return false;
		stored += len;
	}
	return true;
}

/* Some other frame that has the size of one of raw blocks: all its bytes go to `stored`. */
static void gather(const struct volume_frame *f, uint8_t *stored, uint8_t *tar)
{
	struct iovec places[UNFRAME_PLACES];
	uint8_t heads[RAW_FRAME_HEADS];
	size_t n = unframe_places(f, heads, tar, places);

	if (n == 1)
		return;
	memcpy(heads, stored, f->size - f->holds);
	for (size_t i = 0; i < n; i++) {
		memcpy(stored, places[i].iov_base, places[i].iov_len);
		stored += places[i].iov_len;
	}
}

/* ---- any frame ---- */

static int check_digest(struct unframe *u, const struct volume_frame *f, uint8_t *stored, uint8_t *tar, struct err *e)
{
	struct iovec places[UNFRAME_PLACES];
	size_t n = unframe_places(f, stored, tar, places);
	struct digest d;

	for (size_t i = 0; i < n; i++)
		digest_update(u->digest, places[i].iov_base, places[i].iov_len);
	if (digest_final(u->digest, &d, e) == -1)
		return -1;
	return digest_equal(&d, &f->sha256) ? 0 : err_set(e, R_FRAME_DIGEST, "digest differs");
}

/* RFC 8878 3.1.1.1: magic number, descriptor; then the window descriptor, unless the frame is a single segment. */
static bool is_zstd(const uint8_t *p, size_t len)
{
	return len >= 6 && p[0] == 0x28 && p[1] == 0xb5 && p[2] == 0x2f && p[3] == 0xfd;
}

static bool window_fits(const uint8_t *p)
{
	uint64_t base = 1ull << (10 + (p[5] >> 3));

	if (p[4] & 0x20)
		return true;	/* a single segment: its window is its content */
	return base + base / 8 * (p[5] & 7) <= FRAME_SIZE;
}

/* Bytes of the frame header: descriptor, window, content size (RFC 8878 3.1.1.1); dictionaries are refused before. */
static size_t header_len(const uint8_t *p)
{
	static const size_t content_len[] = {0, 2, 4, 8};
	bool single = p[4] & 0x20;

	return 5u + (single ? 0u : 1u) + (p[4] >> 6 == 0 && single ? 1u : content_len[p[4] >> 6]);
}

/*
 * No block larger than the format allows, stored ones included: libzstd is not always strict here, and what the zstd
 * command refuses can't be audited (FORMAT 9.6 g). The blocks end with the frame: ZSTD_findFrameCompressedSize said so.
 */
static int check_blocks(const struct volume_frame *f, const uint8_t *p, struct err *e)
{
	uint64_t window = p[4] & 0x20 ? f->holds : (1ull << (10 + (p[5] >> 3))) / 8 * (8 + (p[5] & 7u));
	uint64_t most = window < MAX_BLOCK ? window : MAX_BLOCK;
	bool last = false;

	for (uint64_t at = header_len(p); !last;) {
		uint32_t header, size;

		if (f->size - at < BLOCK_HEADER)
			return err_set(e, R_FRAME_FORM, "it ends within a block");
		header = (uint32_t)p[at] | (uint32_t)p[at + 1] << 8 | (uint32_t)p[at + 2] << 16;
		size = header >> 3;
		last = header & 1;
		if (size > most)
			return err_set(e, R_FRAME_FORM, "a block of %u bytes, at most %llu are allowed", size,
				       (unsigned long long)most);
		at += BLOCK_HEADER + ((header >> 1 & 3) == BLOCK_RLE ? 1 : size);
		if (at > f->size)
			return err_set(e, R_FRAME_FORM, "it ends within a block");
	}
	return 0;
}

static int check_form(const struct volume_frame *f, const void *stored, struct err *e)
{
	unsigned long long holds;
	size_t size;

	if (!is_zstd(stored, f->size))
		return err_set(e, R_FRAME_FORM, "not a zstd frame");
	if (((const uint8_t *)stored)[4] & 0x0f)
		return err_set(e, R_FRAME_FORM, "it asks for a dictionary or has a checksum, or reserved bits are set");
	holds = ZSTD_getFrameContentSize(stored, f->size);
	if (holds == ZSTD_CONTENTSIZE_UNKNOWN || holds == ZSTD_CONTENTSIZE_ERROR)
		return err_set(e, R_FRAME_FORM, "it doesn't say what it unpacks to");
	if (holds != f->holds)
		return err_set(e, R_FRAME_SIZE, "it says %llu bytes, the index %llu", holds, (unsigned long long)f->holds);
	if (!window_fits(stored))
		return err_set(e, R_FRAME_FORM, "its window is larger than a frame may be");
	size = ZSTD_findFrameCompressedSize(stored, f->size);
	if (ZSTD_isError(size))
		return err_set(e, R_FRAME_FORM, "not a whole zstd frame: %s", ZSTD_getErrorName(size));
	if (size != f->size)
		return err_set(e, R_FRAME_FORM, "%llu bytes follow after the frame", (unsigned long long)(f->size - size));
	return check_blocks(f, stored, e);
}

int unframe(struct unframe *u, const struct volume_frame *f, uint8_t *stored, uint8_t *tar, struct err *e)
{
	size_t got;

	if (check_digest(u, f, stored, tar, e) == -1)
		return -1;
	if (is_raw(f, stored))
		return 0;
	gather(f, stored, tar);
	if (check_form(f, stored, e) == -1)
		return -1;
	got = ZSTD_decompressDCtx(u->zstd, tar, f->holds, stored, f->size);
	if (ZSTD_isError(got) && ZSTD_getErrorCode(got) == ZSTD_error_dstSize_tooSmall)
		return err_set(e, R_FRAME_SIZE, "it unpacks to more than %llu bytes", (unsigned long long)f->holds);
	if (ZSTD_isError(got))
		return err_set(e, R_FRAME_FORM, "zstd: %s", ZSTD_getErrorName(got));
	if (got != f->holds)
		return err_set(e, R_FRAME_SIZE, "it unpacks to %zu bytes, not %llu", got, (unsigned long long)f->holds);
	return 0;
}

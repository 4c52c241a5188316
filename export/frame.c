/*
 * FRAME: tar bytes into zstd frames, compressed or stored. select | plan | FRAME | medium.
 * Refuses nothing; what can't be made smaller is stored.
 */
#include "export/frame.h"

#include <stdbool.h>
#include <string.h>

#include <zstd.h>
#include <zstd_errors.h>

#include "lib/digest.h"
#include "lib/err.h"
#include "manifests/raw_frame.h"

#include "lib/banned.h"

#define SAMPLES 8
#define SAMPLE_LEN (16u << 10)
#define SAMPLE_LEVEL 1
/*
 * The default level is zstd's own, but with a table for short matches of 64 KiB in place of 256: what two threads look up
 * stays in their caches. Measured on an image and on sources: a tenth less time, half a hundredth more bytes.
 */
#define SHORT_MATCHES 14	/* its logarithm, in entries of four bytes */

/* Nothing is copied: gigabytes that don't shrink are hashed and written from where they were read to. */
static int each_raw(const struct frame *f, int (*each)(void *arg, const void *data, size_t len, struct err *e), void *arg,
		    struct err *e)
{
	uint8_t head[RAW_FRAME_HEAD];

	for (size_t at = 0, n; at < f->holds; at += n) {
		size_t len = raw_frame_head(f->holds, at, head);

		n = raw_frame_block(f->holds, at);
		if (each(arg, head, len, e) == -1 || each(arg, f->data + at, n, e) == -1)
			return -1;
	}
	return 0;
}

int frame_each(const struct frame *f, int (*each)(void *arg, const void *data, size_t len, struct err *e), void *arg, struct err *e)
{
	return f->stored ? each_raw(f, each, arg, e) : each(arg, f->data, f->size, e);
}

static int add_to_hash(void *arg, const void *data, size_t len, struct err *e)
{
	(void)e;
	digest_update(arg, data, len);
	return 0;
}

void frame_hash(const struct frame *f, struct digest_ctx *hash)
{
	(void)frame_each(f, add_to_hash, hash, NULL);
}

/* Samples spread over the bytes, together: do they lose at least a thirtieth? */
static bool worth_it(ZSTD_CCtx *z, const uint8_t *in, size_t len, uint8_t *out)
{
	size_t given = 0, taken = 0, step = len / SAMPLES;

	if (len <= SAMPLES * SAMPLE_LEN)
		return true;
	for (size_t i = 0; i < SAMPLES; i++) {
		size_t n = ZSTD_compressCCtx(z, out, MAX_FRAME_STORED, in + i * step, SAMPLE_LEN, SAMPLE_LEVEL);

		if (ZSTD_isError(n))
			return true;
		given += SAMPLE_LEN;
		taken += n;
	}
	return taken < given - given / 30;
}

/*
 * A fresh context each time: some match finders of zstd keep what they learnt in one frame and then compress the next
 * in other bytes, which would make the output depend on which thread had which frame.
 */
int frame_compress(const uint8_t *in, size_t len, int level, uint8_t *out, size_t *out_len, struct err *e)
{
	ZSTD_CCtx *z = NULL;
	size_t n;
	int rc = 1;

	if (level == 0)
		return 1;
	z = ZSTD_createCCtx();
	if (!z)
		return err_mem(e);
	if (!worth_it(z, in, len, out))
		goto out;
	ZSTD_freeCCtx(z);
	z = ZSTD_createCCtx();
	if (!z)
		return err_mem(e);
	if (ZSTD_isError(ZSTD_CCtx_setParameter(z, ZSTD_c_compressionLevel, level)) ||
	    (level == FRAME_DEFAULT_LEVEL && ZSTD_isError(ZSTD_CCtx_setParameter(z, ZSTD_c_chainLog, SHORT_MATCHES))) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(z, ZSTD_c_contentSizeFlag, 1)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, 0)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(z, ZSTD_c_dictIDFlag, 0))) {
		rc = err_set(e, ERR_INTERNAL, "zstd: a parameter was refused");
		goto out;
	}
	n = ZSTD_compress2(z, out, MAX_FRAME_STORED, in, len);
	if (ZSTD_isError(n) && ZSTD_getErrorCode(n) == ZSTD_error_memory_allocation)
		rc = err_mem(e);
	else if (ZSTD_isError(n) && ZSTD_getErrorCode(n) != ZSTD_error_dstSize_tooSmall)
		rc = err_set(e, ERR_INTERNAL, "zstd: %s", ZSTD_getErrorName(n));
	else if (!ZSTD_isError(n) && n < raw_frame_size(len)) {
		*out_len = n;
		rc = 0;
	}
out:
	ZSTD_freeCCtx(z);
	return rc;
}

/* Measured with zstd 1.5 on frames of 4 MiB, rounded up. */
size_t frame_memory(int level)
{
	return level == 0 ? 0 : level <= 4 ? 4u << 20 : level <= 9 ? 40u << 20 : 100u << 20;
}

/*
 * Frames of raw blocks (manifests/raw_frame.h). Refuses nothing.
 */
#include "manifests/raw_frame.h"

#include "lib/banned.h"

#define MAGIC 0xfd2fb528u	/* RFC 8878, 3.1.1 */
#define MAGIC_LEN 4
#define BLOCK_HEADER 3

/* Length of the field that holds the content size: RFC 8878, 3.1.1.1.1.1, for a frame that is a single segment. */
static size_t content_size_len(size_t holds)
{
	return holds < 256 ? 1 : holds < 65536 + 256 ? 2 : 4;
}

size_t raw_frame_size(size_t holds)
{
	size_t blocks = (holds + RAW_FRAME_BLOCK - 1) / RAW_FRAME_BLOCK;

	return MAGIC_LEN + 1 + content_size_len(holds) + blocks * BLOCK_HEADER + holds;
}

size_t raw_frame_block(size_t holds, size_t at)
{
	return holds - at < RAW_FRAME_BLOCK ? holds - at : RAW_FRAME_BLOCK;
}

static void little_endian(uint8_t *out, size_t n, uint64_t value)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)(value >> (8 * i));
}

static size_t frame_header(size_t holds, uint8_t *out)
{
	size_t n = content_size_len(holds);
	unsigned flag = n == 1 ? 0 : n == 2 ? 1 : 2;

	little_endian(out, MAGIC_LEN, MAGIC);
	out[MAGIC_LEN] = (uint8_t)(flag << 6 | 1 << 5);	/* size of the content size, single segment; no checksum, no dictionary */
	little_endian(out + MAGIC_LEN + 1, n, n == 2 ? holds - 256 : holds);
	return MAGIC_LEN + 1 + n;
}

size_t raw_frame_head(size_t holds, size_t at, uint8_t out[RAW_FRAME_HEAD])
{
	size_t len = at == 0 ? frame_header(holds, out) : 0, n = raw_frame_block(holds, at);

	little_endian(out + len, BLOCK_HEADER, (uint64_t)n << 3 | (at + n == holds));	/* type 0: raw; bit 0: the last */
	return len + BLOCK_HEADER;
}

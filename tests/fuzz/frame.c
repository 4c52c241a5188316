/*
 * Frames under the digest that the index names: two bytes of what the index says they hold, less one, then the stored
 * bytes. Nothing is written beyond the room, and what is accepted is one frame for the plain library, too.
 */
#include <stdlib.h>
#include <string.h>

#include <zstd.h>

#include "manifests/limits.h"
#include "manifests/reason.h"
#include "manifests/volume.h"
#include "tests/fuzz/kit/fuzz.h"
#include "verify/unframe.h"

#define GUARD 64	/* libzstd is not built with the sanitizer: its own watch */

static void check(const struct volume_frame *f, const uint8_t *stored, const uint8_t *out)
{
	uint8_t *again = malloc(f->holds + 1);

	MUST(again != NULL && ZSTD_decompress(again, f->holds + 1, stored, f->size) == f->holds);
	MUST(memcmp(again, out, f->holds) == 0 && ZSTD_findFrameCompressedSize(stored, f->size) == f->size);
	free(again);
}

/* Bytes in the places they are read to, in room of just their size. */
static int read_and_unframe(struct unframe *u, const struct volume_frame *f, const uint8_t *bytes, uint8_t *tar, struct err *e)
{
	struct iovec places[UNFRAME_PLACES];
	uint8_t *stored = malloc(f->size == raw_frame_size(f->holds) ? MAX_FRAME_STORED : f->size);
	size_t n = unframe_places(f, stored, tar, places);
	int rc;

	MUST(stored != NULL);
	for (size_t i = 0; i < n; i++) {
		memcpy(places[i].iov_base, bytes, places[i].iov_len);
		bytes += places[i].iov_len;
	}
	rc = unframe(u, f, stored, tar, e);
	free(stored);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct unframe *u;
	struct volume_frame f = {.at = 0};
	struct err e = {0};
	uint8_t *out;

	if (len < 3 || len - 2 > MAX_FRAME_STORED || (u == NULL && (u = unframe_open(&e)) == NULL))
		return 0;
	f.holds = (data[0] | (uint64_t)data[1] << 8) + 1;
	f.size = len - 2;
	out = malloc(f.holds + GUARD);
	MUST(out != NULL && f.holds <= FRAME_SIZE && digest_of(data + 2, f.size, &f.sha256, &e) == 0);
	memset(out + f.holds, 0xa5, GUARD);
	if (read_and_unframe(u, &f, data + 2, out, &e) == 0)
		check(&f, data + 2, out);
	else
		fuzz_refused(&e);
	for (int i = 0; i < GUARD; i++)
		MUST(out[f.holds + (size_t)i] == 0xa5);
	f.sha256.bytes[0] ^= 1;
	MUST(read_and_unframe(u, &f, data + 2, out, &e) == -1 && e.reason == R_FRAME_DIGEST);
	free(out);
	return 0;
}

/*
 * Tar bytes against an index: a byte of how many objects, two bytes of the size of each (modulo 1,537), then changes to the
 * tar that they imply, of four bytes: place (three) and what to put there. A tar is accepted exactly where no byte outside
 * of object data was changed, and then gives each object's bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "manifests/limits.h"
#include "manifests/volume.h"
#include "tests/fuzz/kit/fuzz.h"
#include "verify/unpack.h"

#define OBJECTS 16

struct tar {
	struct volume index;
	struct volume_object objects[OBJECTS];
	struct volume_frame frame;
	struct buf bytes, before;
	uint64_t seen[OBJECTS];
};

static void make(struct tar *t, size_t n, const uint8_t *sizes)
{
	static const uint8_t zeros[4 * VOLUME_BLOCK];

	t->index = (struct volume){.frames = &t->frame, .frames_n = 1, .objects = t->objects, .objects_n = n};
	for (size_t i = 0; i < n; i++) {
		struct volume_object *o = &t->objects[i];
		uint8_t header[VOLUME_BLOCK];

		*o = (struct volume_object){.size = (sizes[2 * i] | (uint64_t)sizes[2 * i + 1] << 8) % (3 * VOLUME_BLOCK + 1),
					    .at = t->bytes.len + VOLUME_BLOCK};
		o->sha256.bytes[0] = (uint8_t)i;
		volume_entry_header(o, header);
		buf_append(&t->bytes, header, sizeof header);
		buf_append(&t->bytes, zeros, o->size + -o->size % VOLUME_BLOCK);
	}
	buf_append(&t->bytes, zeros, 2 * VOLUME_BLOCK);
	MUST(!t->bytes.failed && t->bytes.len == volume_tar_size(&t->index));
	t->frame.holds = t->bytes.len;
}

static bool in_data(const struct tar *t, size_t at)
{
	for (size_t i = 0; i < t->index.objects_n; i++)
		if (at >= t->objects[i].at && at < t->objects[i].at + t->objects[i].size)
			return true;
	return false;
}

static int take(void *arg, size_t object, uint64_t from, const uint8_t *data, size_t len, struct err *e)
{
	struct tar *t = arg;

	(void)e;
	MUST(from == t->seen[object] && from + len <= t->objects[object].size);
	MUST(len == 0 || memcmp(data, t->bytes.data + t->objects[object].at + from, len) == 0);
	t->seen[object] += len;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct tar t = {.index = {.objects_n = 0}};
	bool want[OBJECTS], same = true;
	struct err e = {0};
	size_t n = len == 0 ? 0 : data[0] % OBJECTS, good = 0, lie = 0;

	if (len < 1 + 2 * n)
		return 0;
	make(&t, n, data + 1);
	buf_append(&t.before, t.bytes.data, t.bytes.len);
	for (const uint8_t *p = data + 1 + 2 * n; p + 4 <= data + len; p += 4)
		t.bytes.data[(p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16) % t.bytes.len] = p[3];
	for (; same && lie < t.bytes.len; lie++)
		same = t.bytes.data[lie] == t.before.data[lie] || in_data(&t, lie);
	MUST((unpack_check(&t.index, 0, t.bytes.data, &good, &e) == 0) == same);
	MUST(same || good < lie);
	if (!same)
		fuzz_refused(&e);
	for (size_t i = 0; i < n; i++)
		want[i] = i % 3 != 2;
	MUST(unpack_each(&t.index, want, 0, t.bytes.data, t.bytes.len, take, &t, &e) == 0);
	for (size_t i = 0; i < n; i++)
		MUST(t.seen[i] == (want[i] ? t.objects[i].size : 0));
	buf_free(&t.bytes);
	buf_free(&t.before);
	return 0;
}

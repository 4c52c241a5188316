/*
 * UNPACK: tar bytes against the index (verify/unpack.h). Works on one frame by itself, so that frames may be judged in
 * any order and a lost one takes nothing else along. Refuses every byte outside of object data that is not what
 * volume_entry_header and the rules of padding give.
 */
#include "verify/unpack.h"

#include <string.h>

#include "lib/err.h"
#include "manifests/limits.h"
#include "manifests/reason.h"
#include "manifests/volume.h"

#include "lib/banned.h"

struct span { uint64_t from, to; };	/* bytes of the tar stream */

uint64_t unpack_frame_at(size_t frame)
{
	return (uint64_t)frame * FRAME_SIZE;
}

static struct span frame_span(const struct volume *index, size_t frame)
{
	uint64_t at = unpack_frame_at(frame);

	return (struct span){at, at + index->frames[frame].holds};
}

static struct span overlap(struct span a, struct span b)
{
	struct span both = {a.from > b.from ? a.from : b.from, a.to < b.to ? a.to : b.to};

	if (both.to < both.from)
		both.to = both.from;
	return both;
}

/* Header, data and padding of an entry. */
static struct span entry_span(const struct volume_object *o)
{
	uint64_t at = o->at - VOLUME_BLOCK;

	return (struct span){at, at + volume_entry_span(volume_object_len(o))};
}

/* The first object whose entry ends behind a place; objects_n where none does. */
static size_t first_behind(const struct volume *index, uint64_t at)
{
	size_t low = 0, high = index->objects_n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (entry_span(&index->objects[mid]).to <= at)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

void unpack_frames(const struct volume *index, const bool *want, bool *frames)
{
	if (index->objects_n == 0)
		memset(frames, true, index->frames_n);
	for (size_t i = 0; i < index->objects_n; i++) {
		struct span s = entry_span(&index->objects[i]);

		if (!want[i])
			continue;
		if (i + 1 == index->objects_n)
			s.to = volume_tar_size(index);
		for (uint64_t n = s.from / FRAME_SIZE; n < index->frames_n && n * FRAME_SIZE < s.to; n++)
			frames[n] = true;
	}
}

size_t unpack_crossing(const struct volume *index, size_t frame)
{
	uint64_t end = frame_span(index, frame).to;
	size_t i = first_behind(index, end);
	const struct volume_object *o;

	if (i == index->objects_n)
		return i;
	o = &index->objects[i];
	return o->at < end && o->at + volume_object_len(o) > end ? i : index->objects_n;
}

/* len at least 1. */
static bool all_zero(const uint8_t *p, uint64_t len)
{
	return p[0] == 0 && memcmp(p, p + 1, len - 1) == 0;
}

static int check_header(const struct volume_object *o, struct span frame, const uint8_t *tar, struct err *e)
{
	struct span s = overlap((struct span){o->at - VOLUME_BLOCK, o->at}, frame);
	uint8_t header[VOLUME_BLOCK];

	if (s.from == s.to)
		return 0;
	volume_entry_header(o, header);
	if (memcmp(tar + (s.from - frame.from), header + (s.from - (o->at - VOLUME_BLOCK)), s.to - s.from) != 0)
		return err_set(e, R_ENTRY_HEADER, "the tar header at %llu is not what the index says",
			       (unsigned long long)(o->at - VOLUME_BLOCK));
	return 0;
}

static int check_zeros(struct span zeros, struct span frame, const uint8_t *tar, struct err *e)
{
	struct span s = overlap(zeros, frame);

	if (s.from < s.to && !all_zero(tar + (s.from - frame.from), s.to - s.from))
		return err_set(e, R_ENTRY_HEADER, "the tar bytes from %llu to %llu are not zeros",
			       (unsigned long long)s.from, (unsigned long long)s.to);
	return 0;
}

/* How many bytes of a frame come before a place. */
static size_t until(struct span frame, uint64_t at)
{
	struct span s = overlap((struct span){0, at}, frame);

	return s.to - s.from;
}

int unpack_check(const struct volume *index, size_t frame, const uint8_t *tar, size_t *good, struct err *e)
{
	struct span f = frame_span(index, frame), end = {0, volume_tar_size(index)};
	size_t i = first_behind(index, f.from);

	if (index->objects_n > 0)
		end.from = entry_span(&index->objects[index->objects_n - 1]).to;
	for (; i < index->objects_n; i++) {
		const struct volume_object *o = &index->objects[i];
		struct span s = entry_span(o), padding = {o->at + volume_object_len(o), s.to};

		if (s.from >= f.to)
			break;
		*good = until(f, s.from);
		if (check_header(o, f, tar, e) == -1)
			return -1;
		*good = until(f, padding.from);
		if (check_zeros(padding, f, tar, e) == -1)
			return -1;
	}
	*good = until(f, end.from);
	return check_zeros(end, f, tar, e);
}

int unpack_each(const struct volume *index, const bool *want, size_t frame, const uint8_t *tar, size_t tar_len,
		int (*each)(void *arg, size_t object, uint64_t from, const uint8_t *data, size_t len, struct err *e),
		void *arg, struct err *e)
{
	struct span f = {unpack_frame_at(frame), unpack_frame_at(frame) + tar_len};

	for (size_t i = first_behind(index, f.from); i < index->objects_n; i++) {
		const struct volume_object *o = &index->objects[i];
		uint64_t len = volume_object_len(o);
		struct span s = overlap((struct span){o->at, o->at + len}, f);
		bool here = len > 0 ? s.from < s.to : o->at > f.from && o->at <= f.to;

		if (o->at - VOLUME_BLOCK >= f.to)
			break;
		if (!want[i] || !here)
			continue;
		if (len == 0 ? each(arg, i, 0, NULL, 0, e) == -1
			     : each(arg, i, s.from - o->at, tar + (s.from - f.from), s.to - s.from, e) == -1)
			return -1;
	}
	return 0;
}

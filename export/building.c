/*
 * A volume on its way to the medium. volumes | BUILDING | settle.
 * Refuses nothing.
 */
#include "export/building.h"

#include <stdlib.h>
#include <string.h>

#include "export/frame.h"
#include "lib/err.h"
#include "manifests/limits.h"
#include "manifests/names.h"

#include "lib/banned.h"

void building_free(struct building *b)
{
	if (!b || atomic_fetch_sub(&b->holders, 1) > 1)
		return;
	medium_abort(&b->file);
	digest_close(b->hash);
	free(b->index.frames);
	free(b->index.objects);
	free(b);
}

struct building *building_new(struct medium *medium, const char *stream, uint64_t sequence, uint64_t number, bool digests,
			      struct err *e)
{
	struct building *b = calloc(1, sizeof *b);

	if (!b) {
		err_mem(e);
		return NULL;
	}
	b->holders = 1;
	b->medium = medium;
	b->file = (struct medium_file)MEDIUM_FILE_CLOSED;
	b->index.stream = (char *)(uintptr_t)stream;
	b->index.sequence = sequence;
	b->index.volume = number;
	b->index.frames = calloc(MAX_VOLUME_FRAMES, sizeof *b->index.frames);
	if (!b->index.frames)
		err_mem(e);
	else if (!digests || (b->hash = digest_open(e)))
		return b;
	building_free(b);
	return NULL;
}

struct building *building_hold(struct building *b)
{
	atomic_fetch_add(&b->holders, 1);
	return b;
}

struct volume_object *building_add_object(struct building *b, struct err *e)
{
	if (b->index.objects_n == b->objects_cap) {
		size_t cap = b->objects_cap ? 2 * b->objects_cap : 256;
		struct volume_object *more = realloc(b->index.objects, cap * sizeof *more);

		if (!more) {
			err_mem(e);
			return NULL;
		}
		b->index.objects = more;
		b->objects_cap = cap;
	}
	memset(&b->index.objects[b->index.objects_n], 0, sizeof(struct volume_object));
	return &b->index.objects[b->index.objects_n++];
}

void building_add_frame(struct building *b, const struct frame *f, const struct digest *sha256)
{
	const struct volume_frame *last = b->index.frames_n ? &b->index.frames[b->index.frames_n - 1] : NULL;

	b->index.frames[b->index.frames_n++] = (struct volume_frame){
		.at = last ? last->at + last->size : 0, .size = f->size, .holds = f->holds, .sha256 = *sha256
	};
	if (b->hash)
		frame_hash(f, b->hash);
}

static int put_bytes(void *arg, const void *data, size_t len, struct err *e)
{
	struct building *b = arg;

	return medium_write(&b->file, data, len, e);
}

int building_write(struct building *b, const struct frame *f, struct err *e)
{
	char name[32];

	if (!b->created && medium_create(b->medium, names_volume(b->index.volume, name), &b->file, e) == -1)
		return -1;
	b->created = true;
	return frame_each(f, put_bytes, b, e);
}

int building_sync_early(struct building *b, struct err *e)
{
	return medium_sync_early(&b->file, e);
}

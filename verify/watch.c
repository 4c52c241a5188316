/*
 * Judges the answers to a request for a volume (verify/watch.h). Refuses whatever a faithful reader doesn't send.
 */
#include "verify/watch.h"

#include <stdlib.h>

#include "lib/err.h"
#include "manifests/limits.h"
#include "manifests/reason.h"
#include "manifests/volume.h"
#include "verify/unpack.h"

#include "lib/banned.h"

int watch_open(struct watch *o, const struct volume *index, const bool *want, struct err *e)
{
	*o = (struct watch){.index = index, .want = want};
	o->asked = calloc(index->frames_n + 1, sizeof *o->asked);
	o->lost = calloc(index->frames_n + 1, sizeof *o->lost);
	if (o->asked == NULL || o->lost == NULL) {
		watch_close(o);
		return err_mem(e);
	}
	unpack_frames(index, want, o->asked);
	return 0;
}

void watch_close(struct watch *o)
{
	free(o->asked);
	free(o->lost);
	o->asked = o->lost = NULL;
}

/* Whether bytes first..last of the tar stream lie in lost frames only. */
static bool all_lost(const struct watch *o, uint64_t first, uint64_t last)
{
	for (uint64_t n = first / FRAME_SIZE; n <= last / FRAME_SIZE; n++)
		if (n >= o->index->frames_n || !o->lost[n])
			return false;
	return true;
}

/* Moves on to a place; what is passed over on the way must be lost. */
static int pass_to(struct watch *o, size_t object, uint64_t from, struct err *e)
{
	for (; o->object < object || o->from < from; o->object++, o->from = 0) {
		const struct volume_object *v = &o->index->objects[o->object];
		uint64_t len = volume_object_len(v), to = o->object < object ? len : from;
		bool lost = true;

		if (o->want[o->object] && len == 0)
			lost = all_lost(o, v->at - 1, v->at - 1);
		else if (o->want[o->object] && o->from < to)
			lost = all_lost(o, v->at + o->from, v->at + to - 1);
		if (!lost)
			return err_set(e, R_READER, "bytes of object %zu were left out", o->object);
		if (o->object == object) {
			o->from = from;
			break;
		}
	}
	return 0;
}

int watch_bytes(struct watch *o, uint64_t object, uint64_t from, uint64_t len, struct err *e)
{
	uint64_t size;

	if (object >= o->index->objects_n || object < o->object || !o->want[object])
		return err_set(e, R_READER, "bytes of an object that was not asked for, or not now");
	size = volume_object_len(&o->index->objects[object]);
	if (from > size || len > size - from || (object == o->object && from < o->from))
		return err_set(e, R_READER, "bytes that object %llu does not have there", (unsigned long long)object);
	if (len == 0 && size > 0)
		return err_set(e, R_READER, "no bytes where some must be");
	if (pass_to(o, object, from, e) == -1)
		return -1;
	o->from = from + len;
	if (o->from == size) {
		o->object++;
		o->from = 0;
	}
	return 0;
}

int watch_damage(struct watch *o, uint64_t frame, uint64_t reason, struct err *e)
{
	if (frame >= o->index->frames_n || frame < o->next_lost || !o->asked[frame])
		return err_set(e, R_READER, "damage in a frame that was not asked for, or not now");
	if (reason != R_FRAME_DIGEST && reason != R_MEDIUM_READ)
		return err_set(e, R_READER, "damage of an unknown kind");
	o->lost[frame] = true;
	o->next_lost = frame + 1;
	return 0;
}

int watch_end(struct watch *o, struct err *e)
{
	return pass_to(o, o->index->objects_n, 0, e);
}

/*
 * Judges the answers to a request for a volume (verify/watch.h). Refuses whatever a faithful reader doesn't send.
 */
#include "verify/watch.h"

#include <stdlib.h>

#include "lib/err.h"
#include "manifests/reason.h"
#include "manifests/volume.h"
#include "verify/unpack.h"

#include "lib/banned.h"

int watch_open(struct watch *o, const struct volume *index, const bool *want, struct err *e)
{
	*o = (struct watch){.index = index};
	o->asked = calloc(index->frames_n + 1, sizeof *o->asked);
	if (o->asked == NULL)
		return err_mem(e);
	unpack_frames(index, want, o->asked);
	return 0;
}

void watch_close(struct watch *o)
{
	free(o->asked);
	o->asked = NULL;
}

/* Moves on to a frame; none that was asked for is passed over on the way. */
static int pass_to(struct watch *o, size_t frame, struct err *e)
{
	for (; o->next < frame; o->next++)
		if (o->asked[o->next])
			return err_set(e, R_READER, "frame %zu was left out", o->next);
	return 0;
}

int watch_frame(struct watch *o, uint64_t frame, struct err *e)
{
	if (frame >= o->index->frames_n || frame < o->next || !o->asked[frame])
		return err_set(e, R_READER, "a frame that was not asked for, or not now");
	if (pass_to(o, frame, e) == -1)
		return -1;
	o->next = frame + 1;
	return 0;
}

int watch_damage(struct watch *o, uint64_t frame, uint64_t reason, struct err *e)
{
	if (reason != R_FRAME_DIGEST && reason != R_MEDIUM_READ)
		return err_set(e, R_READER, "damage of an unknown kind");
	return watch_frame(o, frame, e);
}

int watch_end(struct watch *o, struct err *e)
{
	return pass_to(o, o->index->frames_n, e);
}

/*
 * Frames of a volume, asked of the reader process (verify/reader.h): that those and only those come which were asked for, each
 * once and in order, in a slot of the window that main does not have. What is in them is judged by whoever takes them.
 */
#include "verify/reader.h"

#include <string.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "manifests/names.h"
#include "manifests/volume.h"
#include "verify/reader_impl.h"
#include "verify/watch.h"

#include "lib/banned.h"

void reader_release(struct reader *r, unsigned slot)
{
	struct wire_head h = {.type = WIRE_FREE, .a = slot};
	struct err gone = {0};

	atomic_store(&r->held[slot], false);
	wire_signal(&r->wire, &h, &gone);	/* a reader that is gone is found out by who waits for its answers */
}

/* Takes a slot over from the reader: it must be one that main does not have. */
static int hold(struct reader *r, uint64_t slot, struct err *e)
{
	if (slot < r->window.slots && !atomic_exchange(&r->held[slot], true))
		return 0;
	return reader_broke(r, e, "a slot that it does not have");
}

static int take_damage(struct reader *r, struct watch *o, const struct wire_head *h, const uint8_t *data,
		       const struct reader_sink *sink, struct err *e)
{
	char text[WIRE_TEXT + 1] = "";
	struct reader_damage d = {.text = text};

	if (watch_damage(o, h->a, h->b, e) == -1 || reader_check_text(r, h, data, e) == -1) {
		r->broken = true;
		return -1;
	}
	if (hold(r, h->c, e) == -1)
		return -1;
	reader_release(r, (unsigned)h->c);
	memcpy(text, data, h->len);
	d.frame = h->a;
	d.frames = 1;
	d.reason = (int)h->b;
	d.at = o->index->frames[h->a].at;
	d.size = o->index->frames[h->a].size;
	return sink->damage(sink->arg, &d, e) == -1 ? reader_stop(r) : 0;
}

static int take_frame(struct reader *r, struct watch *o, const struct wire_head *h, const struct reader_sink *sink, struct err *e)
{
	struct reader_frame f = {.frame = h->a, .slot = (unsigned)h->b};

	if (watch_frame(o, h->a, e) == -1) {
		r->broken = true;
		return -1;
	}
	if (h->len != 0)
		return reader_broke(r, e, "bytes where none belong");
	if (h->c >= o->index->frames[h->a].holds)
		return reader_broke(r, e, "more bytes that don't count than the frame has");
	if (hold(r, h->b, e) == -1)
		return -1;
	f.len = o->index->frames[h->a].holds - h->c;
	f.tar = window_slot(&r->window, f.slot);
	return sink->frame(sink->arg, &f, e) == -1 ? reader_stop(r) : 0;
}

static int take_volume(struct reader *r, struct watch *o, const struct reader_sink *sink, struct err *e)
{
	struct wire_head h;
	const uint8_t *data;
	int rc;

	while ((rc = reader_answer(r, &h, &data, e)) == 0) {
		if (h.type == WIRE_FRAME)
			rc = take_frame(r, o, &h, sink, e);
		else if (h.type == WIRE_DAMAGE)
			rc = take_damage(r, o, &h, data, sink, e);
		else
			break;
		if (rc == -1)
			return -1;
	}
	if (rc == 0)
		rc = reader_end(r, &h, data, e);
	if (rc >= 0 && watch_end(o, e) == -1) {
		r->broken = true;
		rc = -1;
	}
	return rc;
}

int reader_volume(struct reader *r, const char *bundle, const struct volume *index, const bool *want,
		  const struct reader_sink *sink, struct err *e)
{
	struct wire_head h = {.type = WIRE_VOLUME, .a = index->frames_n, .b = index->objects_n};
	struct buf request = {0};
	struct watch o = {0};
	char name[32];
	int rc = -1;

	buf_append(&request, index->frames, index->frames_n * sizeof *index->frames);
	buf_append(&request, index->objects, index->objects_n * sizeof *index->objects);
	buf_append(&request, want, index->objects_n * sizeof *want);
	reader_put(&request, bundle);
	reader_put(&request, names_volume(index->volume, name));
	if (reader_seal(&request, &h, e) == 0 && watch_open(&o, index, want, e) == 0 && reader_request(r, &h, &request, e) == 0) {
		buf_free(&request);
		rc = take_volume(r, &o, sink, e);
	}
	buf_free(&request);
	watch_close(&o);
	return rc;
}

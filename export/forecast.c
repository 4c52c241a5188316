/*
 * Room on the medium. plan | FORECAST | pack.
 * Refuses a bundle that can't fit even if it compresses better than its samples.
 */
#include "export/forecast.h"

#include <stdlib.h>

#include "export/frame.h"
#include "export/plan.h"
#include "export/select.h"
#include "export/source.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/num.h"
#include "manifests/raw_frame.h"
#include "manifests/volume.h"

#include "lib/banned.h"

#define SAMPLES 256
#define SAMPLE_SIZE (128u << 10)
#define FILE_WASTE (64u << 10)	/* the end of a file's last allocation unit: 32 KiB on FAT, 128 KiB on large exFAT; two files a volume */

struct sampling {
	const struct station *station;
	const struct selection *selection;
	int level;
	uint8_t *in, *out;
	size_t len;		/* bytes in `in` */
	uint64_t given, taken;
};

/* Appends bytes of object i from `from` on, as a volume would hold them: with a header, and rounded up. */
static int gather(struct sampling *s, size_t i, uint64_t from, struct err *e)
{
	const struct cargo_object *o = cargo_at(&s->selection->cargo, i);
	struct volume_object v = {.sha256 = o->sha256, .size = o->size};
	struct file f = FILE_CLOSED;
	size_t room = SAMPLE_SIZE - s->len, n;
	int rc;

	if (from == 0 && room >= VOLUME_BLOCK) {
		volume_entry_header(&v, s->in + s->len);
		s->len += VOLUME_BLOCK;
		room -= VOLUME_BLOCK;
	}
	n = cargo_carried(o) - from < room ? (size_t)(cargo_carried(o) - from) : room;
	if (source_open(s->station, s->selection, i, &f, e) == -1)
		return -1;
	rc = file_pread(&f, s->in + s->len, n, from, e);
	file_close(&f);
	s->len += n;
	return rc;
}

static int judge(struct sampling *s, struct err *e)
{
	size_t n;
	int rc = frame_compress(s->in, s->len, s->level, s->out, &n, e);

	if (rc == -1)
		return -1;
	s->given += s->len;
	s->taken += rc == 0 ? n : raw_frame_size(s->len);
	s->len = 0;
	return 0;
}

/* Samples at even distances over all bytes (of an object carried in part: of as many from its start), so that large objects
 * get their share; small ones are taken along in a row. */
static int take_samples(struct sampling *s, struct err *e)
{
	const struct cargo *c = &s->selection->cargo;
	uint64_t step = c->bytes / SAMPLES + 1, next = 0, begin = 0;

	for (size_t i = 0; i < c->n; i++) {
		uint64_t size = cargo_carried(cargo_at(c, i)), from = next > begin ? next - begin : 0;

		while (from < size || (s->len > 0 && size == 0)) {
			if (gather(s, i, from, e) == -1)
				return -1;
			if (s->len < SAMPLE_SIZE)
				break;	/* the object ended within the sample: the next one goes on */
			if (judge(s, e) == -1)
				return -1;
			next += step > SAMPLE_SIZE ? step : SAMPLE_SIZE;
			from = next - begin;
		}
		begin += size;
		if (s->len > 0 && begin > next)
			next = begin;
	}
	return s->len > 0 ? judge(s, e) : 0;
}

static int estimate(const struct station *st, const struct selection *sel, const struct plan_total *t, int level,
		    uint64_t *volumes, struct err *e)
{
	struct sampling s = {.station = st, .selection = sel, .level = level};
	int rc = -1;

	s.in = malloc(SAMPLE_SIZE);
	s.out = malloc(MAX_FRAME_STORED);
	if (!s.in || !s.out)
		err_mem(e);
	else
		rc = take_samples(&s, e);
	if (rc == 0 && s.given > 0)
		*volumes = (uint64_t)((double)t->stored * ((double)s.taken / (double)s.given));
	free(s.in);
	free(s.out);
	return rc;
}

int forecast_check(const struct station *s, const struct selection *sel, const struct plan_total *t, uint64_t small,
		   int level, struct forecast *f, struct err *e)
{
	uint64_t rest = t->indexes + small + (2 * t->volumes + 8) * FILE_WASTE, volumes = t->stored;
	char need[24], room[24];

	f->need = f->likely = t->stored + rest;
	if (!f->room_known || f->need <= f->room)
		return 0;
	if (level > 0 && t->volumes > 0) {
		if (estimate(s, sel, t, level, &volumes, e) == -1)
			return -1;
		f->likely = volumes + rest;
		if (f->likely / 10 * 9 <= f->room)
			return 0;
	}
	err_set(e, ERR_NO_SPACE, "the bundle needs about %s, and there is room for %s", num_format_size(f->likely, need),
		num_format_size(f->room, room));
	return err_hint(e, "use a larger medium, or carry less with --only");
}

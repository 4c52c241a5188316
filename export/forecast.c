/*
 * Room on the medium. plan | FORECAST | pack.
 * Refuses a bundle that can't fit even if it compresses better than its samples.
 */
#include "export/forecast.h"

#include <math.h>
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

struct sampling {
	const struct station *station;
	const struct selection *selection;
	int level;
	uint8_t *in, *out;
	size_t len;		/* bytes in `in` */
	uint64_t given, taken;
	uint64_t raw;		/* of `taken`, by samples that did not shrink */
	double n, last, steps;	/* samples; the ratio of the last; squares of how much each differs from the one before */
	bool all;		/* no byte lies between them */
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
	while (from + n == cargo_carried(o) && s->len % VOLUME_BLOCK != 0)
		s->in[s->len++] = 0;
	return rc;
}

static int judge(struct sampling *s, struct err *e)
{
	double ratio;
	size_t n;
	int rc = frame_compress(s->in, s->len, s->level, s->out, &n, e);

	if (rc == -1)
		return -1;
	if (rc == 1) {
		n = raw_frame_size(s->len);
		s->raw += n;
	}
	ratio = (double)n / (double)s->len;
	if (s->n > 0)
		s->steps += (ratio - s->last) * (ratio - s->last);
	s->last = ratio;
	s->n++;
	s->given += s->len;
	s->taken += n;
	s->len = 0;
	return 0;
}

static uint64_t tar_bytes(const struct cargo *c)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < c->n; i++)
		bytes += volume_entry_span(cargo_carried(cargo_at(c, i)));
	return bytes;
}

/* Samples at even distances over the tar of all (of an object carried in part: of as many bytes from its start), so that large
 * objects get their share; small ones are taken along in a row. */
static int take_samples(struct sampling *s, struct err *e)
{
	const struct cargo *c = &s->selection->cargo;
	uint64_t step = tar_bytes(c) / SAMPLES + 1, begin = 0, next = 0, start = 0;

	s->all = step <= SAMPLE_SIZE;
	for (size_t i = 0; i < c->n; i++) {
		uint64_t size = cargo_carried(cargo_at(c, i)), end = begin + volume_entry_span(size);

		while (next < end) {
			uint64_t at = next > begin ? next - begin : 0, from = at > VOLUME_BLOCK ? at - VOLUME_BLOCK : 0;

			start = s->len == 0 ? next : start;
			if (gather(s, i, from < size ? from : size, e) == -1)
				return -1;
			if (s->len < SAMPLE_SIZE) {
				next = end;	/* the next object goes on */
				break;
			}
			if (judge(s, e) == -1)
				return -1;
			next = start + (s->all ? SAMPLE_SIZE : step);
		}
		begin = end;
	}
	return s->len > 0 ? judge(s, e) : 0;
}

/*
 * What is sure of a byte's share, by the samples: nine tenths of what they promise, since a frame is larger than a sample. More where
 * what doesn't shrink, which no frame will help, is more; less three standard errors of what lies between the samples (by successive
 * differences: neighbours are of the same file, mostly).
 */
static double least(const struct sampling *s)
{
	double promised = 0.9 * (double)s->taken / (double)s->given, sure = promised + 0.1 * (double)s->raw / (double)s->given;

	if (!s->all)
		sure -= 3 * sqrt(s->steps / 2) / s->n + 1 / s->n;
	return sure > promised ? sure : promised;
}

/* Bytes of the volumes: likely, and at least. */
static int estimate(struct sampling *s, const struct plan_total *t, uint64_t *likely, uint64_t *surely, struct err *e)
{
	int rc = -1;

	s->in = malloc(SAMPLE_SIZE);
	s->out = malloc(MAX_FRAME_STORED);
	if (!s->in || !s->out)
		err_mem(e);
	else
		rc = take_samples(s, e);
	if (rc == 0 && s->given > 0) {
		*likely = (uint64_t)((double)t->stored * ((double)s->taken / (double)s->given));
		*surely = (uint64_t)((double)t->stored * least(s));
	}
	free(s->in);
	free(s->out);
	return rc;
}

int forecast_check(const struct station *s, const struct selection *sel, const struct plan_total *t, int level, struct forecast *f,
		   struct err *e)
{
	struct sampling sampling = {.station = s, .selection = sel, .level = level};
	uint64_t likely = t->stored, surely = t->stored;
	char need[24], room[24];

	f->need = f->likely = t->stored + f->beside;
	if (!f->room_known || f->need <= f->room)
		return 0;
	if (level > 0 && t->volumes > 0) {
		if (estimate(&sampling, t, &likely, &surely, e) == -1)
			return -1;
		f->likely = likely + f->beside;
		if (surely + f->beside <= f->room)
			return 0;
	}
	err_set(e, ERR_NO_SPACE, "the bundle needs about %s, and there is room for %s", num_format_size(f->likely, need),
		num_format_size(f->room, room));
	return err_hint(e, "use a larger medium, or carry less with --only");
}

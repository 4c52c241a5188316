/*
 * PLAN: the cutting into volumes. select | PLAN | pack.
 * Refuses what needs more volumes than a bundle can have.
 */
#include "export/plan.h"

#include <string.h>

#include "export/frame.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "manifests/limits.h"
#include "manifests/raw_frame.h"
#include "manifests/volume.h"

#include "lib/banned.h"

#define TAR_END (2 * VOLUME_BLOCK)
#define INDEX_HEAD 256		/* type line, stream, sequence, number, names of the lists */
#define INDEX_FRAME 160		/* a frame's line at most: names, 64 digits, three numbers of up to 10 digits */
#define INDEX_OBJECT (sizeof "  - {sha256: , size: , at: }" + 2 * DIGEST_LEN)	/* an object's line, its digits aside */
#define INDEX_PIECE (sizeof ", from: , length: " - 1)

uint64_t plan_stored(uint64_t tar)
{
	uint64_t rest = tar % FRAME_SIZE;

	return tar / FRAME_SIZE * raw_frame_size(FRAME_SIZE) + (rest ? raw_frame_size((size_t)rest) : 0);
}

uint64_t plan_room(uint64_t volume_size)
{
	uint64_t full = volume_size / raw_frame_size(FRAME_SIZE);
	uint64_t rest = volume_size - full * raw_frame_size(FRAME_SIZE);

	rest -= rest % VOLUME_BLOCK;
	while (rest > 0 && plan_stored(full * FRAME_SIZE + rest) > volume_size)
		rest -= VOLUME_BLOCK;
	return full * FRAME_SIZE + rest;
}

void plan_start(struct plan *p, const struct cargo *c, uint64_t volume_size)
{
	*p = (struct plan){.cargo = c, .room = plan_room(volume_size)};
}

static void next_volume(struct plan *p)
{
	p->volume++;
	p->used = TAR_END;
	p->entries = 0;
}

/* The part that comes next, of which the first bytes may be cut already. */
static struct extent next_part(const struct plan *p)
{
	struct extent x = cargo_part(cargo_at(p->cargo, p->object), p->part);

	if (p->from > x.from)
		x.from = p->from;
	return x;
}

/* Moves on behind `to`; whether that was the object's last byte that is carried. */
static bool advance(struct plan *p, uint64_t to)
{
	const struct cargo_object *o = cargo_at(p->cargo, p->object);

	p->from = to;
	if (to < cargo_part(o, p->part).to)
		return false;
	p->from = 0;
	if (++p->part < cargo_parts(o))
		return false;
	p->part = 0;
	p->object++;
	return true;
}

bool plan_next(struct plan *p, struct plan_entry *out)
{
	const struct cargo_object *o;
	struct extent whole, rest;
	uint64_t length, span;
	bool cut;

	if (p->object == p->cargo->n)
		return false;
	o = cargo_at(p->cargo, p->object);
	whole = cargo_part(o, p->part);
	rest = next_part(p);
	length = rest.to - rest.from;
	span = volume_entry_span(length);
	cut = volume_entry_span(whole.to - whole.from) > p->room - TAR_END;
	if (p->volume == 0 || p->entries == MAX_VOLUME_OBJECTS || p->room - p->used < VOLUME_BLOCK ||
	    (span > p->room - p->used && (!cut || p->room - p->used < VOLUME_BLOCK + PLAN_MIN_PIECE)))
		next_volume(p);
	if (span > p->room - p->used) {
		span = p->room - p->used;	/* multiples of a block, both */
		length = span - VOLUME_BLOCK;
	}
	*out = (struct plan_entry){
		.volume = p->volume, .object = p->object, .piece = cut || o->parts, .from = rest.from, .length = length,
		.first = p->part == 0 && rest.from == whole.from, .at = p->used - TAR_END + VOLUME_BLOCK
	};
	p->used += span;
	p->entries++;
	out->last = advance(p, rest.from + length);
	return true;
}

static void add_entry(struct digest_ctx *h, const struct plan *p, const struct plan_entry *x)
{
	const struct cargo_object *o = cargo_at(p->cargo, x->object);
	uint64_t numbers[4] = {o->size, x->volume, x->from, x->length};
	uint8_t bytes[DIGEST_LEN + 8 * 4];

	memcpy(bytes, o->sha256.bytes, DIGEST_LEN);
	for (size_t i = 0; i < 4; i++)
		for (size_t k = 0; k < 8; k++)
			bytes[DIGEST_LEN + 8 * i + k] = (uint8_t)(numbers[i] >> (8 * k));
	digest_update(h, bytes, sizeof bytes);
}

static uint64_t digits(uint64_t n)
{
	uint64_t count = 1;

	for (; n >= 10; n /= 10)
		count++;
	return count;
}

/* An entry's line in the index. */
static uint64_t line(const struct cargo *c, const struct plan_entry *x)
{
	uint64_t size = INDEX_OBJECT + digits(cargo_at(c, x->object)->size) + digits(x->at);

	return x->piece ? size + INDEX_PIECE + digits(x->from) + digits(x->length) : size;
}

/* What a volume with so many bytes of tar comes to. */
static void add_volume(struct plan_total *t, uint64_t tar)
{
	t->stored += plan_stored(tar);
	t->indexes += INDEX_HEAD + (tar + FRAME_SIZE - 1) / FRAME_SIZE * INDEX_FRAME;
}

int plan_total(const struct cargo *c, uint64_t volume_size, struct plan_total *out, struct err *e)
{
	struct digest_ctx *h = digest_open(e);
	struct plan p;
	struct plan_entry x;
	uint64_t used = 0;
	int rc = -1;

	if (!h)
		return -1;
	*out = (struct plan_total){0};
	plan_start(&p, c, volume_size);
	while (plan_next(&p, &x)) {
		if (x.volume > MAX_VOLUMES) {
			err_set(e, ERR_TOO_LARGE, "more than %u volumes of %llu bytes", MAX_VOLUMES,
				(unsigned long long)volume_size);
			err_hint(e, "a larger --volume-size is needed");
			goto out;
		}
		if (x.volume != out->volumes && out->volumes > 0)
			add_volume(out, used);
		out->volumes = x.volume;
		out->entries++;
		out->indexes += line(c, &x);
		used = p.used;
		add_entry(h, &p, &x);
	}
	if (out->volumes > 0)
		add_volume(out, used);
	rc = digest_final(h, &out->digest, e);
out:
	digest_close(h);
	return rc;
}

/*
 * Objects into a frame. plan | volumes, LOAD (tar) | frame.
 * Refuses objects whose bytes are no longer the approved ones.
 */
#include "export/load.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "export/select.h"
#include "export/source.h"
#include "export/tar.h"
#include "lib/err.h"
#include "lib/file.h"
#include "manifests/reason.h"
#include "manifests/volume.h"

#include "lib/banned.h"

struct loader {
	const struct station *station;
	const struct selection *selection;
	struct tar *tar;
	struct digest_ctx *hash;
	uint8_t *to;	/* where the tar's next byte goes */
	uint8_t *passing;	/* CROSSING_STEP bytes */
};

int load_add(struct load *l, size_t object, uint64_t size, size_t at, struct err *e)
{
	if (l->n == l->room) {
		size_t room = l->room ? 2 * l->room : 64;
		struct load_entry *more = reallocarray(l->list, room, sizeof *more);

		if (!more)
			return err_mem(e);
		l->list = more;
		l->room = room;
	}
	l->list[l->n++] = (struct load_entry){(uint32_t)object, (uint32_t)at};
	l->bytes += size;
	return 0;
}

/* Whether the last part added is of c, which then began in this frame. */
static bool began_here(const struct load *l, const struct crossing *c)
{
	const struct load_part *before = l->parts_n ? &l->parts[l->parts_n - 1] : NULL;

	return before && before->crossing == c && !before->late;
}

int load_add_part(struct load *l, struct crossing *c, const struct crossing_part *p, size_t at, struct err *e)
{
	bool late = p->nth > 0 && !began_here(l, c);

	if (l->parts_n == l->parts_room) {
		size_t room = l->parts_room ? 2 * l->parts_room : 2;	/* seldom more than an end and a beginning */
		struct load_part *more = reallocarray(l->parts, room, sizeof *more);

		if (!more)
			return err_mem(e);
		l->parts = more;
		l->parts_room = room;
	}
	l->parts[l->parts_n++] = (struct load_part){crossing_hold(c), *p, (uint32_t)at, late};
	l->bytes += p->len;
	return 0;
}

void load_free(struct load *l)
{
	for (size_t i = 0; i < l->parts_n; i++)
		crossing_free(l->parts[i].crossing);
	free(l->parts);
	free(l->list);
	*l = (struct load){0};
}

/* Takes the tar stream. Data were read to their place already. */
static int take(void *arg, const void *data, size_t len, struct err *e)
{
	struct loader *x = arg;

	(void)e;
	if (data != x->to)
		memcpy(x->to, data, len);
	x->to += len;
	return 0;
}

struct loader *loader_open(const struct station *s, const struct selection *sel, struct err *e)
{
	struct loader *x = calloc(1, sizeof *x);

	if (!x) {
		err_mem(e);
		return NULL;
	}
	x->station = s;
	x->selection = sel;
	x->hash = digest_open(e);
	x->tar = x->hash ? tar_open(take, x, e) : NULL;
	x->passing = malloc(CROSSING_STEP);
	if (x->tar && x->passing)
		return x;
	if (!x->passing)
		err_mem(e);
	loader_close(x);
	return NULL;
}

void loader_close(struct loader *x)
{
	if (!x)
		return;
	tar_abort(x->tar);
	digest_close(x->hash);
	free(x->passing);
	free(x);
}

/* Reads size bytes to their place and compares their digest with the approved one. */
static int read_object(struct loader *x, size_t object, const struct cargo_object *o, uint8_t *to, struct err *e)
{
	struct file f = FILE_CLOSED;
	const char *wrong = NULL;
	struct digest d;
	int rc = source_open(x->station, x->selection, object, &f, e);

	for (uint64_t at = 0; rc == 0 && !wrong && at < o->size;) {
		int64_t n = file_read(&f, to + at, o->size - at < CROSSING_STEP ? (size_t)(o->size - at) : CROSSING_STEP, e);

		if (n == -1)
			rc = -1;
		else if (n == 0)
			wrong = "is shorter than when it was approved";
		else
			digest_update(x->hash, to + at, (size_t)n);
		at += (uint64_t)n;
	}
	file_close(&f);
	if (rc == 0 && !wrong) {
		rc = digest_final(x->hash, &d, e);
		if (rc == 0 && !digest_equal(&d, &o->sha256))
			wrong = "its bytes are no longer the approved ones";
	}
	return wrong ? source_blame(x->station, x->selection, object, R_CONTENT_CHANGED, wrong, e) : rc;
}

static int hash_part(struct loader *x, struct load_part *p, const uint8_t *frame, const char *stage, struct err *e)
{
	if (crossing_hash(p->crossing, &p->part, frame + p->at, x->passing, stage, e) == -1)
		return -1;
	crossing_free(p->crossing);
	p->crossing = NULL;
	return 0;
}

int loader_run(struct loader *x, struct load *l, uint8_t *frame, struct err *e)
{
	for (size_t i = 0; i < l->parts_n; i++) {
		struct load_part *p = &l->parts[i];

		if (crossing_read(p->crossing, &p->part, frame + p->at, e) == -1 ||
		    (!p->late && hash_part(x, p, frame, NULL, e) == -1))
			return -1;
	}
	for (size_t i = 0; i < l->n; i++) {
		const struct cargo_object *o = cargo_at(&x->selection->cargo, l->list[i].object);
		struct volume_object v = {.sha256 = o->sha256, .size = o->size};
		uint8_t *data = frame + l->list[i].at + VOLUME_BLOCK;

		x->to = frame + l->list[i].at;
		if (tar_begin(x->tar, &v, e) == -1 || read_object(x, l->list[i].object, o, data, e) == -1 ||
		    (o->size > 0 && tar_data(x->tar, data, (size_t)o->size, e) == -1) || tar_end(x->tar, e) == -1)
			return -1;
	}
	return 0;
}

int loader_follow(struct loader *x, struct load *l, const uint8_t *frame, const char *stage, struct err *e)
{
	for (size_t i = 0; i < l->parts_n; i++)
		if (l->parts[i].late && hash_part(x, &l->parts[i], frame, stage, e) == -1)
			return -1;
	return 0;
}

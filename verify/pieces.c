/*
 * Objects in pieces, as their bytes come (verify/pieces.h): each segment of an object is hashed at once, or kept and hashed when
 * what comes before it was. Which of the two, pieces_plan has said. Finds other bytes; what never comes is told, not guessed.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "manifests/volume.h"
#include "verify/pieces_impl.h"

#include "lib/banned.h"

struct pieces *pieces_open(uint64_t keep, struct err *e)
{
	struct pieces *p = calloc(1, sizeof *p);

	if (p == NULL) {
		err_mem(e);
		return NULL;
	}
	p->keep = keep;
	spool_open(&p->spool, NULL);
	return p;
}

void pieces_close(struct pieces *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->list_n; i++)
		digest_close(p->list[i].hash);
	spool_close(&p->spool);
	free(p->entries);
	free(p->list);
	free(p->segments);
	free(p);
}

void pieces_give_up(struct pieces *p)
{
	p->too_many = true;
}

bool pieces_too_many(const struct pieces *p)
{
	return p->too_many;
}

/* The first entry that this bundle has of an object, or NULL. */
static const struct pieces_entry *find(const struct pieces *p, const struct pieces_entry *key)
{
	size_t low = 0, high = p->entries_n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (pieces_compare(&p->entries[mid], key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < p->entries_n && pieces_compare(&p->entries[low], key) == 0 ? &p->entries[low] : NULL;
}

struct piece *pieces_find(struct pieces *p, const void *bundle, const struct volume_object *o, bool *alone)
{
	const struct pieces_entry key = {.sha256 = o->sha256, .size = o->size, .bundle = bundle}, *x = find(p, &key);

	*alone = x != NULL && x->alone;
	return x == NULL ? NULL : &p->list[x->piece];
}

/* ---- bytes ---- */

static uint64_t end_of(const struct pieces *p, const struct piece *piece, const struct segment *s)
{
	return s + 1 < p->segments + piece->first + piece->n ? s[1].from : piece->size;
}

static struct segment *segment_at(const struct pieces *p, const struct piece *piece, uint64_t at)
{
	size_t low = piece->first, high = piece->first + piece->n;

	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (p->segments[mid].from <= at)
			low = mid;
		else
			high = mid;
	}
	return &p->segments[low];
}

static int hash(struct piece *piece, const void *data, size_t len, struct err *e)
{
	if (piece->hash == NULL)
		piece->hash = digest_open(e);
	if (piece->hash == NULL)
		return -1;
	digest_update(piece->hash, data, len);
	piece->next += len;
	return 0;
}

static uint64_t place_of(const struct piece *piece, const struct segment *s, uint64_t at)
{
	return piece->place + s->place + (at - s->from);
}

/* Bytes that came before. */
static int compare(struct pieces *p, struct piece *piece, const struct segment *s, uint64_t at, const uint8_t *data, size_t len,
		   struct err *e)
{
	while (len > 0 && !piece->differs) {
		size_t n = len < sizeof p->chunk ? len : sizeof p->chunk;

		if (spool_get(&p->spool, place_of(piece, s, at), p->chunk, n, e) == -1)
			return -1;
		piece->differs = memcmp(p->chunk, data, n) != 0;
		data += n;
		at += n;
		len -= n;
	}
	return 0;
}

/* Room for all that will be kept of the object, before the first of it is: 0; 1: there is none; -1. */
static int find_room(struct pieces *p, struct piece *piece, struct err *e)
{
	int rc = piece->placed ? 0 : spool_place(&p->spool, piece->kept, &piece->place, e);

	piece->placed = rc == 0;
	piece->no_room = rc == 1;
	return rc;
}

static int keep(struct pieces *p, struct piece *piece, struct segment *s, uint64_t at, const uint8_t *data, size_t len,
		struct err *e)
{
	uint64_t came = s->from + s->came;
	size_t again = at >= came ? 0 : came - at < len ? (size_t)(came - at) : len;
	int rc = find_room(p, piece, e);

	if (rc != 0)
		return rc == 1 ? 0 : -1;
	if (again > 0 && compare(p, piece, s, at, data, again, e) == -1)
		return -1;
	if (again == len || at + again != came)
		return 0;	/* bytes before these were lost, and may come once more */
	if (spool_put(&p->spool, place_of(piece, s, came), data + again, len - again, e) == -1)
		return -1;
	s->came += len - again;
	return 0;
}

/* Bytes within one segment. */
static int take(struct pieces *p, struct piece *piece, struct segment *s, uint64_t at, const uint8_t *data, size_t len,
		struct err *e)
{
	if (s->place != PIECES_NOT_KEPT)
		return keep(p, piece, s, at, data, len, e);
	return at == piece->next ? hash(piece, data, len, e) : 0;	/* else what comes before it was lost */
}

/* Hashes what was kept and is next. */
static int hash_kept(struct pieces *p, struct piece *piece, const struct segment *s, struct err *e)
{
	while (piece->next < s->from + s->came) {
		uint64_t left = s->from + s->came - piece->next;
		size_t n = left < sizeof p->chunk ? (size_t)left : sizeof p->chunk;

		if (spool_get(&p->spool, place_of(piece, s, piece->next), p->chunk, n, e) == -1 ||
		    hash(piece, p->chunk, n, e) == -1)
			return -1;
	}
	return 0;
}

static int judge(struct piece *piece, struct err *e)
{
	struct digest d;

	if (digest_final(piece->hash, &d, e) == -1)
		return -1;
	piece->verdict = digest_equal(&d, &piece->sha256) ? PIECES_RIGHT : PIECES_WRONG;
	digest_close(piece->hash);
	piece->hash = NULL;
	return 0;
}

/* Goes on behind what was hashed, as far as the bytes are here. */
static int go_on(struct pieces *p, struct piece *piece, struct err *e)
{
	while (piece->next < piece->size) {
		const struct segment *s = &p->segments[piece->first + piece->at];

		if (s->place != PIECES_NOT_KEPT && hash_kept(p, piece, s, e) == -1)
			return -1;
		if (piece->next < end_of(p, piece, s))
			return 0;
		piece->at++;
	}
	return piece->verdict == PIECES_OPEN ? judge(piece, e) : 0;
}

int pieces_add(struct pieces *p, struct piece *piece, uint64_t at, const void *data, size_t len, struct err *e)
{
	const uint8_t *from = data;
	struct segment *s;

	if (piece->n == 0)
		return 0;
	for (s = segment_at(p, piece, at); len > 0 && at < piece->size && !piece->no_room; s++) {
		uint64_t left = end_of(p, piece, s) - at;
		size_t n = left < len ? (size_t)left : len;

		if (take(p, piece, s, at, from, n, e) == -1 || go_on(p, piece, e) == -1)
			return -1;
		from += n;
		at += n;
		len -= n;
	}
	return 0;
}

/* ---- verdicts ---- */

enum pieces_verdict pieces_end(struct piece *piece)
{
	enum pieces_verdict verdict = piece->told ? PIECES_OPEN : piece->verdict;

	if (piece->differs)
		verdict = PIECES_WRONG;
	piece->told = piece->told || piece->differs || piece->verdict != PIECES_OPEN;
	piece->differs = false;
	return verdict;
}

int pieces_document(struct pieces *p, const struct piece *piece, struct buf *out, struct err *e)
{
	if (piece->size > p->keep)
		return 1;
	if (buf_reserve(out, (size_t)piece->size) == -1)
		return err_mem(e);
	if (spool_get(&p->spool, piece->place, out->data + out->len, (size_t)piece->size, e) == -1)
		return -1;
	out->len += (size_t)piece->size;
	out->data[out->len] = '\0';
	return 0;
}

static enum pieces_doubt doubt_of(const struct piece *piece, const void *bundle)
{
	if (piece->n == 0)
		return PIECES_ABSENT;
	if (piece->no_room)
		return PIECES_NO_ROOM;
	return piece->last == bundle ? PIECES_LOST : PIECES_LATER;
}

int pieces_doubts(struct pieces *p, const void *bundle,
		  int (*each)(void *arg, const struct digest *d, enum pieces_doubt doubt, struct err *e), void *arg, struct err *e)
{
	for (size_t i = 0; i < p->entries_n; i++) {
		const struct pieces_entry *x = &p->entries[i];
		const struct piece *piece = &p->list[x->piece];

		if (x->bundle != bundle || piece->told || (i > 0 && pieces_compare(x - 1, x) == 0))
			continue;
		if (each(arg, &x->sha256, doubt_of(piece, bundle), e) == -1)
			return -1;
	}
	return 0;
}

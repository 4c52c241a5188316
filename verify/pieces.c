/*
 * Objects in pieces (verify/pieces.h). Refuses more of them at once than any exporter makes.
 */
#include "verify/pieces.h"

#include <search.h>
#include <stdlib.h>

#include "lib/err.h"
#include "manifests/reason.h"
#include "manifests/volume.h"

#include "lib/banned.h"

static int by_digest(const void *a, const void *b)
{
	return digest_compare(&((const struct piece *)a)->sha256, &((const struct piece *)b)->sha256);
}

static void forget(struct pieces *p, struct piece *piece)
{
	tdelete(piece, &p->tree, by_digest);
	digest_close(piece->hash);
	free(piece);
	p->n--;
}

struct piece *pieces_get(struct pieces *p, const struct volume_object *o, struct err *e)
{
	struct piece key = {.sha256 = o->sha256}, *new;
	void *node = tfind(&key, &p->tree, by_digest);

	if (node != NULL)
		return *(struct piece **)node;
	if (p->n == PIECES_MAX) {
		err_set(e, R_DOCUMENT_FORM, "more than %d objects in pieces are begun and not ended", PIECES_MAX);
		return NULL;
	}
	new = calloc(1, sizeof *new);
	if (new == NULL) {
		err_mem(e);
		return NULL;
	}
	*new = (struct piece){.sha256 = o->sha256, .size = o->size, .hash = digest_open(e)};
	if (new->hash != NULL && tsearch(new, &p->tree, by_digest) != NULL) {
		p->n++;
		return new;
	}
	digest_close(new->hash);
	free(new);
	err_mem(e);
	return NULL;
}

void pieces_add(struct piece *piece, uint64_t at, const void *data, size_t len)
{
	if (at != piece->next)
		return;
	digest_update(piece->hash, data, len);
	piece->next += len;
}

int pieces_end(struct pieces *p, struct piece *piece, int *right, struct err *e)
{
	struct digest d;

	if (piece->next < piece->size)
		return 0;
	if (digest_final(piece->hash, &d, e) == -1)
		return -1;
	*right = digest_equal(&d, &piece->sha256);
	forget(p, piece);
	return 1;
}

void pieces_close(struct pieces *p, void (*each)(void *arg, const struct piece *piece), void *arg)
{
	while (p->tree != NULL) {
		struct piece *piece = *(struct piece **)p->tree;

		if (each != NULL)
			each(arg, piece);
		forget(p, piece);
	}
}

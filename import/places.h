/*
 * PLACES: where objects belong that damage took: asked for by digest, answered with item and path as far as the contents
 * lists tell. For messages.
 */
#ifndef IMPORT_PLACES_H
#define IMPORT_PLACES_H

#include <stddef.h>

#include "lib/digest.h"

struct err;

#define PLACES_MAX 1000

struct place {
	struct digest sha256;
	char *item;		/* NULL: not known */
	char *path;		/* NULL: the contents list itself, or a part of it */
};
struct places {
	struct place *list;	/* sorted */
	size_t n;
};
int places_ask(struct places *p, const struct digest *d, struct err *e);	/* beyond PLACES_MAX: nothing */
/* Answers, where it was asked for and not answered before. path may be NULL. 0 or -1. */
int places_answer(struct places *p, const struct digest *d, const char *item, const char *path, struct err *e);
const struct place *places_find(const struct places *p, const struct digest *d);	/* or NULL */
void places_free(struct places *p);

#endif

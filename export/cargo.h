/*
 * The objects a bundle carries: in order, each once however often it occurs. First the documents (contents lists and
 * their parts), then content. About 60 bytes each, and the paths of those that are not kept.
 */
#ifndef EXPORT_CARGO_H
#define EXPORT_CARGO_H

#include <stddef.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/digest.h"
#include "lib/extents.h"

struct err;

struct cargo_object {
	struct digest sha256;
	uint64_t size;
	const char *path;	/* where it lies below the content root; NULL: the station holds it */
	struct extents *parts;	/* NULL: all of it is carried; else these, fewer than all */
};
struct cargo {	/* zero-initialise */
	struct cargo_object **blocks;
	size_t n, documents_n;	/* objects; the first documents_n are documents */
	uint64_t bytes;		/* what is carried of them, added up */
	uint32_t *table;	/* open addressing: index + 1, 0 is free */
	size_t slots;		/* a power of two */
	uint64_t seed;
	struct arena paths;
};

/* Adds an object unless it is there: 1 added, 0 there already, -1. path (or NULL) is copied. One that was to be carried in
 * part is carried whole. */
int cargo_add(struct cargo *c, const struct digest *d, uint64_t size, const char *path, struct err *e);
/* The same, but only so much of it is wanted, beside what is carried of it already. parts: within size. */
int cargo_add_parts(struct cargo *c, const struct digest *d, uint64_t size, const char *path, const struct extents *parts,
		    struct err *e);
const struct cargo_object *cargo_at(const struct cargo *c, size_t i);	/* i < n */
const struct cargo_object *cargo_find(const struct cargo *c, const struct digest *d);	/* or NULL */
/* What is carried of an object: extent i of cargo_parts(o); and their bytes. */
size_t cargo_parts(const struct cargo_object *o);
struct extent cargo_part(const struct cargo_object *o, size_t i);
uint64_t cargo_carried(const struct cargo_object *o);
void cargo_free(struct cargo *c);

#endif

/*
 * The objects a bundle carries, each once: an array in blocks, so that growing copies nothing, and a hash set over it.
 * Refuses one digest with two sizes.
 */
#include "export/cargo.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/err.h"
#include "lib/num.h"
#include "manifests/limits.h"
#include "manifests/reason.h"

#include "lib/banned.h"

#define BLOCK_BITS 14
#define BLOCK_OBJECTS ((size_t)1 << BLOCK_BITS)
#define FIRST_SLOTS 1024
#define MAX_OBJECTS (UINT32_MAX - 1)

const struct cargo_object *cargo_at(const struct cargo *c, size_t i)
{
	return &c->blocks[i >> BLOCK_BITS][i & (BLOCK_OBJECTS - 1)];
}

/* Digests may have been chosen to meet in their first bits: the seed is not known to whoever chose them. */
static size_t slot_of(const struct cargo *c, const struct digest *d)
{
	uint64_t a, b;

	memcpy(&a, d->bytes, sizeof a);
	memcpy(&b, d->bytes + sizeof a, sizeof b);
	a = (a ^ c->seed) * UINT64_C(0x9e3779b97f4a7c15);
	a = (a ^ a >> 29 ^ b) * (c->seed | 1);
	return (size_t)(a >> 24) & (c->slots - 1);
}

/* The slot that holds d, or the free one where it would stand. */
static size_t find(const struct cargo *c, const struct digest *d)
{
	size_t i = slot_of(c, d);

	while (c->table[i] != 0 && !digest_equal(&cargo_at(c, c->table[i] - 1)->sha256, d))
		i = (i + 1) & (c->slots - 1);
	return i;
}

static int grow_table(struct cargo *c, struct err *e)
{
	size_t slots = c->slots ? 2 * c->slots : FIRST_SLOTS;
	uint32_t *table = calloc(slots, sizeof *table);

	if (!table)
		return err_mem(e);
	if (!c->slots && getrandom(&c->seed, sizeof c->seed, GRND_NONBLOCK) != (ssize_t)sizeof c->seed)
		c->seed = (uint64_t)(uintptr_t)table;
	free(c->table);
	c->table = table;
	c->slots = slots;
	for (size_t i = 0; i < c->n; i++)
		table[find(c, &cargo_at(c, i)->sha256)] = (uint32_t)i + 1;
	return 0;
}

static int grow_blocks(struct cargo *c, struct err *e)
{
	size_t at = c->n >> BLOCK_BITS;
	struct cargo_object **blocks = realloc(c->blocks, (at + 1) * sizeof(struct cargo_object *));

	if (!blocks)
		return err_mem(e);
	c->blocks = blocks;
	blocks[at] = calloc(BLOCK_OBJECTS, sizeof(struct cargo_object));
	return blocks[at] ? 0 : err_mem(e);
}

/* A new object, of which nothing is counted yet, in a free slot. */
static struct cargo_object *append(struct cargo *c, size_t slot, const struct digest *d, uint64_t size, const char *path,
				   struct err *e)
{
	struct cargo_object *o;

	if (c->n >= MAX_OBJECTS) {
		err_set(e, ERR_TOO_LARGE, "more than a bundle can carry");
		return NULL;
	}
	if ((c->n & (BLOCK_OBJECTS - 1)) == 0 && grow_blocks(c, e) == -1)
		return NULL;
	o = &c->blocks[c->n >> BLOCK_BITS][c->n & (BLOCK_OBJECTS - 1)];
	o->sha256 = *d;
	o->size = size;
	o->path = path ? arena_strndup(&c->paths, path, strlen(path)) : NULL;
	if (path && !o->path) {
		err_mem(e);
		return NULL;
	}
	c->table[slot] = (uint32_t)++c->n;
	return o;
}

/* Finds or appends: 1 new, 0 there, -1. */
static int obtain(struct cargo *c, const struct digest *d, uint64_t size, const char *path, struct cargo_object **out,
		  struct err *e)
{
	char hex[DIGEST_HEX + 1];
	size_t slot, i;

	if (4 * (c->n + 1) > 3 * c->slots && grow_table(c, e) == -1)
		return -1;
	slot = find(c, d);
	if (c->table[slot] == 0) {
		*out = append(c, slot, d, size, path, e);
		return *out ? 1 : -1;
	}
	i = c->table[slot] - 1;
	*out = &c->blocks[i >> BLOCK_BITS][i & (BLOCK_OBJECTS - 1)];
	if ((*out)->size == size)
		return 0;
	return err_set(e, R_CONTENT_CHANGED, "%s is listed with two sizes, %llu and %llu", digest_hex(d, hex),
		       (unsigned long long)(*out)->size, (unsigned long long)size);
}

static int count(struct cargo *c, uint64_t was, uint64_t is, struct err *e)
{
	if (num_add(c->bytes - was, is, &c->bytes) || c->bytes > MAX_SUM)
		return err_set(e, ERR_TOO_LARGE, "more than a bundle can carry");
	return 0;
}

static void free_parts(struct cargo_object *o)
{
	if (o->parts)
		extents_free(o->parts);
	free(o->parts);
	o->parts = NULL;
}

int cargo_add(struct cargo *c, const struct digest *d, uint64_t size, const char *path, struct err *e)
{
	struct cargo_object *o;
	int rc = obtain(c, d, size, path, &o, e);

	if (rc == -1 || (rc == 0 && !o->parts))
		return rc;
	if (count(c, rc == 1 ? 0 : extents_sum(o->parts), size, e) == -1)
		return -1;
	free_parts(o);
	return rc;
}

int cargo_add_parts(struct cargo *c, const struct digest *d, uint64_t size, const char *path, const struct extents *parts,
		    struct err *e)
{
	struct cargo_object *o;
	int rc = obtain(c, d, size, path, &o, e);
	uint64_t was = 0;

	if (rc == -1 || (rc == 0 && !o->parts))
		return rc;
	if (rc == 0)
		was = extents_sum(o->parts);
	else if (!(o->parts = calloc(1, sizeof *o->parts)))
		return err_mem(e);
	for (size_t i = 0; i < parts->n; i++)
		if (extents_add(o->parts, parts->list[i].from, parts->list[i].to, e) == -1)
			return -1;
	if (count(c, was, extents_sum(o->parts), e) == -1)
		return -1;
	if (extents_cover(o->parts, 0, size))
		free_parts(o);
	return rc;
}

const struct cargo_object *cargo_find(const struct cargo *c, const struct digest *d)
{
	size_t slot = c->slots ? find(c, d) : 0;

	return c->slots && c->table[slot] ? cargo_at(c, c->table[slot] - 1) : NULL;
}

size_t cargo_parts(const struct cargo_object *o)
{
	return o->parts ? o->parts->n : 1;
}

struct extent cargo_part(const struct cargo_object *o, size_t i)
{
	return o->parts ? o->parts->list[i] : (struct extent){0, o->size};
}

uint64_t cargo_carried(const struct cargo_object *o)
{
	return o->parts ? extents_sum(o->parts) : o->size;
}

void cargo_free(struct cargo *c)
{
	for (size_t i = 0; i < c->n; i++)
		free_parts(&c->blocks[i >> BLOCK_BITS][i & (BLOCK_OBJECTS - 1)]);
	for (size_t i = 0; i < c->n; i += BLOCK_OBJECTS)
		free(c->blocks[i >> BLOCK_BITS]);
	free(c->blocks);
	free(c->table);
	arena_free(&c->paths);
	*c = (struct cargo){0};
}

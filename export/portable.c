/*
 * Names that stay themselves everywhere, for SCAN under portable_names. Refuses Windows' reserved names, decomposed
 * letters (a composed form of the same name would look alike and, on some file systems, be the same file), and names
 * that differ from an earlier one of their directory in case alone.
 *
 * Memory is 16 bytes for each name in the directories on the way, as in the walk itself.
 */
#include "export/portable.h"

#include <locale.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wctype.h>

#include "lib/err.h"
#include "lib/path.h"
#include "lib/text.h"

#include "lib/banned.h"

/* Hashes of the folded names of one directory: open addressing, 0 is free. */
struct names {
	uint64_t *table;
	size_t slots, used;
};
struct portable {
	locale_t locale;	/* for the case of letters beyond ASCII; fixed, whatever the environment says */
	struct names levels[PATH_MAX_DEPTH + 1];
	size_t depth;
};

struct portable *portable_open(struct err *e)
{
	struct portable *p = calloc(1, sizeof *p);

	if (p == NULL) {
		err_mem(e);
		return NULL;
	}
	p->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (p->locale != (locale_t)0)
		return p;
	free(p);
	err_set(e, ERR_CONFIG, "portable_names needs the locale C.UTF-8, which this system does not have");
	return NULL;
}

static void clear(struct names *n)
{
	free(n->table);
	*n = (struct names){0};
}

void portable_close(struct portable *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i <= PATH_MAX_DEPTH; i++)
		clear(&p->levels[i]);
	freelocale(p->locale);
	free(p);
}

/* Marks that combine with the letter before them, and conjoining jamo: what composition would take together. */
static bool is_combining(uint32_t cp)
{
	return (cp >= 0x300 && cp <= 0x36f) || (cp >= 0x1100 && cp <= 0x11ff) || (cp >= 0x1ab0 && cp <= 0x1aff) ||
	       (cp >= 0x1dc0 && cp <= 0x1dff) || (cp >= 0x20d0 && cp <= 0x20ff) || cp == 0x3099 || cp == 0x309a ||
	       (cp >= 0xfe20 && cp <= 0xfe2f);
}

/* FNV-1a over the lower-case code points. false where one combines. */
static bool fold(const struct portable *p, const char *name, uint64_t *hash)
{
	size_t len = strlen(name), n;
	uint32_t cp;

	*hash = 0xcbf29ce484222325u;
	for (size_t i = 0; i < len; i += n) {
		n = text_decode((const uint8_t *)name + i, len - i, &cp);
		if (n == 0)
			return false;
		if (is_combining(cp))
			return false;
		/* by way of upper case, so that letters with two small forms fall together */
		cp = (uint32_t)towlower_l(towupper_l((wint_t)cp, p->locale), p->locale);
		*hash = (*hash ^ cp) * 0x100000001b3u;
	}
	*hash += *hash == 0;
	return true;
}

static uint64_t *find(uint64_t *table, size_t slots, uint64_t hash)
{
	size_t at = (size_t)(hash ^ hash >> 29) & (slots - 1);

	while (table[at] != 0 && table[at] != hash)
		at = (at + 1) & (slots - 1);
	return &table[at];
}

static int grow(struct names *n, struct err *e)
{
	size_t slots = n->slots == 0 ? 64 : n->slots * 2;
	uint64_t *table = calloc(slots, sizeof *table);

	if (table == NULL)
		return err_mem(e);
	for (size_t i = 0; i < n->slots; i++)
		if (n->table[i] != 0)
			*find(table, slots, n->table[i]) = n->table[i];
	free(n->table);
	n->table = table;
	n->slots = slots;
	return 0;
}

int portable_check(struct portable *p, const char *path, const char **why, struct err *e)
{
	size_t depth = path_depth(path);
	const char *name = path_last(path);
	struct names *n = &p->levels[depth];
	uint64_t hash, *slot;

	*why = NULL;
	for (; p->depth > depth; p->depth--)	/* directories that were left */
		clear(&p->levels[p->depth]);
	if (path_reserved(name, strlen(name)))
		*why = "a name that Windows can't have (portable_names)";
	else if (!fold(p, name, &hash))
		*why = "is not in composed Unicode form (portable_names)";
	if (*why == NULL && n->used * 2 >= n->slots && grow(n, e) == -1)
		return -1;
	if (*why == NULL) {
		slot = find(n->table, n->slots, hash);
		if (*slot == hash)
			*why = "differs from another name of its directory in case alone (portable_names)";
		n->used += *slot == 0;
		*slot = hash;
	}
	/* a sibling directory's entries come into a new table */
	if (depth < PATH_MAX_DEPTH) {
		clear(&p->levels[depth + 1]);
		p->depth = depth + 1;
	}
	return 0;
}

/*
 * Bundles of several media and the newest root in them (verify/gather.h): stands before unseal. Judges roots alone, and takes
 * none from a bundle without a manifest, as an import doesn't: packing was interrupted there.
 */
#include "verify/gather.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "manifests/trust.h"
#include "verify/reader.h"
#include "verify/report.h"
#include "verify/unseal.h"

#include "lib/banned.h"

static int add(struct gather *g, struct reader *r, const char *name, struct err *e)
{
	if (g->n == g->room) {
		void *more = realloc(g->list, (g->room * 2 + 16) * sizeof *g->list);

		if (more == NULL)
			return err_mem(e);
		g->list = more;
		g->room = g->room * 2 + 16;
	}
	g->list[g->n] = (struct gathered){.reader = r};
	memcpy(g->list[g->n++].name, name, strlen(name) + 1);
	return 0;
}

/* Errors of a medium are told where its bundles are judged. */
static int unless_fatal(const struct err *why, struct err *e)
{
	return report_is_fatal(why) ? err_set(e, why->reason, "%s", why->text) : 0;
}

int gather_medium(struct gather *g, struct reader *r, struct err *e)
{
	struct found found;
	struct err why = {0};
	int rc = 0;

	if (unseal_find(r, NULL, &found, &why) == -1)
		return unless_fatal(&why, e);
	for (size_t i = 0; rc == 0 && i < found.n; i++)
		rc = add(g, r, found.names[i], e);
	unseal_found_free(&found);
	return rc;
}

/* The same whatever the order in which media were named, also where two roots of one version are signed. */
static int by_name(const void *a, const void *b)
{
	const struct gathered *x = a, *y = b;
	int c = strcmp(x->name, y->name);

	return c != 0 ? c : strcmp(reader_medium(x->reader), reader_medium(y->reader));
}

static int look_for_manifest(void *arg, const char *name, bool is_dir, struct err *e)
{
	(void)e;
	if (!is_dir && strcmp(name, NAMES_MANIFEST) == 0)
		*(bool *)arg = true;
	return 0;
}

static int walk(struct gathered *b, const struct unseal *u, struct err *e)
{
	struct unseal its = *u;
	struct err why = {0};
	bool finished = false;

	its.reader = b->reader;
	its.seen = &b->seen;
	b->seen.reader = b->reader;
	b->seen.bundle = b->name;
	if (reader_names(b->reader, b->name, look_for_manifest, &finished, &why) == 0 && finished &&
	    unseal_roots(&its, b->name, &why) == 0)
		return 0;
	seen_free(&b->seen);	/* unseal meets the same fault, and says so */
	return unless_fatal(&why, e);
}

int gather_roots(struct gather *g, const struct unseal *u, struct err *e)
{
	size_t before;

	if (g->n > 0)
		qsort(g->list, g->n, sizeof *g->list, by_name);
	do {
		before = u->chain->n;
		for (size_t i = 0; i < g->n; i++)
			if (walk(&g->list[i], u, e) == -1)
				return -1;
	} while (u->chain->n > before);
	return 0;
}

struct seen *gather_seen(struct gather *g, const struct reader *r, const char *name)
{
	struct gathered key = {.reader = (struct reader *)(uintptr_t)r}, *found;

	if (g->n == 0 || strlen(name) >= sizeof key.name)
		return NULL;
	memcpy(key.name, name, strlen(name) + 1);
	found = bsearch(&key, g->list, g->n, sizeof key, by_name);
	return found == NULL || found->reader != r ? NULL : &found->seen;
}

void gather_free(struct gather *g)
{
	for (size_t i = 0; i < g->n; i++)
		seen_free(&g->list[i].seen);
	free(g->list);
	*g = (struct gather){0};
}

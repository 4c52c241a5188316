/*
 * find > GATHER > unseal: media, their bundles and the newest root in them (verify/gather.h). Judges roots alone. What was
 * found out of a bundle's roots counts afterwards too: a medium that answers differently the second time is not asked.
 */
#include "verify/gather.h"

#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "manifests/reason.h"
#include "manifests/trust.h"
#include "verify/report.h"
#include "verify/unseal.h"

#include "lib/banned.h"

/* ---- readers ---- */

static void close_reader(struct gather *g, struct gather_medium *m)
{
	if (m->reader != NULL)
		g->open--;
	reader_close(m->reader);
	m->reader = NULL;
}

static struct reader *open_reader(struct gather *g, struct gather_medium *m)
{
	if (m->reader != NULL || m->why.reason != ERR_NONE)
		return m->reader;
	g->ask.medium = m->path;
	m->reader = reader_open(&g->ask, &m->why);
	if (m->reader != NULL)
		g->open++;
	return m->reader;
}

/* For now no more is asked of it. */
static void leave(struct gather *g, struct gather_medium *m)
{
	if (g->open > GATHER_READERS && !m->gave_up)
		close_reader(g, m);
}

static bool gives_up(const struct err *why)
{
	return why->reason == R_READER || why->reason == R_MEDIUM_TIMEOUT;
}

/* ---- media ---- */

static struct gather_medium *add(struct gather *g, const char *path, struct err *e)
{
	struct gather_medium *m;

	if (g->n == g->room) {
		void *more = realloc(g->media, (g->room * 2 + 4) * sizeof *g->media);

		if (more == NULL) {
			err_mem(e);
			return NULL;
		}
		g->media = more;
		g->room = g->room * 2 + 4;
	}
	m = &g->media[g->n];
	*m = (struct gather_medium){.path = strdup(path)};
	if (m->path == NULL) {
		err_mem(e);
		return NULL;
	}
	g->n++;
	return m;
}

static int take_bundles(const struct gather *g, struct gather_medium *m, const struct found *found, struct err *e)
{
	m->bundles = calloc(found->n + 1, sizeof *m->bundles);
	if (m->bundles == NULL)
		return err_mem(e);
	for (size_t i = 0; i < found->n; i++) {
		struct gathered *b = &m->bundles[m->n];

		if (g->wanted != NULL && !g->wanted(g->arg, found->names[i])) {
			m->passed_over++;
			continue;
		}
		memcpy(b->name, found->names[i], NAMES_BUNDLE_LEN);
		b->seen.bundle = b->name;
		m->n++;
	}
	return 0;
}

static void forget_fault(struct gathered *b)
{
	free(b->text);
	b->text = NULL;
	b->reason = 0;
}

static int keep_fault(struct gathered *b, const struct err *why, struct err *e)
{
	b->reason = why->reason;
	b->text = strdup(why->text);
	return b->text == NULL ? err_mem(e) : 0;
}

/* A bundle without the next root has nothing to add, and is not asked again. No byte is read for that. */
static int probe(const struct gather *g, struct gather_medium *m, struct err *e)
{
	uint64_t newest = g->chain->n == 0 ? 0 : trust_chain_newest(g->chain)->version;
	struct buf none = {0};
	char root[32];
	int rc = 0;

	names_trust(newest + 1, root);
	for (size_t i = 0; newest > 0 && i < m->n && !m->gave_up; i++) {
		struct err why = {0};

		if (newest == g->trust_max || reader_file(m->reader, m->bundles[i].name, root, 0, &none, &why) == 1)
			m->bundles[i].walked = newest;
		m->gave_up = gives_up(&why);
		if (m->gave_up) {
			m->bundles[i].walked = newest;
			err_prefix(&why, "%s/%s", m->bundles[i].name, root);
			rc = keep_fault(&m->bundles[i], &why, e);
		}
	}
	buf_free(&none);
	return rc;
}

int gather_medium(struct gather *g, const char *path, struct err *e)
{
	struct gather_medium *m = add(g, path, e);
	struct found found;
	int rc = 0;

	if (m == NULL)
		return -1;
	if (open_reader(g, m) == NULL)
		return report_is_fatal(&m->why) ? err_set(e, m->why.reason, "%s", m->why.text) : 1;
	if (unseal_find(m->reader, NULL, &found, &m->why) == 0) {
		rc = take_bundles(g, m, &found, e);
		unseal_found_free(&found);
		if (rc == 0)
			rc = probe(g, m, e);
	} else if (report_is_fatal(&m->why)) {
		rc = err_set(e, m->why.reason, "%s", m->why.text);
	}
	leave(g, m);
	return rc;
}

int gather_unreadable(struct gather *g, const char *path, const struct err *why, struct err *e)
{
	struct gather_medium *m = add(g, path, e);

	if (m == NULL)
		return -1;
	m->why = *why;
	return 0;
}

/* ---- roots ---- */

struct walk {			/* one bundle's turn */
	struct gather_medium *medium;
	struct gathered *bundle;
};

/* The same whatever the order in which media were named, also where two roots of one version are signed. */
static int by_name(const void *a, const void *b)
{
	const struct walk *x = a, *y = b;
	int c = strcmp(x->bundle->name, y->bundle->name);

	return c != 0 ? c : strcmp(x->medium->path, y->medium->path);
}

/* A bundle that was walked to the end of the chain as it is now has nothing to add. */
static int walk(struct gather *g, const struct walk *w, struct err *e)
{
	uint64_t newest = trust_chain_newest(g->chain)->version;
	struct gathered *b = w->bundle;
	struct err why = {0};
	struct reader *r;
	int rc = 0;

	if (b->walked == newest)
		return 0;
	r = open_reader(g, w->medium);
	if (r == NULL)
		return 0;
	forget_fault(b);
	b->seen.reader = r;
	if (unseal_roots(&b->seen, g->chain, g->trust_max, &why) == -1) {
		rc = report_is_fatal(&why) ? err_set(e, why.reason, "%s", why.text) : keep_fault(b, &why, e);
		w->medium->gave_up = gives_up(&why);
	}
	b->walked = trust_chain_newest(g->chain)->version;
	leave(g, w->medium);
	return rc;
}

static struct walk *line_up(struct gather *g, size_t *n, struct err *e)
{
	struct walk *list;
	size_t total = 0;

	for (size_t i = 0; i < g->n; i++)
		total += g->media[i].n;
	list = calloc(total + 1, sizeof *list);
	if (list == NULL) {
		err_mem(e);
		return NULL;
	}
	*n = 0;
	for (size_t i = 0; i < g->n; i++)
		for (size_t k = 0; k < g->media[i].n; k++)
			list[(*n)++] = (struct walk){&g->media[i], &g->media[i].bundles[k]};
	qsort(list, *n, sizeof *list, by_name);
	return list;
}

int gather_roots(struct gather *g, struct err *e)
{
	struct walk *list;
	size_t n, before;
	int rc = 0;

	if (g->chain->n == 0)
		return 0;
	list = line_up(g, &n, e);
	if (list == NULL)
		return -1;
	do {
		before = g->chain->n;
		for (size_t i = 0; rc == 0 && i < n; i++)
			rc = walk(g, &list[i], e);
	} while (rc == 0 && g->chain->n > before);
	free(list);
	return rc;
}

/* ---- bundles ---- */

void gather_keep(struct gather *g)
{
	spool_open(&g->kept, NULL);
	g->kept.room = 0;	/* in the file: memory is for one bundle at a time */
	g->keeps = true;
	for (size_t i = 0; i < g->n; i++)
		for (size_t k = 0; k < g->media[i].n; k++)
			g->media[i].bundles[k].seen.keep = &g->kept;
}

struct reader *gather_reader(struct gather *g, size_t i, struct err *e)
{
	struct gather_medium *m = &g->media[i];
	struct reader *r = open_reader(g, m);

	if (m->why.reason == ERR_NONE)
		return r;
	*e = m->why;
	return NULL;
}

int gather_unseal(struct gathered *b, struct reader *r, struct unseal *u, struct bundle **out, struct err *e)
{
	*out = NULL;
	if (b->reason != 0)
		return err_set(e, b->reason, "%s", b->text);
	b->seen.reader = r;
	u->seen = &b->seen;
	return unseal(u, out, e);
}

void gather_end(struct gathered *b)
{
	seen_free(&b->seen);
}

void gather_leave(struct gather *g, size_t i)
{
	leave(g, &g->media[i]);
}

void gather_done(struct gather *g, size_t i)
{
	close_reader(g, &g->media[i]);
}

void gather_free(struct gather *g)
{
	for (size_t i = 0; i < g->n; i++) {
		struct gather_medium *m = &g->media[i];

		close_reader(g, m);
		for (size_t k = 0; k < m->n; k++) {
			seen_free(&m->bundles[k].seen);
			forget_fault(&m->bundles[k]);
		}
		free(m->bundles);
		free(m->path);
	}
	free(g->media);
	if (g->keeps)
		spool_close(&g->kept);
	*g = (struct gather){0};
}

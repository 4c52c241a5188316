/*
 * What is published: admit > EFFECT > publish. A pure function of lists, answers about objects, rings, holds and a
 * rollback; the order in which anything arrived has no say. DESIGN 5, "What is published":
 *
 *  newest, complete  *newest* is the highest list admitted; *complete* the highest of whose entries for these rings every
 *                    contents list, part and object is received.
 *  (a)               Each item is taken from the highest list newer than *complete* that has it ready and urgent, or
 *                    required, transitively, by a ready urgent entry;
 *  (b)               else from *complete*, if ready there;
 *  (c)               else, only where it or what it requires is held and *complete* names it, from the highest older kept
 *                    list where it is ready.
 *  gone              An item of which *newest* revokes a revision, and which *newest* doesn't name for these rings, is not
 *                    published.
 *  nested            An entry of (a) waits while a published item of another name lies above or below its path.
 *  rollback          The list chosen stands for *complete*; lists up to the *newest* of that moment count only for
 *                    `revoked` (so (c) has none to choose from). It ends when a later list is complete.
 *
 * Two entries of (a) from different lists may lie in one another: then the one of the higher list goes first.
 */
#include "verify/effect.h"

#include <stdlib.h>
#include <string.h>

#include "verify/effect_impl.h"
#include "lib/err.h"

#include "lib/banned.h"

struct pick {			/* an entry that a rule takes */
	struct effect_item from;
	bool urgent;		/* by (a) */
};
struct candidate {		/* an item, and what the rules offer for it */
	const char *item;
	struct effect_item base, urgent;	/* by (b) or (c); by (a). entry NULL: none */
	bool published;
	const char *blocker;	/* nested: the item in the way */
};
struct work {
	const struct effect_input *in;
	struct effect *out;
	struct effect_asked asked;
	struct effect_view *views;	/* of each list; opened when needed */
	struct digest *revoked;
	const char **gone;	/* items of which newest revokes a revision; sorted */
	size_t gone_n;
	struct pick *picks;
	size_t picks_n, picks_cap;
	struct candidate *candidates;	/* sorted by item */
	size_t candidates_n;
};

static int open_view(struct work *w, size_t i, struct err *e)
{
	return w->views[i].list != NULL ? 0 : effect_view_open(&w->views[i], w->in->lists[i], &w->asked, e);
}

/* ---- newest, complete, revoked ---- */

/* Lists below this one count for nothing but `revoked`, as long as the rollback is in force. */
static size_t first_that_counts(const struct effect_input *in)
{
	return in->rollback == SIZE_MAX ? 0 : in->rollback_newest + 1;
}

static int find_complete(struct work *w, struct err *e)
{
	struct effect *out = w->out;

	out->newest = w->in->lists_n - 1;
	if (open_view(w, out->newest, e) == -1)
		return -1;
	out->newest_received = w->views[out->newest].received;
	for (size_t i = w->in->lists_n - w->in->not_complete; i > first_that_counts(w->in); i--) {
		if (open_view(w, i - 1, e) == -1)
			return -1;
		if (w->views[i - 1].received) {
			out->complete = i - 1;
			out->complete_received = true;
			return 0;
		}
	}
	if (w->in->rollback == SIZE_MAX)
		return 0;
	out->rollback = true;
	out->complete = w->in->rollback;
	if (open_view(w, out->complete, e) == -1)
		return -1;
	out->complete_received = w->views[out->complete].received;
	return 0;
}

static int compare_digest(const void *a, const void *b)
{
	return digest_compare(a, b);
}

static bool exempt(const struct work *w, const struct digest *d)
{
	if (w->out->rollback)
		for (size_t i = 0; i < w->in->exempt_n; i++)
			if (digest_equal(&w->in->exempt[i], d))
				return true;
	return false;
}

static int load_revoked(struct work *w, struct err *e)
{
	const struct approvals *newest = w->in->lists[w->out->newest];
	size_t n = 0;

	w->revoked = calloc(newest->revoked_n + 1, sizeof *w->revoked);
	w->gone = calloc(newest->revoked_n + 1, sizeof(*w->gone));
	if (w->revoked == NULL || w->gone == NULL)
		return err_mem(e);
	for (size_t i = 0; i < newest->revoked_n; i++) {
		const struct revocation *r = &newest->revoked[i];

		if (exempt(w, &r->contents))
			continue;
		w->revoked[n] = r->contents;
		w->gone[n++] = r->item;	/* sorted by item already */
	}
	qsort(w->revoked, n, sizeof *w->revoked, compare_digest);
	w->gone_n = n;
	w->asked.revoked = w->revoked;
	w->asked.revoked_n = n;
	return 0;
}

static int compare_name(const void *key, const void *name)
{
	return strcmp(key, *(const char *const *)name);
}

static bool is_gone(const struct work *w, const char *item)
{
	return w->gone_n > 0 && bsearch(item, w->gone, w->gone_n, sizeof(*w->gone), compare_name) != NULL &&
	       effect_view_find(&w->views[w->out->newest], item) == SIZE_MAX;
}

/* ---- rules (a), (b), (c) ---- */

static int pick(struct work *w, size_t list, const struct approval *entry, bool urgent, struct err *e)
{
	if (is_gone(w, entry->item))
		return 0;
	if (w->picks_n == w->picks_cap) {
		size_t cap = w->picks_cap == 0 ? 1024 : w->picks_cap * 2;
		struct pick *more = realloc(w->picks, cap * sizeof *more);

		if (more == NULL)
			return err_mem(e);
		w->picks = more;
		w->picks_cap = cap;
	}
	w->picks[w->picks_n++] = (struct pick){{entry, list}, urgent};
	return 0;
}

/* (a) from one list: what is ready and urgent, and all that this requires, which is ready then too. */
static int pick_urgent(struct work *w, size_t list, struct err *e)
{
	struct effect_view *v = &w->views[list];
	bool *mark = NULL;
	bool some = false;
	int rc = -1;

	if (open_view(w, list, e) == -1 || effect_view_judge(v, &w->asked, e) == -1)
		return -1;
	mark = calloc(v->n + 1, sizeof *mark);
	if (mark == NULL)
		return err_mem(e);
	for (size_t i = 0; i < v->n; i++)
		some |= mark[i] = v->ready[i] && v->entries[i]->urgent;
	if (some && effect_view_spread(v, mark, true, e) == -1)
		goto out;
	for (size_t i = 0; some && i < v->n; i++)
		if (mark[i] && pick(w, list, v->entries[i], true, e) == -1)
			goto out;
	rc = 0;
out:
	free(mark);
	return rc;
}

/* (c) for the marked entries of complete. */
static int pick_older(struct work *w, bool *mark, struct err *e)
{
	const struct effect_view *complete = &w->views[w->out->complete];

	for (size_t list = w->out->rollback ? 0 : w->out->complete; list > 0; list--) {
		struct effect_view *v = &w->views[list - 1];

		if (open_view(w, list - 1, e) == -1 || effect_view_judge(v, &w->asked, e) == -1)
			return -1;
		for (size_t i = 0; i < complete->n; i++) {
			size_t at = mark[i] ? effect_view_find(v, complete->entries[i]->item) : SIZE_MAX;

			if (at == SIZE_MAX || !v->ready[at])
				continue;
			mark[i] = false;
			if (pick(w, list - 1, v->entries[at], false, e) == -1)
				return -1;
		}
	}
	return 0;
}

/* (b), and where something is held (c). */
static int pick_complete(struct work *w, struct err *e)
{
	struct effect_view *v = &w->views[w->out->complete];
	bool *mark = NULL;
	bool some = false;
	int rc = -1;

	if (effect_view_judge(v, &w->asked, e) == -1)
		return -1;
	mark = calloc(v->n + 1, sizeof *mark);
	if (mark == NULL)
		return err_mem(e);
	for (size_t i = 0; i < v->n; i++) {
		some |= mark[i] = v->answers[i]->held;
		if (v->ready[i] && pick(w, w->out->complete, v->entries[i], false, e) == -1)
			goto out;
	}
	/* none of the ready ones is reached: they would not be ready */
	rc = some && (effect_view_spread(v, mark, false, e) == -1 || pick_older(w, mark, e) == -1) ? -1 : 0;
out:
	free(mark);
	return rc;
}

/* ---- one candidate for each item ---- */

/* By item; of (a) before others, and the highest list first. */
static int compare_pick(const void *x, const void *y)
{
	const struct pick *a = x, *b = y;
	int order = strcmp(a->from.entry->item, b->from.entry->item);

	if (order != 0)
		return order;
	if (a->urgent != b->urgent)
		return a->urgent ? -1 : 1;
	return a->from.list > b->from.list ? -1 : a->from.list < b->from.list;
}

static int gather(struct work *w, struct err *e)
{
	if (w->picks_n > 0)
		qsort(w->picks, w->picks_n, sizeof *w->picks, compare_pick);
	w->candidates = calloc(w->picks_n + 1, sizeof *w->candidates);
	if (w->candidates == NULL)
		return err_mem(e);
	for (size_t i = 0; i < w->picks_n; i++) {
		const struct pick *p = &w->picks[i];
		struct candidate *c = w->candidates_n == 0 ? NULL : &w->candidates[w->candidates_n - 1];

		if (c == NULL || strcmp(c->item, p->from.entry->item) != 0) {
			c = &w->candidates[w->candidates_n++];
			c->item = p->from.entry->item;
		}
		if (p->urgent && c->urgent.entry == NULL)
			c->urgent = p->from;
		if (!p->urgent) {
			c->base = p->from;
			c->published = true;
		}
	}
	return 0;
}

/* ---- nested ---- */

/* Index of the first candidate whose item does not come before s[0..len), followed by `next`. */
static size_t lower_bound(const struct work *w, const char *s, size_t len, char next)
{
	size_t low = 0, high = w->candidates_n;

	while (low < high) {
		size_t mid = (low + high) / 2;
		const char *item = w->candidates[mid].item;
		int order = strncmp(item, s, len);

		if (order < 0 || (order == 0 && (unsigned char)item[len] < (unsigned char)next))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Whether candidate i is s[0..len) followed by `next`. */
static bool is_at(const struct work *w, size_t i, const char *s, size_t len, char next)
{
	return i < w->candidates_n && strncmp(w->candidates[i].item, s, len) == 0 && w->candidates[i].item[len] == next;
}

/* A published item that lies above or below this one, or NULL. */
static const char *blocker(const struct work *w, const struct candidate *c)
{
	size_t len = strlen(c->item);

	for (const char *slash = strchr(c->item, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		size_t above = (size_t)(slash - c->item), i = lower_bound(w, c->item, above, '\0');

		if (is_at(w, i, c->item, above, '\0') && w->candidates[i].published)
			return w->candidates[i].item;
	}
	for (size_t i = lower_bound(w, c->item, len, '/'); is_at(w, i, c->item, len, '/'); i++)
		if (w->candidates[i].published)
			return w->candidates[i].item;
	return NULL;
}

/* The highest list first, then by item. */
static int compare_candidate(const void *x, const void *y)
{
	const struct candidate *const *a = x, *const *b = y;

	if ((*a)->urgent.list != (*b)->urgent.list)
		return (*a)->urgent.list > (*b)->urgent.list ? -1 : 1;
	return strcmp((*a)->item, (*b)->item);
}

/* Items that only (a) offers: a name of complete's is published in any case, by (a) or by (b). */
static int settle_nested(struct work *w, struct err *e)
{
	struct candidate **only = calloc(w->candidates_n + 1, sizeof(*only));
	size_t n = 0;

	if (only == NULL)
		return err_mem(e);
	for (size_t i = 0; i < w->candidates_n; i++)
		if (!w->candidates[i].published)
			only[n++] = &w->candidates[i];
	qsort(only, n, sizeof(*only), compare_candidate);
	for (size_t i = 0; i < n; i++) {
		only[i]->blocker = blocker(w, only[i]);
		only[i]->published = only[i]->blocker == NULL;
	}
	free(only);
	return 0;
}

/* ---- results ---- */

static int report_items(struct work *w, struct err *e)
{
	struct effect *out = w->out;

	out->items = calloc(w->candidates_n + 1, sizeof *out->items);
	if (out->items == NULL)
		return err_mem(e);
	for (size_t i = 0; i < w->candidates_n; i++) {
		const struct candidate *c = &w->candidates[i];

		if (c->published)
			out->items[out->items_n++] = c->urgent.entry != NULL ? c->urgent : c->base;
	}
	return 0;
}

static void explain(const struct work *w, size_t i, const struct candidate *c, struct effect_waiting *out)
{
	const struct effect_view *v = &w->views[w->out->newest];
	const struct effect_answer *a = v->answers[i];

	*out = (struct effect_waiting){.entry = v->entries[i], .objects = a->ready.objects, .bytes = a->ready.bytes};
	if (w->out->rollback && w->out->newest < first_that_counts(w->in))
		out->why = "rollback";
	else if (!a->ready.received)
		out->why = "objects";
	else if (a->held)
		out->why = "held";
	else if (!v->ready[i]) {
		out->why = "requires";
		out->whom = v->whom[i];
	} else if (c != NULL && c->blocker != NULL && c->urgent.list == w->out->newest) {
		out->why = "nested";
		out->whom = c->blocker;
	} else
		out->why = "list";
}

static int report_waiting(struct work *w, struct err *e)
{
	struct effect_view *v = &w->views[w->out->newest];
	struct effect *out = w->out;
	size_t c = 0;

	if (effect_view_judge(v, &w->asked, e) == -1)
		return -1;
	out->waiting = calloc(v->n + 1, sizeof *out->waiting);
	if (out->waiting == NULL)
		return err_mem(e);
	for (size_t i = 0; i < v->n; i++) {
		const struct candidate *here = NULL;

		while (c < w->candidates_n && strcmp(w->candidates[c].item, v->entries[i]->item) < 0)
			c++;
		if (c < w->candidates_n && strcmp(w->candidates[c].item, v->entries[i]->item) == 0)
			here = &w->candidates[c];
		if (here != NULL && here->published) {
			const struct approval *is = (here->urgent.entry != NULL ? here->urgent : here->base).entry;

			if (digest_equal(&is->contents.sha256, &v->entries[i]->contents.sha256))
				continue;
		}
		explain(w, i, here, &out->waiting[out->waiting_n++]);
	}
	return 0;
}

static int compute(struct work *w, struct err *e)
{
	size_t from;

	if (find_complete(w, e) == -1 || load_revoked(w, e) == -1)
		return -1;
	from = w->out->rollback ? first_that_counts(w->in) : w->out->complete == SIZE_MAX ? 0 : w->out->complete + 1;
	for (size_t i = from; i < w->in->lists_n; i++)
		if (pick_urgent(w, i, e) == -1)
			return -1;
	if (w->out->complete != SIZE_MAX && pick_complete(w, e) == -1)
		return -1;
	if (gather(w, e) == -1 || settle_nested(w, e) == -1 || report_items(w, e) == -1)
		return -1;
	return report_waiting(w, e);
}

int effect_compute(const struct effect_input *in, struct effect *out, struct err *e)
{
	struct work w = {.in = in, .out = out};
	int rc = -1;

	*out = (struct effect){.newest = SIZE_MAX, .complete = SIZE_MAX};
	if (in->lists_n == 0)
		return 0;
	if (in->rollback != SIZE_MAX && (in->rollback >= in->lists_n || in->rollback_newest >= in->lists_n))
		return err_set(e, ERR_INTERNAL, "a rollback to a list that is not among those kept");
	w.views = calloc(in->lists_n, sizeof *w.views);
	if (w.views == NULL)
		return err_mem(e);
	if (effect_view_ask_start(&w.asked, in, e) == 0)
		rc = compute(&w, e);
	for (size_t i = 0; i < in->lists_n; i++)
		effect_view_free(&w.views[i]);
	effect_view_ask_end(&w.asked);
	free(w.views);
	free(w.revoked);
	free(w.gone);
	free(w.picks);
	free(w.candidates);
	if (rc == -1)
		effect_free(out);
	return rc;
}

void effect_free(struct effect *f)
{
	if (f == NULL)
		return;
	free(f->items);
	free(f->waiting);
	*f = (struct effect){.newest = SIZE_MAX, .complete = SIZE_MAX};
}

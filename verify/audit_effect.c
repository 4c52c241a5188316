/*
 * The rule of DESIGN 5 asked once more (verify/audit_effect.h). What is published, and what the list in effect names, was received
 * when the state was written; of anything else the objects are looked at, which may have come since, with another stream's bundle say: so
 * what is published is right when it follows from either. Reports items that follow from neither, and lists that the state needs and that
 * are gone.
 */
#include "verify/audit_effect.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/num.h"
#include "manifests/contents.h"
#include "manifests/names.h"
#include "manifests/reason.h"
#include "verify/effect.h"
#include "verify/report.h"
#include "verify/rollback.h"
#include "verify/scanned.h"
#include "verify/state.h"

#include "lib/banned.h"

#define PLACE (MAX_NAME_LEN + 80)
#define MOST_TOLD 20	/* items named one by one */

struct computing {
	const struct audit_effect *a;
	struct scanned scanned;
	bool held;		/* something is, or was */
	bool former;		/* by another hook than the present one, which may have been asked since */
	struct approvals **lists;	/* those that have a say, ascending */
	size_t lists_n;
	const struct approvals *complete;	/* in effect, all of it received; NULL: none, or gone back to */
	char *const *rings;
	size_t rings_n;
	struct digest *exempt;
	bool looks;		/* at objects */
	bool free;		/* nothing is held */
};

static unsigned long long ull(uint64_t n)
{
	return (unsigned long long)n;
}

static struct list_ref ref_of(const struct approvals *a)
{
	return (struct list_ref){.epoch = a->epoch, .revision = a->revision, .sha256 = a->digest};
}

static bool same_list(const struct list_ref *a, const struct list_ref *b)
{
	return state_compare(a, b) == 0 && digest_equal(&a->sha256, &b->sha256);
}

/* ---- what is ready ---- */

static bool is_here(const struct computing *c, const struct digest *d, uint64_t size)
{
	char object[80], path[96];
	struct stat st;

	snprintf(path, sizeof path, "objects/%s", names_object(d, object));
	return fstatat(c->a->store->dir.fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && (uint64_t)st.st_size == size;
}

/* Whether all objects of an entry are here: 1, 0 where some aren't or its contents list is none that can be published; -1. */
static int look(const struct computing *c, const struct approval *entry, struct err *e)
{
	struct contents_reader *r = NULL;
	const struct record *record;
	struct err why = {0};
	int got, rc = contents_reader_open(&entry->contents, entry->item, store_fetch, (void *)(uintptr_t)c->a->store, &r, &why);
	bool all = rc == 0;

	while (all && (got = contents_reader_next(r, &record, &why)) != 0)
		all = got == 1 && (!record->has_file || is_here(c, &record->sha256, record->size));
	contents_reader_close(r);
	if (report_is_fatal(&why)) {
		*e = why;
		return -1;
	}
	err_clear(&why);
	return all;
}

static bool same_contents(const struct approval *a, const struct approval *b)
{
	return a != NULL && digest_equal(&a->contents.sha256, &b->contents.sha256) && a->contents.size == b->contents.size &&
	       a->contents.files == b->contents.files && a->contents.bytes == b->contents.bytes;
}

/* effect_input.ready */
static int ready(void *arg, const struct approval *entry, struct effect_ready *out, struct err *e)
{
	const struct computing *c = arg;
	const struct state *s = c->a->state;
	const struct approval *in_effect = c->complete == NULL ? NULL : approvals_entry(c->complete, entry->item, c->rings, c->rings_n);
	size_t i = state_bound(s, entry->item);
	int got = 0;

	*out = (struct effect_ready){0};
	if ((i < s->items_n && strcmp(s->items[i].item, entry->item) == 0 && state_publishes(&s->items[i], &entry->contents)) ||
	    same_contents(in_effect, entry))
		got = 1;
	else if (c->looks)
		got = look(c, entry, e);
	out->received = got == 1;
	return got == -1 ? -1 : 0;
}

/* effect_input.held */
static bool held(void *arg, const struct digest *contents)
{
	const struct computing *c = arg;

	return !c->free && scanned_holds(&c->scanned, contents);
}

/* 1: what is held can't be told; audit_stream has said so. */
static int load_held(struct computing *c, struct err *e)
{
	const struct audit_effect *a = c->a;
	char path[SCANNED_PATH];
	struct err why = {0};
	bool present;
	int rc = scanned_read(a->store, a->stream->stream, &c->scanned, &present, &why);

	if (rc == -1 && report_is_fatal(&why)) {
		*e = why;
		return -1;
	}
	for (size_t i = 0; rc == 0 && i < c->scanned.records_n; i++)
		c->held = c->held || c->scanned.records[i].verdict != SCANNED_PASSED;
	c->former = c->held && !present;
	if (c->former)
		report_note(a->report, scanned_path(a->stream->stream, path), "the scan hook is another one than it was then: what that one "
			    "held may be published, or not yet");
	return rc == -1 ? 1 : 0;
}

/* ---- the lists ---- */

/* Those up to the newest that the state knows. What was complete stays so: older ones have a say only where something is held, and under a
 * rollback those between its list and what was newest have none. */
static bool has_say(const struct computing *c, const struct list_ref *ref)
{
	const struct state *s = c->a->state;

	if (state_compare(ref, &s->newest) > 0)
		return false;
	if (s->has_rollback)
		return state_compare(ref, &s->newest) == 0 || state_compare(ref, &s->rollback) == 0 ||
		       state_compare(ref, &c->a->rollback->newest) > 0;
	return c->held || !s->has_complete || state_compare(ref, &s->complete) >= 0;
}

/* 0; 1 where one is not good; -1. */
static int load_lists(struct computing *c, struct err *e)
{
	const struct kept_lists *kept = c->a->lists;

	c->lists = calloc(kept->n + 1, sizeof *c->lists);
	if (c->lists == NULL)
		return err_mem(e);
	for (size_t i = 0; i < kept->n; i++) {
		const struct list_ref *ref = &kept->refs[i];
		struct err why = {0};

		if (!has_say(c, ref))
			continue;
		c->lists[c->lists_n] = state_list_load(c->a->store, c->a->stream->stream, ref->epoch, ref->revision, &why);
		if (c->lists[c->lists_n] != NULL) {
			c->lists_n++;
			continue;
		}
		if (!report_is_fatal(&why))
			return 1;	/* audit_stream has said so */
		*e = why;
		return -1;
	}
	return 0;
}

/* The index of a list that the state names, SIZE_MAX where it is not kept. */
static size_t find(const struct computing *c, const struct list_ref *named)
{
	for (size_t i = 0; i < c->lists_n; i++) {
		struct list_ref is = ref_of(c->lists[i]);

		if (same_list(&is, named))
			return i;
	}
	return SIZE_MAX;
}

/* Whether a list that the state names is among those kept, or another one in its place, which was said. */
static bool is_kept(const struct computing *c, const struct list_ref *named, const char *what)
{
	char place[PLACE];

	for (size_t i = 0; i < c->a->lists->n; i++)
		if (state_compare(&c->a->lists->refs[i], named) == 0)
			return true;
	snprintf(place, sizeof place, "streams/%s/%c/state.yaml", c->a->stream->stream, c->a->tree);
	report_finding(c->a->report, R_STORE_DAMAGED, place, "list %llu of epoch %llu, which it says is %s, is not among the lists kept",
		       ull(named->revision), ull(named->epoch), what);
	return false;
}

/* ---- the rollback ---- */

/* Revoked contents of the items that it names. */
static int take_exempt(struct computing *c, struct effect_input *in, struct err *e)
{
	const struct approvals *newest = c->lists[c->lists_n - 1];

	c->exempt = calloc(newest->revoked_n + 1, sizeof *c->exempt);
	if (c->exempt == NULL)
		return err_mem(e);
	for (size_t i = 0; i < newest->revoked_n; i++)
		if (rollback_names(c->a->rollback, newest->revoked[i].item))
			c->exempt[in->exempt_n++] = newest->revoked[i].contents;
	in->exempt = c->exempt;
	return 0;
}

/* What stands for complete: 0; 1 where it can't be told; -1. */
static int set_complete(struct computing *c, struct effect_input *in, struct err *e)
{
	const struct state *s = c->a->state;
	size_t complete = s->has_complete ? find(c, &s->complete) : SIZE_MAX;

	in->not_complete = c->lists_n;
	if (!s->has_complete)
		return 0;
	if (complete == SIZE_MAX)
		return 1;
	if (!s->has_rollback) {
		in->not_complete = c->lists_n - complete - 1;
		c->complete = c->lists[complete];
		return 0;
	}
	in->rollback = complete;
	for (size_t i = 0; i < c->lists_n; i++) {
		struct list_ref ref = ref_of(c->lists[i]);

		if (state_compare(&ref, &c->a->rollback->newest) <= 0)
			in->rollback_newest = i;
	}
	return take_exempt(c, in, e);
}

/* ---- what there is against what must be ---- */

static bool is_it(const struct computing *c, const struct state_item *is, const struct effect_item *must)
{
	const struct approvals *list;

	if (is == NULL || must == NULL)
		return is == NULL && must == NULL;
	list = c->lists[must->list];
	return is->epoch == list->epoch && is->list == list->revision && is->revision == must->entry->revision &&
	       state_publishes(is, &must->entry->contents);
}

static const struct effect_item *next(const struct effect *f, size_t *at, const char *item)
{
	while (*at < f->items_n && strcmp(f->items[*at].entry->item, item) < 0)
		++*at;
	return *at < f->items_n && strcmp(f->items[*at].entry->item, item) == 0 ? &f->items[*at] : NULL;
}

struct sums {
	size_t wrong, behind;
};

static void tell(const struct computing *c, const char *item, const struct state_item *is, const struct effect_item *must)
{
	char place[PLACE], there[64] = "not published", right[64] = "not published";

	snprintf(place, sizeof place, "streams/%s/%c/state.yaml", c->a->stream->stream, c->a->tree);
	if (is != NULL)
		snprintf(there, sizeof there, "revision %llu from list %llu", ull(is->revision), ull(is->list));
	if (must != NULL)
		snprintf(right, sizeof right, "revision %llu from list %llu", ull(must->entry->revision),
			 ull(c->lists[must->list]->revision));
	report_finding(c->a->report, R_STORE_DAMAGED, place, "%s: %s, and by the lists kept it is %s", item, there, right);
}

/* What must be published: [0] by what is here now, and what the present hook holds; then by what had come for certain; then both by
 * what the former hook held. */
enum { MOST_WAYS = 4 };
struct ways {
	struct effect effects[MOST_WAYS];
	size_t n;
};

static bool is_other(const struct computing *c, const struct ways *w, const struct state_item *is, const char *item, size_t at[MOST_WAYS])
{
	for (size_t k = 1; k < w->n; k++)
		if (is_it(c, is, next(&w->effects[k], &at[k], item)))
			return true;
	return false;
}

static void compare(const struct computing *c, const struct ways *w, struct sums *sums)
{
	const struct state *s = c->a->state;
	const struct effect *now = &w->effects[0];
	size_t i = 0, n = 0, at[MOST_WAYS] = {0};

	while (i < s->items_n || n < now->items_n) {
		const char *item = i == s->items_n || (n < now->items_n && strcmp(now->items[n].entry->item, s->items[i].item) < 0) ?
				   now->items[n].entry->item : s->items[i].item;
		const struct state_item *is = i < s->items_n && strcmp(s->items[i].item, item) == 0 ? &s->items[i++] : NULL;
		const struct effect_item *must = next(now, &n, item);

		if (!is_it(c, is, must)) {
			if (is_other(c, w, is, item, at))
				sums->behind++;
			else if (sums->wrong++ < MOST_TOLD)
				tell(c, item, is, must);
		}
		n += must != NULL;
	}
}

static int compute(struct computing *c, struct effect_input *in, struct err *e)
{
	struct ways w = {.n = c->former ? MOST_WAYS : MOST_WAYS / 2};
	struct sums sums = {0};
	char place[PLACE];
	int rc = 0;

	for (size_t k = 0; rc == 0 && k < w.n; k++) {
		c->looks = k % 2 == 0;
		c->free = c->former && k < 2;
		rc = effect_compute(in, &w.effects[k], e);
	}
	if (rc == 0)
		compare(c, &w, &sums);
	snprintf(place, sizeof place, "streams/%s/%c/state.yaml", c->a->stream->stream, c->a->tree);
	if (sums.wrong > MOST_TOLD)
		report_finding(c->a->report, R_STORE_DAMAGED, place, "%s more than that", num_of(sums.wrong - MOST_TOLD, "item"));
	if (sums.behind > 0)
		report_note(c->a->report, place, "%s could be newer by what is here now; the next import settles it",
			    num_of(sums.behind, "item"));
	for (size_t k = 0; k < w.n; k++)
		effect_free(&w.effects[k]);
	return rc;
}

/* ---- the whole ---- */

/* Whether the state can be asked at all; what it lacks was, or is, said. */
static bool is_askable(const struct computing *c)
{
	const struct state *s = c->a->state;
	const struct rollback *r = c->a->rollback;
	bool newest = s->has_newest && is_kept(c, &s->newest, "newest"), complete = !s->has_complete || is_kept(c, &s->complete, "complete");

	return newest && complete && (!s->has_rollback || (r != NULL && same_list(&r->list, &s->rollback)));
}

int audit_effect(const struct audit_effect *a, struct err *e)
{
	struct computing c = {.a = a, .rings = a->state->rings_n > 0 ? a->state->rings : a->stream->rings,
			      .rings_n = a->state->rings_n > 0 ? a->state->rings_n : a->stream->rings_n};
	struct effect_input in = {.rings = c.rings, .rings_n = c.rings_n, .ready = ready, .held = held, .arg = &c,
				  .rollback = SIZE_MAX, .rollback_newest = SIZE_MAX};
	int rc = 0;

	if (!is_askable(&c))
		return 0;
	rc = load_held(&c, e);
	if (rc == 0)
		rc = load_lists(&c, e);
	if (rc == 0) {
		in.lists = (const struct approvals *const *)c.lists;
		in.lists_n = c.lists_n;
		rc = find(&c, &a->state->newest) == SIZE_MAX ? 1 : set_complete(&c, &in, e);
	}
	if (rc == 0)
		rc = compute(&c, &in, e);
	for (size_t i = 0; i < c.lists_n; i++)
		approvals_free(c.lists[i]);
	free(c.lists);
	free(c.exempt);
	scanned_free(&c.scanned);
	return rc == -1 ? -1 : 0;
}

/*
 * From lists and objects to a state. Asks effect what is published and missing what lacks; outlook_fill puts both into the
 * words of state.yaml. A contents list that approvers signed and that can't be published never becomes ready; it is
 * named, and blocks nothing else.
 */
#include "import/outlook_impl.h"

#include <stdlib.h>
#include <string.h>

#include "verify/effect.h"
#include "import/folding.h"
#include "import/kept.h"
#include "import/lists.h"
#include "import/lost.h"
#include "import/missing.h"
#include "import/objects.h"
#include "lib/distinct.h"
#include "manifests/reason.h"
#include "verify/rollback.h"
#include "verify/scanned.h"

#include "lib/banned.h"

/* ---- what is published now ---- */

const struct state_item *outlook_published(const struct state *s, const char *item)
{
	size_t low = 0, high = s == NULL ? 0 : s->items_n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = strcmp(s->items[mid].item, item);

		if (order == 0)
			return &s->items[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

/* ---- what is ready ---- */

static int add_up(void *arg, const struct missing_object *m, struct err *e)
{
	struct effect_ready *r = arg;

	(void)e;
	r->objects++;
	r->bytes += m->size;
	return 0;
}

/*
 * What the list in effect needs for the rings it was judged for was received, and nothing of that was pruned. What was set aside as
 * damaged since is still received (DESIGN 5), also where it is not what is published now.
 */
static bool is_in_effect(const struct outlook_asking *a, const struct approval *entry)
{
	const struct approval *p = NULL;

	if (a->complete != NULL && a->judged_n > 0)
		p = approvals_entry(a->complete, entry->item, a->judged, a->judged_n);
	return p != NULL && digest_equal(&p->contents.sha256, &entry->contents.sha256) && p->contents.size == entry->contents.size &&
	       p->contents.files == entry->contents.files && p->contents.bytes == entry->contents.bytes;
}

/* effect_input.ready */
static int ready(void *arg, const struct approval *entry, struct effect_ready *out, struct err *e)
{
	struct outlook_asking *a = arg;
	const struct state_item *now = outlook_published(a->outlook->current, entry->item);
	struct err why = {0};
	int rc;

	*out = (struct effect_ready){0};
	if (state_publishes(now, &entry->contents) || is_in_effect(a, entry)) {
		out->received = true;
		return 0;
	}
	rc = missing_each(a->objects, entry, now, add_up, out, &why);
	if (rc == -1 && missing_is_malformed(why.reason)) {
		if (a->outlook->malformed.reason == ERR_NONE)
			a->outlook->malformed = why;
		*out = (struct effect_ready){0};	/* no object makes it one that can be published */
		return 0;
	}
	if (rc == -1)
		*e = why;
	out->received = rc == 0 && out->objects == 0;
	return rc;
}

/* effect_input.held */
static bool held(void *arg, const struct digest *contents)
{
	struct outlook_asking *a = arg;
	bool holds = scanned_holds(a->scanned, contents);

	a->outlook->held = a->outlook->held || holds;
	return holds;
}

/* ---- the lists ---- */

static bool something_is_held(const struct scanned *s)
{
	for (size_t i = 0; i < s->records_n; i++)
		if (s->records[i].verdict != SCANNED_PASSED)
			return true;
	return false;
}

/*
 * What is fully in effect stays so: lists below it have no say, but where something is held. Under a rollback those between its list and what was the
 * newest have none but for `revoked`, which is the newest one's affair; each may be 100 MiB.
 */
static bool has_say(const struct outlook_asking *a, const struct kept_lists *kept, size_t i)
{
	const struct state *now = a->outlook->current;
	const struct list_ref *ref = &kept->refs[i];
	const struct rollback *r = a->rollback;

	if (r != NULL)
		return i + 1 == kept->n || state_compare(ref, &r->list) == 0 || state_compare(ref, &r->newest) > 0;
	return something_is_held(a->scanned) || now == NULL || !now->has_complete || state_compare(ref, &now->complete) >= 0;
}

/* One that is damaged is passed over for now; check_damage says whether it is needed. */
static int load_list(struct outlook_asking *a, const struct store *s, const struct list_ref *ref, struct err *e)
{
	struct outlook *l = a->outlook;
	struct err why = {0};

	l->lists[l->lists_n] = kept_load(s, a->stream->stream, ref, &why);
	if (l->lists[l->lists_n] != NULL) {
		buf_free(&l->lists[l->lists_n++]->bytes);	/* judged, and wanted no more: of each of several lists they may be many */
	} else if (why.reason == R_STORE_DAMAGED) {
		a->damage = why;
		a->damaged = *ref;
	} else {
		*e = why;
		return -1;
	}
	return 0;
}

static int load_lists(struct outlook_asking *a, const struct store *s, const char *stream, struct err *e)
{
	struct outlook *l = a->outlook;
	struct kept_lists kept = {0};
	int rc = -1;

	if (state_lists(s, stream, &kept, e) == -1)
		return -1;
	l->lists = calloc(kept.n + 1, sizeof *l->lists);
	if (l->lists == NULL) {
		err_mem(e);
		goto out;
	}
	for (size_t i = 0; i < kept.n; i++) {
		if (has_say(a, &kept, i) && load_list(a, s, &kept.refs[i], e) == -1)
			goto out;
	}
	rc = 0;
out:
	state_lists_free(&kept);
	return rc;
}

/* Not so a list that was gone back to: what of it was revoked need never have come. */
static void find_complete(struct outlook_asking *a)
{
	const struct state *now = a->outlook->current;

	for (size_t i = 0; now != NULL && now->has_complete && !now->has_rollback && i < a->outlook->lists_n; i++) {
		struct list_ref ref = outlook_ref(a->outlook->lists[i]);

		if (state_compare(&ref, &now->complete) == 0 && digest_equal(&ref.sha256, &now->complete.sha256))
			a->complete = a->outlook->lists[i];
	}
}

/* ---- a rollback ---- */

/* Which rollback to judge by. One that the published state has left behind is a leftover of an interrupted run. */
static int find_rollback(struct outlook_asking *a, const struct outlook_ask *ask, struct err *e)
{
	const struct state *now = a->outlook->current;
	struct outlook *l = a->outlook;

	if (rollback_load(ask->store, ask->stream->stream, &l->rollback, e) == -1)
		return -1;
	if (ask->planned)
		a->rollback = ask->plan;
	else if (l->rollback != NULL && now != NULL && now->has_complete && state_compare(&now->complete, &l->rollback->newest) > 0)
		l->rollback_ended = true;
	else
		a->rollback = l->rollback;
	return 0;
}

/* The rollback in terms of effect. Revoked contents of an item that it names are exempt. */
static int put_rollback(struct outlook_asking *a, struct effect_input *in, struct err *e)
{
	const struct rollback *r = a->rollback;
	const struct approvals *newest;
	size_t n = 0;

	if (r == NULL)
		return 0;
	for (size_t i = 0; i < in->lists_n; i++) {
		struct list_ref ref = outlook_ref(in->lists[i]);

		if (state_compare(&ref, &r->list) == 0 && digest_equal(&ref.sha256, &r->list.sha256))
			in->rollback = i;
		if (state_compare(&ref, &r->newest) <= 0)
			in->rollback_newest = i;	/* it may have been dropped under a new trust root */
	}
	if (in->rollback == SIZE_MAX)	/* check_kept refuses that, unless a later list is complete */
		return 0;
	newest = in->lists[in->lists_n - 1];
	a->exempt = calloc(newest->revoked_n + 1, sizeof *a->exempt);
	if (a->exempt == NULL)
		return err_mem(e);
	for (size_t i = 0; i < newest->revoked_n; i++)
		if (rollback_names(r, newest->revoked[i].item))
			a->exempt[n++] = newest->revoked[i].contents;
	in->exempt = a->exempt;
	in->exempt_n = n;
	return 0;
}

/* ---- rings ---- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Those of store.yaml, sorted and each once. */
static int take_rings(struct outlook *l, const struct store_stream *stream, struct err *e)
{
	struct state *want = &l->want;

	want->rings = arena_alloc(&want->arena, (stream->rings_n + 1) * sizeof(*want->rings));
	if (want->rings == NULL)
		return err_mem(e);
	memcpy(want->rings, stream->rings, stream->rings_n * sizeof(*want->rings));
	qsort(want->rings, stream->rings_n, sizeof(*want->rings), by_text);
	for (size_t i = 0; i < stream->rings_n; i++)
		if (i == 0 || strcmp(want->rings[i], want->rings[want->rings_n - 1]) != 0)
			want->rings[want->rings_n++] = want->rings[i];
	return 0;
}

static bool same_rings(const struct state *a, const struct state *b)
{
	if (a->rings_n != b->rings_n)
		return false;
	for (size_t i = 0; i < a->rings_n; i++)
		if (strcmp(a->rings[i], b->rings[i]) != 0)
			return false;
	return true;
}

/* Whether what is new is as far as what was: no list older than that comes into effect. */
static bool is_as_far(const struct effect *now, const struct effect *was)
{
	return was->complete == SIZE_MAX ||
	       (now->complete != SIZE_MAX && now->complete >= was->complete && now->complete_received);
}

/*
 * Where the rings in store.yaml are others than those that the published state was judged for, nobody asked yet for what they add.
 * What is in effect then goes on for its own rings, later lists and revocations included, until a list as late is whole for the new
 * ones; what waits, `ahead`, is by the new ones. Of a state that doesn't tell its rings they are taken to be those of now.
 */
static int compute(struct outlook_asking *a, struct effect_input *in, struct effect *out, struct effect *ahead, struct err *e)
{
	const struct state *now = a->outlook->current;
	struct state *want = &a->outlook->want;
	struct effect was = {0};
	int rc;

	if (now != NULL) {
		a->judged = now->rings;
		a->judged_n = now->rings_n;
	}
	if (effect_compute(in, out, e) == -1)
		return -1;
	if (now == NULL || !now->has_complete || same_rings(now, want))
		return 0;
	if (now->rings_n == 0) {
		a->judged = a->stream->rings;
		a->judged_n = a->stream->rings_n;
	} else {
		in->rings = now->rings;
		in->rings_n = now->rings_n;
	}
	rc = effect_compute(in, &was, e);
	if (rc == 0 && !is_as_far(out, &was)) {
		*ahead = *out;
		*out = was;
		was = (struct effect){0};
		want->rings = now->rings;
		want->rings_n = now->rings_n;
	}
	effect_free(&was);
	return rc;
}

/* ---- what must be kept ---- */

/* A damaged list is not needed where a newer one is complete; but what is held may be taken from any. */
static int check_damage(const struct outlook_asking *a, const struct effect *f, struct err *e)
{
	struct list_ref complete;

	if (a->damage.reason == ERR_NONE)
		return 0;
	if (f->complete != SIZE_MAX && !a->outlook->held) {
		complete = outlook_ref(a->outlook->lists[f->complete]);
		if (state_compare(&complete, &a->damaged) > 0)
			return 0;
	}
	*e = a->damage;
	return -1;
}

static bool is_kept(const struct outlook *l, const struct list_ref *ref)
{
	for (size_t i = 0; i < l->lists_n; i++) {
		struct list_ref is = outlook_ref(l->lists[i]);

		if (state_compare(&is, ref) == 0 && digest_equal(&is.sha256, &ref->sha256))
			return true;
	}
	return false;
}

/*
 * What was fully in effect is never followed by an older list, nor by none, because its own one is gone (of damaged ones: see
 * check_damage); nor is what the newest one revoked published again. Under a rollback its list stands for complete, and must be kept as well.
 */
static int check_kept(const struct outlook_asking *a, const struct store *s, struct err *e)
{
	const struct outlook *l = a->outlook;
	const struct state *now = l->current, *want = &l->want;
	int order;

	if (a->rollback != NULL && !want->has_rollback &&
	    (!want->has_complete || state_compare(&want->complete, &a->rollback->newest) <= 0))
		return kept_refuse(s, l->want.stream, &a->rollback->list, e);
	if (now == NULL)
		return 0;
	order = want->has_complete ? state_compare(&want->complete, &now->complete) : -1;
	if (now->has_complete && !want->has_rollback && order <= 0 && !is_kept(l, &now->complete))
		return kept_refuse(s, now->stream, &now->complete, e);
	return now->has_newest ? lost_newest(s, now->stream, &now->newest, want->has_newest ? &want->newest : NULL, e) : 0;
}

int outlook_open(const struct outlook_ask *ask, struct outlook *out, struct err *e)
{
	const struct store_stream *stream = ask->stream;
	struct scanned own = {0};
	struct outlook_asking a = {.objects = ask->objects, .stream = stream, .outlook = out, .places = ask->places,
			   .scanned = ask->scanned == NULL ? &own : ask->scanned};
	struct effect_input in = {.rings = stream->rings, .rings_n = stream->rings_n, .ready = ready, .held = held, .arg = &a,
				  .rollback = SIZE_MAX, .rollback_newest = SIZE_MAX};
	struct effect f = {0}, ahead = {.newest = SIZE_MAX};
	char tree;
	int rc = -1;

	*out = (struct outlook){.want = {.stream = stream->stream, .time = ask->now}};
	if ((ask->scanned == NULL && scanned_load(ask->store, stream->stream, &own, e) == -1) ||
	    state_current(ask->store, stream->stream, &tree, e) == -1 ||
	    (tree != 0 && state_load(ask->store, stream->stream, tree, &out->current, e) == -1) ||
	    find_rollback(&a, ask, e) == -1 || load_lists(&a, ask->store, stream->stream, e) == -1)
		goto out;
	in.lists = (const struct approvals *const *)out->lists;
	in.lists_n = out->lists_n;
	find_complete(&a);
	if (put_rollback(&a, &in, e) == 0 && take_rings(out, stream, e) == 0 && compute(&a, &in, &f, &ahead, e) == 0 &&
	    check_damage(&a, &f, e) == 0 && outlook_fill(&a, &f, ahead.newest == SIZE_MAX ? &f : &ahead, e) == 0)
		rc = check_kept(&a, ask->store, e);
out:
	effect_free(&f);
	effect_free(&ahead);
	distinct_free(&a.seen);
	free(a.exempt);
	scanned_free(&own);
	return rc == -1 ? err_prefix(e, "%s", stream->stream) : 0;
}

void outlook_free(struct outlook *l)
{
	for (size_t i = 0; i < l->lists_n; i++)
		approvals_free(l->lists[i]);
	free(l->lists);
	rollback_free(l->rollback);
	state_free(l->current);
	arena_free(&l->want.arena);
	*l = (struct outlook){0};
}

int outlook_same(const struct outlook *l, struct err *e)
{
	struct buf a = {0}, b = {0};
	struct state want = l->want;
	int rc = -1;

	if (l->current == NULL)
		return l->lists_n == 0;
	want.time = l->current->time;
	if (schema_encode(&state_schema, &want, &a, e) == 0 && schema_encode(&state_schema, l->current, &b, e) == 0)
		rc = a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
	buf_free(&a);
	buf_free(&b);
	return rc;
}

static int pass(void *arg, const struct missing_object *m, struct err *e)
{
	(void)arg;
	(void)m;
	(void)e;
	return 0;
}

/* Whether the store can have the names of all items of a list beside each other. */
static int try_items(const struct objects *o, const struct store_stream *stream, const struct approvals *list, struct err *e)
{
	const struct file *store = objects_folding(o);
	const char *last = "";
	struct folding *f;
	int rc = 0;

	if (store == NULL)
		return 0;
	f = folding_open(store, e);
	if (f == NULL)
		return -1;
	for (size_t i = 0; rc == 0 && i < list->items_n; i++) {
		const struct approval *p = &list->items[i];

		if (!approval_in_rings(p, stream->rings, stream->rings_n) || strcmp(p->item, last) == 0)
			continue;
		rc = folding_try(f, p->item, e);
		last = p->item;
	}
	return folding_close(f, rc == -1 ? NULL : e) == -1 ? -1 : rc;
}

int outlook_try(const struct store *s, struct objects *o, const struct store_stream *stream, const struct approvals *list,
		struct err *e)
{
	struct state *current = NULL;
	char tree;
	int rc = -1;

	if (try_items(o, stream, list, e) == -1 || state_current(s, stream->stream, &tree, e) == -1 ||
	    (tree != 0 && state_load(s, stream->stream, tree, &current, e) == -1))
		return -1;
	for (size_t i = 0; i < list->items_n; i++) {
		const struct approval *p = &list->items[i];
		const struct state_item *former;

		if (!approval_in_rings(p, stream->rings, stream->rings_n))
			continue;
		former = outlook_published(current, p->item);
		if (state_publishes(former, &p->contents))
			continue;
		if (missing_each(o, p, former, pass, NULL, e) == -1)
			goto out;
	}
	rc = 0;
out:
	state_free(current);
	return rc;
}

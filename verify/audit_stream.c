/*
 * A stream (verify/audit_stream.h). Every published item must stand in a kept list, in the revision and with the contents
 * that the tree's state says, for a ring of this store, and that list must be signed as the root recorded with it demands.
 * What follows from there to the bytes is audit_tree's.
 */
#include "verify/audit_stream.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/num.h"
#include "lib/progress.h"
#include "lib/timings.h"
#include "manifests/journal.h"
#include "manifests/limits.h"
#include "manifests/reason.h"
#include "verify/audit_effect.h"
#include "verify/audit_told.h"
#include "verify/audit_tree.h"
#include "verify/report.h"
#include "verify/rollback.h"
#include "verify/scanned.h"
#include "verify/service.h"
#include "verify/state.h"

#include "lib/banned.h"

enum { TREES = 2 };

enum proof { NO_LIST, PROVEN, CONTRADICTED, UNREAD };	/* whether the list an item is taken from bears it out; unread lists say nothing */

struct look {
	const struct store *store;
	const struct store_stream *stream;
	struct report *report;
	int64_t now;
	char place[MAX_NAME_LEN + 16];	/* "streams/NAME" */
	struct state *states[TREES];	/* of a and b; NULL: none */
	enum proof *proofs[TREES];	/* by item */
	struct rollback *rollback;	/* in force, or NULL */
	struct kept_lists lists;	/* with the digests of those that are good */
	bool unread;			/* what lists are kept can't be read */
	bool settled;			/* no run is at work, or was cut off, and the journal is whole */
	char newest[MAX_NAME_LEN + 80];	/* place of the newest list that was issued by then; empty: none */
	int64_t expires;		/* it does */
	char current;			/* 0: nothing published yet */
};

/* An error that concerns what is judged becomes a finding. */
static int settle(const struct look *l, struct err *cause, struct err *e)
{
	if (report_is_fatal(cause))
		return err_set(e, cause->reason, "%s", cause->text);
	report_err(l->report, l->place, cause);
	return 0;
}

static int load_states(struct look *l, struct err *e)
{
	struct err cause = {0};

	for (int t = 0; t < TREES; t++) {
		if (state_load(l->store, l->stream->stream, (char)('a' + t), &l->states[t], &cause) == -1 &&
		    settle(l, &cause, e) == -1)
			return -1;
		if (l->states[t] == NULL)
			continue;
		l->proofs[t] = calloc(l->states[t]->items_n + 1, sizeof *l->proofs[t]);
		if (l->proofs[t] == NULL)
			return err_mem(e);
	}
	return 0;
}

static int load_rollback(struct look *l, struct err *e)
{
	struct err cause = {0};

	return rollback_load(l->store, l->stream->stream, &l->rollback, &cause) == -1 ? settle(l, &cause, e) : 0;
}

/* The rollback may have ended, and the run been cut off before what is published followed. */
static int is_ending(const struct look *l, bool *out, struct err *e)
{
	struct err cause = {0};

	*out = false;
	if (l->settled || l->rollback != NULL || rollback_ended(l->store, l->stream->stream, out, &cause) == 0)
		return 0;
	return report_is_fatal(&cause) ? err_set(e, cause.reason, "%s", cause.text) : 0;	/* audit_told_store tells of the journal's faults */
}

/* What the current tree says of a rollback, and the document that must bear it out. */
static int judge_rollback(struct look *l, struct err *e)
{
	const struct state *s = l->current == 0 ? NULL : l->states[l->current - 'a'];
	bool ending;

	if (is_ending(l, &ending, e) == -1)
		return -1;
	if (s != NULL && s->has_rollback && ending)
		report_note(l->report, l->place, "the rollback to list %llu ended, and what is published does not follow yet",
			    (unsigned long long)s->rollback.revision);
	else if (s != NULL && s->has_rollback &&
	    (l->rollback == NULL || state_compare(&l->rollback->list, &s->rollback) != 0 ||
	     !digest_equal(&l->rollback->list.sha256, &s->rollback.sha256)))
		report_finding(l->report, R_STORE_DAMAGED, l->place, "%c/state.yaml tells of a rollback that rollback.yaml does not bear out",
			       l->current);
	else if (s != NULL && s->has_rollback)
		report_note(l->report, l->place, "rolled back to list %llu", (unsigned long long)s->rollback.revision);
	else if (l->rollback != NULL)
		report_note(l->report, l->place, "a rollback to list %llu is not, or no longer, in force; the next satchel-import apply settles it",
			    (unsigned long long)l->rollback->list.revision);
	return 0;
}

/* What the scan hook holds must not be published. */
static int judge_scanned(struct look *l, struct err *e)
{
	const struct state *s = l->current == 0 ? NULL : l->states[l->current - 'a'];
	struct err cause = {0};
	struct scanned said;
	bool present;

	if (scanned_read(l->store, l->stream->stream, &said, &present, &cause) == -1) {
		scanned_free(&said);
		return settle(l, &cause, e);
	}
	for (size_t i = 0; s != NULL && present && i < s->items_n; i++)
		if (scanned_holds(&said, &s->items[i].contents))
			report_finding(l->report, R_SCAN_REFUSED, l->place, "%s, revision %llu, is published although the scan hook holds it",
				       s->items[i].item, (unsigned long long)s->items[i].revision);
	scanned_free(&said);
	return 0;
}

/* ---- lists ---- */

/* For the store's rings, or those that the tree was judged for: what new rings ask for may wait. */
static bool bears_out(const struct look *l, const struct approvals *a, const struct state *tree, const struct state_item *item)
{
	size_t count, first = approvals_find(a, item->item, &count);

	for (size_t i = first; i < first + count; i++)
		if (a->items[i].revision == item->revision && digest_equal(&a->items[i].contents.sha256, &item->contents) &&
		    (approval_in_rings(&a->items[i], l->stream->rings, l->stream->rings_n) ||
		     approval_in_rings(&a->items[i], tree->rings, tree->rings_n)))
			return true;
	return false;
}

static void prove_items(struct look *l, const struct approvals *a)
{
	for (int t = 0; t < TREES; t++)
		for (size_t i = 0; l->states[t] != NULL && i < l->states[t]->items_n; i++) {
			const struct state_item *item = &l->states[t]->items[i];

			if (item->epoch == a->epoch && item->list == a->revision)
				l->proofs[t][i] = bears_out(l, a, l->states[t], item) ? PROVEN : CONTRADICTED;
		}
}

/* The digests that the states give for this list. */
static void compare_refs(const struct look *l, const struct approvals *a, const char *place)
{
	for (int t = 0; t < TREES; t++) {
		const struct state *s = l->states[t];

		if (s == NULL)
			continue;
		if ((s->has_newest && s->newest.epoch == a->epoch && s->newest.revision == a->revision &&
		     !digest_equal(&s->newest.sha256, &a->digest)) ||
		    (s->has_complete && s->complete.epoch == a->epoch && s->complete.revision == a->revision &&
		     !digest_equal(&s->complete.sha256, &a->digest)))
			report_finding(l->report, R_STORE_DAMAGED, place, "its digest is not the one in %c/state.yaml", 'a' + t);
	}
}

/* An item that is published although the newest list revokes its contents. */
static void report_revoked(const struct look *l, const struct state *s, const struct state_item *item,
			   const struct approvals *newest, const char *place)
{
	const struct list_ref ref = {.epoch = newest->epoch, .revision = newest->revision};
	unsigned long long revision = item->revision;

	if (s->has_rollback && rollback_names(l->rollback, item->item))
		report_note(l->report, place, "%s, revision %llu, is published although this list revokes it: the rollback names it",
			    item->item, revision);
	else if (!s->has_newest || state_compare(&s->newest, &ref) != 0)
		report_note(l->report, place, "%s, revision %llu, which this list revokes, is published still: an import was interrupted",
			    item->item, revision);
	else
		report_finding(l->report, R_REVOKED, place, "%s, revision %llu, is published although this list revokes it",
			       item->item, revision);
}

static void note_expiry(const struct look *l)
{
	char when[32];

	if (l->newest[0] != '\0' && l->expires <= l->now)
		report_note(l->report, l->newest, "the newest list expired at %s", num_format_time(l->expires, when));
}

/* Items taken from a list that could not be read (ref NULL: any): nothing can be said of them, and they are not called unapproved. */
static void pass_over(struct look *l, const struct list_ref *ref)
{
	for (int t = 0; t < TREES; t++)
		for (size_t i = 0; l->states[t] != NULL && i < l->states[t]->items_n; i++) {
			const struct state_item *item = &l->states[t]->items[i];

			if (ref == NULL || (item->epoch == ref->epoch && item->list == ref->revision))
				l->proofs[t][i] = UNREAD;
		}
}

static void note_newest(const struct look *l, const struct approvals *a, const char *place)
{
	const struct state *s = l->current == 0 ? NULL : l->states[l->current - 'a'];

	for (size_t i = 0; s != NULL && i < s->items_n; i++)
		if (approvals_revokes(a, &s->items[i].contents))
			report_revoked(l, s, &s->items[i], a, place);
}

static int judge_list(struct look *l, struct list_ref *ref, bool newest, struct err *e)
{
	char place[MAX_NAME_LEN + 80];
	struct approvals *a;
	struct err cause = {0};

	snprintf(place, sizeof place, "%s/lists/%llu-%llu", l->place, (unsigned long long)ref->epoch,
		 (unsigned long long)ref->revision);
	a = state_list_load(l->store, l->stream->stream, ref->epoch, ref->revision, &cause);
	if (a == NULL) {
		if (report_is_fatal(&cause))
			return err_set(e, cause.reason, "%s", cause.text);
		if (reason_exit(cause.reason) == 3)
			pass_over(l, ref);
		report_err(l->report, place, &cause);
		return 0;
	}
	ref->sha256 = a->digest;
	prove_items(l, a);
	compare_refs(l, a, place);
	if (a->issued - l->now <= MAX_CLOCK_AHEAD) {
		snprintf(l->newest, sizeof l->newest, "%s", place);
		l->expires = a->expires;
	}
	if (newest)
		note_newest(l, a, place);
	approvals_free(a);
	return 0;
}

static int judge_lists(struct look *l, struct err *e)
{
	struct err cause = {0};

	if (state_lists(l->store, l->stream->stream, &l->lists, &cause) == -1) {
		l->unread = reason_exit(cause.reason) == 3;
		if (l->unread)
			pass_over(l, NULL);
		return settle(l, &cause, e);
	}
	for (size_t i = 0; i < l->lists.n; i++)
		if (judge_list(l, &l->lists.refs[i], i + 1 == l->lists.n, e) == -1)
			return -1;
	note_expiry(l);
	return 0;
}

/* Against the journal; then what is published against what follows from the lists. */
static int judge_past(struct look *l, struct err *e)
{
	const struct state *s = l->current == 0 ? NULL : l->states[l->current - 'a'];
	const struct audit_told told = {.store = l->store, .stream = l->stream->stream, .report = l->report, .lists = &l->lists,
					.states = (const struct state *const *)l->states, .rollback = l->rollback};
	const struct audit_effect effect = {.store = l->store, .stream = l->stream, .report = l->report, .lists = &l->lists, .state = s,
					    .tree = l->current, .rollback = l->rollback};

	if (audit_told_stream(&told, &l->settled, e) == -1)
		return -1;
	return l->settled && !l->unread && s != NULL && s->phase == STATE_CLEAN ? audit_effect(&effect, e) : 0;
}

struct drop {		/* a list of which the journal may say that a new trust root dropped it */
	const struct look *look;
	const struct state_item *of;
	bool found;
};

static int find_drop(void *arg, uint64_t n, const struct digest *line, const json_t *o, struct err *e)
{
	struct drop *d = arg;
	const char *event = json_get_text(o, "event"), *stream = json_get_text(o, "stream");
	uint64_t epoch, revision;

	(void)n;
	(void)line;
	(void)e;
	if (event != NULL && strcmp(event, "list-dropped") == 0 && stream != NULL &&
	    strcmp(stream, d->look->stream->stream) == 0 && json_get_number(o, "epoch", &epoch) == 0 &&
	    json_get_number(o, "revision", &revision) == 0 && epoch == d->of->epoch && revision == d->of->list)
		d->found = true;
	return 0;
}

/* The tree that was current before may be from a list that a new root dropped: nobody serves it, and the journal tells of it. */
static bool was_dropped(const struct look *l, int t, const struct state_item *of)
{
	struct drop d = {.look = l, .of = of};
	struct err ignored = {0};	/* the journal's own faults are audit_journal's */

	if (l->current == 'a' + t)
		return false;
	return journal_read(&l->store->dir, "journal.jsonl", find_drop, &d, NULL, NULL, &ignored) == 0 && d.found;
}

/* One finding for all items of a list that is not there or not good; its own faults were said. */
static void say_no_list(const struct look *l, int t, size_t first, const char *place)
{
	const struct state *s = l->states[t];
	const struct state_item *of = &s->items[first];
	size_t n = 0;

	for (size_t i = first; i < s->items_n; i++)
		if (l->proofs[t][i] == NO_LIST && s->items[i].epoch == of->epoch && s->items[i].list == of->list) {
			l->proofs[t][i] = PROVEN;	/* said with the first */
			n++;
		}
	if (was_dropped(l, t, of)) {
		report_note(l->report, place, "%zu items, the first of them %s, are from list %llu of epoch %llu, which was dropped under a "
			    "new trust root; what is current now is not", n, of->item, (unsigned long long)of->list,
			    (unsigned long long)of->epoch);
		return;
	}
	report_finding(l->report, R_NOT_APPROVED, place,
		       "%zu items, the first of them %s, are from list %llu of epoch %llu, which is not there or not good", n,
		       of->item, (unsigned long long)of->list, (unsigned long long)of->epoch);
}

static void say_unproven(const struct look *l, int t)
{
	char place[MAX_NAME_LEN + 32];

	snprintf(place, sizeof place, "%s/%c/state.yaml", l->place, 'a' + t);
	for (size_t i = 0; i < l->states[t]->items_n; i++) {
		const struct state_item *item = &l->states[t]->items[i];

		if (l->proofs[t][i] == NO_LIST)
			say_no_list(l, t, i, place);
		else if (l->proofs[t][i] == CONTRADICTED)
			report_finding(l->report, R_NOT_APPROVED, place,
				       "%s, revision %llu: list %llu of epoch %llu does not approve it for this store", item->item,
				       (unsigned long long)item->revision, (unsigned long long)item->list,
				       (unsigned long long)item->epoch);
	}
}

/* ---- trees ---- */

static int judge_tree(struct look *l, int t, struct audit_stream *out, struct err *e)
{
	struct audit_tree found = {0};
	bool current = l->current == 'a' + t;
	char place[MAX_NAME_LEN + 32];
	uint64_t since;
	int rc;

	snprintf(place, sizeof place, "%s/%c", l->place, 'a' + t);
	if (l->states[t] == NULL)
		return 0;
	if (l->states[t]->phase == STATE_BUILDING && !current) {
		report_note(l->report, place, "it is being built, or an import was interrupted; not judged");
		return 0;
	}
	if (l->states[t]->phase == STATE_BUILDING)
		report_finding(l->report, R_STORE_DAMAGED, place, "the current tree is being built");
	say_unproven(l, t);
	since = timings_now();
	rc = audit_tree(l->store, (char)('a' + t), l->states[t], l->report, &found, e);
	timings_busy("looking at trees", since);
	if (rc == -1)
		return -1;
	if (current) {
		out->items = found.items;
		out->files = found.files;
		out->links = found.links;
		out->epoch = l->states[t]->has_complete ? l->states[t]->complete.epoch : 0;
		out->list = l->states[t]->has_complete ? l->states[t]->complete.revision : 0;
	}
	return 0;
}

static void tell_service(void *arg, const char *place, const char *text)
{
	const struct look *l = arg;

	report_finding(l->report, R_STORE_DAMAGED, place, "%s; the next run of satchel-import puts it right", text);
}

/* Where the journal, or the state in service, can't be read, which is told where they are judged, the links are judged all the same. */
static int judge_service(struct look *l, struct err *e)
{
	struct err cause = {0};
	struct service service;
	int rc = service_judge(l->store, l->stream->stream, &service, &cause);

	if (rc == -1 && (report_is_fatal(&cause) || service.tree == 0))
		return settle(l, &cause, e);
	service_tell(&service, tell_service, l);
	if (rc == 0 && service.untold && (service.faults & SERVICE_OTHER) == 0)
		report_note(l->report, l->place, "the journal does not tell of the tree in service: an import is at work, or was interrupted");
	l->current = service.tree;
	return 0;
}

int audit_stream(const struct store *s, const struct store_stream *stream, int64_t now, struct report *r,
		 struct audit_stream *out, struct err *e)
{
	struct look l = {.store = s, .stream = stream, .report = r, .now = now};
	int rc = -1;

	*out = (struct audit_stream){0};
	snprintf(l.place, sizeof l.place, "streams/%s", stream->stream);
	if (judge_service(&l, e) == -1)
		return -1;
	progress_phase("checking trees", 0, 0);
	if (load_states(&l, e) == 0 && load_rollback(&l, e) == 0 && judge_scanned(&l, e) == 0 && judge_lists(&l, e) == 0 &&
	    judge_past(&l, e) == 0)
		rc = judge_rollback(&l, e);
	out->lists = l.lists.n;
	for (int t = 0; rc == 0 && t < TREES; t++)
		rc = judge_tree(&l, t, out, e);
	progress_end();
	for (int t = 0; t < TREES; t++) {
		state_free(l.states[t]);
		free(l.proofs[t]);
	}
	rollback_free(l.rollback);
	state_lists_free(&l.lists);
	return rc;
}

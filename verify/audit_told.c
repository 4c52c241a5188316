/*
 * A store against its journal (verify/audit_told.h). Reports trust roots, lists, bundles, states and a rollback that no line tells
 * of, roots that are gone, and a last run whose outcome is gone.
 */
#include "verify/audit_told.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/num.h"
#include "manifests/journal.h"
#include "manifests/names.h"
#include "manifests/reason.h"
#include "verify/bundles.h"
#include "verify/report.h"
#include "verify/rollback.h"
#include "verify/runs.h"
#include "verify/state.h"

#include "lib/banned.h"

#define PLACE (MAX_NAME_LEN + 80)
#define TRIES 3	/* a run may end between two looks */
/* The next steps: whatever is in doubt, receipts witnessed the journal. */
#define ASK "'satchel-verify journal STORE --receipt FILE' tells what the journal lost"
#define OR_CUT "somebody else put it there, or the journal lost its end; " ASK
#define RESTORE "restore trust/ from a backup"
#define FORWARD "'satchel-import rollback --to-newest' takes it away"

static unsigned long long ull(uint64_t n)
{
	return (unsigned long long)n;
}

static bool get_digest(const json_t *o, const char *key, struct digest *out)
{
	const char *hex = json_get_text(o, key);

	return hex != NULL && digest_parse(hex, strlen(hex), out) == 0;
}

/* ---- roots and runs ---- */

enum root { UNTOLD, TOLD, OTHER };

struct whole {
	const struct store *store;
	enum root *roots;	/* for each of the chain */
	uint64_t newest;	/* version of the newest root that is told of */
	bool open;		/* a run did not end, or not yet: */
	uint64_t since;		/* the line of its intent */
};

/* journal_read */
static int hear_whole(void *arg, uint64_t n, const struct digest *line, const json_t *o, struct err *e)
{
	struct whole *w = arg;
	const struct trust_chain *c = &w->store->chain;
	const char *event = json_get_text(o, "event");
	bool was = w->open;
	struct digest d;
	uint64_t version;

	(void)line;
	(void)e;
	runs_follow(o, &w->open);
	if (w->open && !was)
		w->since = n;
	if (event == NULL || strcmp(event, "root") != 0 || json_get_number(o, "version", &version) == -1 || !get_digest(o, "sha256", &d))
		return 0;
	w->newest = version > w->newest ? version : w->newest;
	for (size_t i = 0; i < c->n; i++)
		if (c->roots[i]->version == version)
			w->roots[i] = digest_equal(&c->roots[i]->digest, &d) ? TOLD : OTHER;
	return 0;
}

/* Whether the mark of a run is not there. Who may not look there can't tell. */
static bool no_mark(const struct store *s)
{
	return faccessat(s->dir.fd, STORE_AT_WORK, F_OK, AT_SYMLINK_NOFOLLOW) == -1 && errno == ENOENT;
}

/* The root that was pinned at init needs no line; a run that is cut off may not have come to tell of those it got. */
static bool lacks(const struct whole *w, size_t i)
{
	return w->roots[i] == UNTOLD && w->store->chain.roots[i]->version > w->store->config.trust.version && !w->open;
}

static void judge_roots(const struct whole *w, struct report *r)
{
	const struct trust_chain *c = &w->store->chain;
	char place[64], name[32];

	for (size_t i = 0; i < c->n; i++) {
		snprintf(place, sizeof place, "trust/%s", names_trust(c->roots[i]->version, name));
		if (lacks(w, i))
			report_finding(r, R_JOURNAL_HISTORY, place, "no line of the journal tells of it: " OR_CUT);
		else if (w->roots[i] == OTHER)
			report_finding(r, R_JOURNAL_HISTORY, place, "the journal tells of another root of this version; " RESTORE);
	}
	if (w->newest > trust_chain_newest(c)->version && !w->store->as_of)
		report_finding(r, R_TRUST_DAMAGED, "trust", "the journal tells of root %llu, which is not there; " RESTORE, ull(w->newest));
}

/* A fault that a run explains which ended meanwhile is none. */
static bool is_settled(const struct whole *w)
{
	for (size_t i = 0; i < w->store->chain.n; i++)
		if (lacks(w, i))
			return false;
	return !w->open || !no_mark(w->store);
}

int audit_told_store(const struct store *s, struct report *r, uint64_t *length, struct digest *head, struct err *e)
{
	struct whole w = {.store = s};
	struct err why = {0};
	int rc = 0;

	w.roots = calloc(s->chain.n + 1, sizeof *w.roots);
	if (w.roots == NULL)
		return err_mem(e);
	for (int i = 0; rc == 0 && i < TRIES; i++) {
		memset(w.roots, 0, s->chain.n * sizeof *w.roots);
		w.newest = 0;
		w.open = false;
		rc = journal_read(&s->dir, "journal.jsonl", hear_whole, &w, length, head, &why);
		if (rc == 0 && is_settled(&w))
			break;
	}
	if (rc == 0) {
		judge_roots(&w, r);
		if (w.open && no_mark(s))
			report_finding(r, R_JOURNAL_HISTORY, "journal.jsonl", "line %llu tells of a run that neither ended nor was cut off: the "
				       "journal lost its end; " ASK, ull(w.since));
		else if (w.open)
			report_note(r, "journal.jsonl", "line %llu tells of a run that is at work, or was interrupted", ull(w.since));
	} else if (report_is_fatal(&why)) {
		*e = why;
	} else {
		err_hint(&why, "restore it from a backup");
		report_err(r, "journal.jsonl", &why);
		rc = 0;
	}
	free(w.roots);
	return rc;
}

/* ---- a stream ---- */

enum admitted { NEVER, ADMITTED, OTHERWISE, DROPPED };

struct hearing {
	const struct audit_told *t;
	struct bundles index;
	enum admitted *lists;	/* of each kept list the last word */
	bool *bundles;		/* for each of the index: told */
	bool times[2];		/* for each state: a run of that time is told */
	bool borne, ended;	/* the rollback: told; and then that it ended */
	bool another;		/* of another one since: it takes its place, unless that run is cut off */
	bool open;
};

/* The kept list of an object that names one, or SIZE_MAX. */
static size_t find_list(const struct hearing *h, const json_t *o)
{
	struct list_ref ref;

	if (o == NULL || json_get_number(o, "epoch", &ref.epoch) == -1 || json_get_number(o, "revision", &ref.revision) == -1)
		return SIZE_MAX;
	for (size_t i = 0; i < h->t->lists->n; i++)
		if (state_compare(&h->t->lists->refs[i], &ref) == 0)
			return i;
	return SIZE_MAX;
}

static bool is_unknown(const struct digest *d)
{
	static const struct digest zeros;

	return digest_equal(d, &zeros);
}

/* What is kept there and is not good is told by whoever judges lists. */
static bool is_that(const struct hearing *h, size_t i, const json_t *o)
{
	const struct digest *is = &h->t->lists->refs[i].sha256;
	struct digest d;

	return is_unknown(is) || (get_digest(o, "sha256", &d) && digest_equal(&d, is));
}

static void hear_list(struct hearing *h, const char *event, const json_t *o)
{
	static const char *const refs[] = {"newest", "complete"};
	size_t i;

	if (strcmp(event, "list-dropped") == 0 && (i = find_list(h, o)) != SIZE_MAX) {
		h->lists[i] = DROPPED;
	} else if (strcmp(event, "list") == 0 && (i = find_list(h, json_object_get(o, "list"))) != SIZE_MAX) {
		h->lists[i] = is_that(h, i, json_object_get(o, "list")) ? ADMITTED : OTHERWISE;
	} else if (strcmp(event, "published") == 0) {	/* older versions told of a list after they kept it */
		for (size_t k = 0; k < sizeof refs / sizeof *refs; k++) {
			const json_t *ref = json_object_get(o, refs[k]);

			if ((i = find_list(h, ref)) != SIZE_MAX && h->lists[i] == NEVER && is_that(h, i, ref))
				h->lists[i] = ADMITTED;
		}
	}
}

static void hear_bundle(struct hearing *h, const json_t *o, int64_t time)
{
	struct digest manifest;
	uint64_t sequence;
	size_t i;

	if (json_get_number(o, "sequence", &sequence) == -1 || !get_digest(o, "manifest", &manifest))
		return;
	i = bundles_place(&h->index, sequence, &manifest);
	if (i < h->index.n && h->index.list[i].sequence == sequence && digest_equal(&h->index.list[i].manifest, &manifest) &&
	    h->index.list[i].arrived == time)
		h->bundles[i] = true;
}

/* Lines of older versions have no digest of the document. */
static bool bears_out(const struct rollback *r, const json_t *o)
{
	const json_t *list = json_object_get(o, "list");
	struct list_ref ref;
	struct digest d;

	if (get_digest(o, "document", &d))
		return digest_equal(&d, &r->sha256);
	return json_get_text(o, "document") == NULL && json_get_number(list, "epoch", &ref.epoch) == 0 &&
	       json_get_number(list, "revision", &ref.revision) == 0 && state_compare(&ref, &r->list) == 0;
}

static void hear_rollback(struct hearing *h, const char *event, const json_t *o)
{
	if (strcmp(event, "rollback-ended") == 0) {
		h->ended = true;
	} else if (strcmp(event, "rollback") == 0 && json_object_get(o, "list") != NULL) {
		bool borne = bears_out(h->t->rollback, o);

		h->another = h->borne && !borne;
		h->borne = h->borne || borne;
		h->ended = h->ended && !borne;
	}
}

/* journal_read */
static int hear(void *arg, uint64_t n, const struct digest *line, const json_t *o, struct err *e)
{
	struct hearing *h = arg;
	const char *event = json_get_text(o, "event"), *stream = json_get_text(o, "stream"), *text = json_get_text(o, "time");
	int64_t time;

	(void)n;
	(void)line;
	(void)e;
	if (event == NULL || text == NULL || num_parse_time(text, strlen(text), &time) == -1)
		return 0;
	runs_follow(o, &h->open);
	for (int i = 0; i < 2; i++)
		h->times[i] = h->times[i] || (h->t->states[i] != NULL && h->t->states[i]->time == time);
	if (strcmp(event, "recovered") == 0)
		h->another = false;
	if (strcmp(event, "rolled-back") == 0 && h->another)
		h->borne = h->another = false;
	if (stream == NULL || strcmp(stream, h->t->stream) != 0)
		return 0;
	hear_list(h, event, o);
	if (strcmp(event, "bundle") == 0)
		hear_bundle(h, o, time);
	if (h->t->rollback != NULL)
		hear_rollback(h, event, o);
	return 0;
}

/* ---- what was not heard of ---- */

static bool is_there(const struct hearing *h, const char *place)
{
	return faccessat(h->t->store->dir.fd, place, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void judge_lists(const struct hearing *h)
{
	char place[PLACE];

	for (size_t i = 0; i < h->t->lists->n; i++) {
		const struct list_ref *ref = &h->t->lists->refs[i];

		snprintf(place, sizeof place, "streams/%s/lists/%llu-%llu", h->t->stream, ull(ref->epoch), ull(ref->revision));
		if (h->lists[i] == NEVER)
			report_finding(h->t->report, R_JOURNAL_HISTORY, place, "no line of the journal admits it: " OR_CUT);
		else if (h->lists[i] == OTHERWISE)
			report_finding(h->t->report, R_JOURNAL_HISTORY, place, "the journal admits another list of this number; restore it from a "
				       "backup");
		else if (h->lists[i] == DROPPED && !h->open && is_there(h, place))
			report_finding(h->t->report, R_JOURNAL_HISTORY, place, "the journal says that it was dropped under a new trust root; "
				       "remove it");
	}
}

static void judge_states(const struct hearing *h)
{
	char place[PLACE], when[32];

	for (int i = 0; i < 2; i++) {
		const struct state *s = h->t->states[i];

		if (s == NULL || h->times[i])
			continue;
		snprintf(place, sizeof place, "streams/%s/%c/state.yaml", h->t->stream, 'a' + i);
		report_finding(h->t->report, R_JOURNAL_HISTORY, place, "no line of the journal is of the run that wrote it, at %s: " OR_CUT,
			       num_format_time(s->time, when));
	}
}

static void judge_bundles(const struct hearing *h)
{
	char place[PLACE], when[32];
	size_t n = 0, first = 0;

	for (size_t i = h->index.n; i-- > 0;)
		if (!h->bundles[i]) {
			first = i;
			n++;
		}
	if (n > 0)
		report_finding(h->t->report, R_JOURNAL_HISTORY, bundles_path(h->t->stream, place), "%s that no line of the journal tells of, "
			       "the first of them with the sequence %llu, taken in at %s: " OR_CUT, num_of(n, "bundle"),
			       ull(h->index.list[first].sequence), num_format_time(h->index.list[first].arrived, when));
}

static void judge_rollback(const struct hearing *h)
{
	char place[ROLLBACK_PATH];

	if (h->t->rollback == NULL || !is_there(h, rollback_path(h->t->stream, place)))
		return;
	if (!h->borne)
		report_finding(h->t->report, R_JOURNAL_HISTORY, place, "the journal tells of no such rollback, or of another one since: " OR_CUT);
	else if (h->ended && !h->open)
		report_finding(h->t->report, R_JOURNAL_HISTORY, place, "the journal says that this rollback ended; " FORWARD);
}

static void judge_no_index(const struct hearing *h, const char *place)
{
	struct err why = {0};
	struct buf bytes = {0};

	if (file_read_all_at(&h->t->store->dir, place, BUNDLES_MAX_SIZE, &bytes, &why) == -1 && why.reason == ERR_IO)
		report_err(h->t->report, place, &why);
	else
		report_finding(h->t->report, R_STORE_DAMAGED, place, "it is no index of bundles; the next run that may write makes it anew");
	buf_free(&bytes);
}

static int listen(struct hearing *h, bool *settled, struct err *e)
{
	struct err why = {0};
	char place[BUNDLES_PATH];
	int got = bundles_read(h->t->store, h->t->stream, &h->index, e);

	if (got == -1)
		return -1;
	if (got == 0 && is_there(h, bundles_path(h->t->stream, place)))
		judge_no_index(h, place);
	if (got == 0)
		h->index.n = 0;
	h->lists = calloc(h->t->lists->n + 1, sizeof *h->lists);
	h->bundles = calloc(h->index.n + 1, sizeof *h->bundles);
	if (h->lists == NULL || h->bundles == NULL)
		return err_mem(e);
	if (journal_read(&h->t->store->dir, "journal.jsonl", hear, h, NULL, NULL, &why) == -1) {
		if (!report_is_fatal(&why))
			return 0;	/* audit_told_store tells of it */
		*e = why;
		return -1;
	}
	judge_lists(h);
	judge_states(h);
	judge_bundles(h);
	judge_rollback(h);
	*settled = !h->open;
	return 0;
}

int audit_told_stream(const struct audit_told *t, bool *settled, struct err *e)
{
	struct hearing h = {.t = t};
	int rc;

	*settled = false;
	rc = listen(&h, settled, e);
	free(h.lists);
	free(h.bundles);
	arena_free(&h.index.arena);
	return rc;
}

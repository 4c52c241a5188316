/*
 * satchel-import status: what is in effect, what waits and why, what `check` set aside, and whether anything has expired
 * or is overdue. Reads only, takes no lock. Waiting (exit 4), too, while a run has not ended. Unhealthy (exit 1): the trust root or
 * a list in effect has expired, nothing has arrived for longer than policy allows, the clock was set back, the state of a tree in
 * service or a list that it names is gone or damaged, or the journal's chain is broken. Each reason is a result: a line on stdout, and
 * one of `problems` in the last object.
 */
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "import/bundles.h"
#include "import/commands.h"
#include "import/kept.h"
#include "import/lost.h"
#include "import/objects.h"
#include "import/run.h"
#include "import/tell.h"
#include "lib/err.h"
#include "lib/num.h"
#include "lib/say.h"
#include "manifests/journal.h"
#include "manifests/limits.h"
#include "manifests/reason.h"
#include "verify/rollback.h"
#include "verify/runs.h"
#include "verify/service.h"
#include "verify/state.h"

#include "lib/banned.h"

#define DAY 86400
#define MAX_NAMED 10

const struct option_def status_options[] = {{0}};

struct report {
	const struct store *store;
	int64_t now;
	bool unhealthy, waiting;
	json_t *problems;	/* why either */
	bool open;		/* a run began that has not ended */
	uint64_t damaged_n;	/* objects set aside, whose bytes are not there */
	struct digest damaged[MAX_NAMED];
};

static unsigned long long ull(uint64_t n)
{
	return (unsigned long long)n;
}

static void note_problem(struct report *r, int reason, const char *text)
{
	json_t *o = json_object();

	json_put_text(o, "reason", reason_word(reason));
	json_put_text(o, "message", text);
	json_array_append_new(r->problems, o);
}

__attribute__((format(printf, 4, 5)))
static void tell(struct report *r, bool *flag, int reason, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	*flag = true;
	note_problem(r, reason, text);
	say_line("%s: %s (%s)", flag == &r->unhealthy ? "UNHEALTHY" : "waiting", text, reason_word(reason));
}

static void tell_err(struct report *r, struct err *why)
{
	tell(r, &r->unhealthy, why->reason, "%s", why->text);
	err_clear(why);
}

/* One that is near is only warned of. */
static void judge_expiry(struct report *r, const char *what, int reason, int64_t expires)
{
	char time[32];

	if (expires <= r->now)
		tell(r, &r->unhealthy, reason, "%s expired at %s", what, num_format_time(expires, time));
	else
		tell_expiry(what, reason, expires, r->now);
}

/* What approvers or root holders signed in the future: the clock was set back, and nothing expires or is overdue by it. */
static void judge_clock(struct report *r, const char *what, int64_t issued)
{
	char is[32], when[32];

	if (issued - r->now <= MAX_CLOCK_AHEAD)
		return;
	tell(r, &r->unhealthy, R_CLOCK, "the clock says %s, and %s was issued at %s: set the clock; until then nothing new is taken in, and "
	     "nothing expires", num_format_time(r->now, is), what, num_format_time(issued, when));
}

static int judge_list(struct report *r, const struct store_stream *stream, const struct list_ref *ref, int64_t *expires,
		      struct err *e)
{
	struct err why = {0};
	struct approvals *a = kept_load(r->store, stream->stream, ref, &why);
	char what[MAX_NAME_LEN + 64 + TELL_LIST], list[TELL_LIST];

	if (a == NULL && why.reason == R_STORE_DAMAGED) {
		tell_err(r, &why);
		return 0;
	}
	if (a == NULL) {
		*e = why;
		return -1;
	}
	snprintf(what, sizeof what, "%s: %s", stream->stream, tell_list(ref->epoch, ref->revision, list));
	judge_expiry(r, what, R_EXPIRED, a->expires);
	judge_clock(r, what, a->issued);
	*expires = a->expires;
	tell_rings(a, stream);
	approvals_free(a);
	return 0;
}

static void judge_root(struct report *r)
{
	const struct trust *root = trust_chain_newest(&r->store->chain);
	char what[64];

	snprintf(what, sizeof what, "trust root %llu", ull(root->version));
	judge_expiry(r, what, R_TRUST_EXPIRED, root->expires);
	judge_clock(r, what, root->issued);
}

static void judge_arrival(struct report *r, const char *stream, int64_t since, int64_t arrived)
{
	int64_t last = arrived > since ? arrived : since;
	uint64_t days = last < r->now ? (uint64_t)(r->now - last) / DAY : 0;

	if (last == 0 || days <= r->store->config.policy.stale_days)	/* 0: no run has met that stream yet */
		return;
	tell(r, &r->unhealthy, R_STALE, "%s: nothing has arrived for %s, and policy allows %llu", stream, num_of(days, "day"),
	     ull(r->store->config.policy.stale_days));
}

static void tell_service(void *arg, const char *place, const char *text)
{
	struct err why = {0};

	err_set(&why, R_STORE_DAMAGED, "%s: %s", place, text);
	err_hint(&why, "run `satchel-import check` or apply a bundle: what is served is then put right from the lists kept");
	tell_err(arg, &why);
}

static int follow(void *arg, uint64_t n, const struct digest *line, const json_t *o, struct err *e)
{
	struct report *r = arg;

	(void)n;
	(void)line;
	(void)e;
	runs_follow(o, &r->open);
	return 0;
}

/* A run that was cut off may have taken in what is not in effect yet. */
static void tell_open(struct report *r)
{
	if (r->open)
		tell(r, &r->waiting, R_WAITING, "a run has not ended: it is at work, or was interrupted, and what it took in may not be in "
		     "effect yet. If none is at work, `satchel-import check`, or applying any bundle, finishes it");
}

/* A line that was changed, or taken out: whatever changed it may have changed more. */
static int judge_journal(struct report *r, struct err *e)
{
	struct err why = {0};

	if (journal_read(&r->store->dir, "journal.jsonl", follow, r, NULL, NULL, &why) == 0) {
		tell_open(r);
		return 0;
	}
	if (why.reason != R_JOURNAL && why.reason != ERR_MISSING) {
		*e = why;
		return -1;
	}
	err_hint(&why, "compare with what receipts witnessed: satchel-verify journal STORE --receipt FILE");
	tell_err(r, &why);
	return 0;
}

/* In text its own lines say that. */
static void judge_waiting(struct report *r, const struct state *s)
{
	char text[MAX_NAME_LEN + 160], list[TELL_LIST];

	if (s == NULL || s->waiting_n + s->missing_total == 0)
		return;
	r->waiting = true;
	snprintf(text, sizeof text, "%s: %s waits: %s, %s missing", s->stream, tell_list(s->newest.epoch, s->newest.revision, list),
		 num_of(s->waiting_n, "item"), num_of(s->missing_total, "object"));
	note_problem(r, R_WAITING, text);
}

static void say_missing(const struct state *s)
{
	char hex[DIGEST_HEX + 1], size[24];

	for (size_t i = 0; i < s->missing_n && i < MAX_NAMED; i++)
		say_line("  missing %s  %s", digest_hex(&s->missing[i].sha256, hex), num_format_size(s->missing[i].size, size));
	if (s->missing_total > MAX_NAMED)
		say_line("  and %llu more objects", ull(s->missing_total - MAX_NAMED));
}

/* back: while s says that it is in force. */
static void say_rollback(const struct rollback *back)
{
	char time[32], list[TELL_LIST], newest[TELL_LIST];

	say_line("  rolled back to %s at %s; it ends with a list newer than %s that is complete, or by `rollback --to-newest`",
		 tell_list(back->list.epoch, back->list.revision, list), num_format_time(back->time, time),
		 tell_list(back->newest.epoch, back->newest.revision, newest));
	for (size_t i = 0; i < back->with_revoked_n; i++)
		say_line("  %s  is published although it was revoked", back->with_revoked[i]);
}

static void say_effect(const struct store_stream *stream, const struct service *v, const struct state *s, int64_t expires)
{
	char time[32], list[TELL_LIST];

	if (s == NULL && (v->faults & SERVICE_TREE) != 0)
		say_line("%s  what is in effect is not known", stream->stream);
	else if (s == NULL || !s->has_complete)
		say_line("%s  no list in effect yet", stream->stream);
	else if (expires == 0)
		say_line("%s  %s in effect: %s; lists are gone or damaged", stream->stream,
			 tell_list(s->complete.epoch, s->complete.revision, list), num_of(s->items_n, "item"));
	else
		say_line("%s  %s in effect: %s, expires %s", stream->stream, tell_list(s->complete.epoch, s->complete.revision, list),
			 num_of(s->items_n, "item"), num_format_time(expires, time));
}

static void say_stream(const struct state *s, const struct rollback *back, int64_t arrived)
{
	char time[32], list[TELL_LIST];

	if (s != NULL && s->has_rollback && back != NULL)
		say_rollback(back);
	if (arrived > 0)
		say_line("  last bundle arrived %s", num_format_time(arrived, time));
	else
		say_line("  no bundle has arrived yet");
	if (s == NULL || s->waiting_n + s->missing_total == 0)
		return;
	say_line("  %s waits: %s, %s missing", tell_list(s->newest.epoch, s->newest.revision, list), num_of(s->waiting_n, "item"),
		 num_of(s->missing_total, "object"));
	tell_waiting(s, s);
	say_missing(s);
}

static void put_ref(json_t *o, const char *key, const struct list_ref *ref)
{
	json_t *sub = json_object();

	json_put_number(sub, "epoch", ref->epoch);
	json_put_number(sub, "revision", ref->revision);
	json_put(o, key, sub);
}

static json_t *missing_json(const struct state *s)
{
	json_t *list = json_array();
	char hex[DIGEST_HEX + 1];

	for (size_t i = 0; i < s->missing_n; i++) {
		json_t *m = json_object();

		json_put_text(m, "sha256", digest_hex(&s->missing[i].sha256, hex));
		json_put_number(m, "size", s->missing[i].size);
		json_array_append_new(list, m);
	}
	return list;
}

static void put_stream(const struct store_stream *stream, const struct service *v, const struct state *s, int64_t expires, int64_t arrived)
{
	json_t *o = json_object();
	char time[32];

	json_put_text(o, "stream", stream->stream);
	if ((v->faults & (SERVICE_STATE | SERVICE_CURRENT)) != 0)
		json_put(o, "state_lost", json_true());
	if (v->faults != 0 || (s != NULL && s->has_complete && expires == 0))	/* its list is gone or damaged */
		json_put(o, "damaged", json_true());
	if (s != NULL && s->has_complete)
		put_ref(o, "in_effect", &s->complete);
	if (expires != 0)
		json_put_text(o, "expires", num_format_time(expires, time));
	if (s != NULL && s->has_newest)
		put_ref(o, "newest", &s->newest);
	if (s != NULL && s->has_rollback)
		put_ref(o, "rollback", &s->rollback);
	json_put_number(o, "items", s == NULL ? 0 : s->items_n);
	json_put_number(o, "waiting", s == NULL ? 0 : s->waiting_n);
	json_put_number(o, "missing", s == NULL ? 0 : s->missing_total);
	if (s != NULL)
		json_put(o, "objects_missing", missing_json(s));
	if (arrived > 0)
		json_put_text(o, "arrived", num_format_time(arrived, time));
	say_object_list(o, "items_waiting", s == NULL ? 0 : s->waiting_n, tell_waiting_json, s);
}

/* A list that the state names is gone or damaged: 1, said; what can be told without it is told all the same. */
static int judge_kept(struct report *r, const char *stream, const struct state *s, struct err *e)
{
	struct err why = {0};

	if (lost_check(r->store, stream, s, &why) == 0)
		return 0;
	if (why.reason != R_STORE_DAMAGED) {
		*e = why;
		return -1;
	}
	tell_err(r, &why);
	return 1;
}

static int judge_lists(struct report *r, const struct store_stream *stream, const struct state *s, int64_t *expires, struct err *e)
{
	int64_t newest;

	if (s == NULL)
		return 0;
	if (s->has_complete && judge_list(r, stream, &s->complete, expires, e) == -1)
		return -1;
	if (s->has_newest && s->waiting_n > 0 && (!s->has_complete || state_compare(&s->newest, &s->complete) != 0))
		return judge_list(r, stream, &s->newest, &newest, e);
	return 0;
}

static int report_stream(struct report *r, const struct store_stream *stream, struct err *e)
{
	struct bundles *b = NULL;
	struct rollback *back = NULL;
	struct state *s = NULL;
	int64_t expires = 0;
	struct service v;
	int rc = -1, lost;

	if (service_judge(r->store, stream->stream, &v, e) == -1 ||
	    (v.tree != 0 && state_load(r->store, stream->stream, v.tree, &s, e) == -1) ||
	    rollback_load(r->store, stream->stream, &back, e) == -1)
		goto out;
	b = bundles_load(r->store, stream->stream, e);
	if (b == NULL)
		goto out;
	lost = judge_kept(r, stream->stream, s, e);
	if (lost == -1 || (lost == 0 && judge_lists(r, stream, s, &expires, e) == -1))
		goto out;
	judge_arrival(r, stream->stream, b->since, bundles_arrived(b));
	judge_waiting(r, s);
	service_tell(&v, tell_service, r);
	if (say_json()) {
		put_stream(stream, &v, s, expires, bundles_arrived(b));
	} else {
		say_effect(stream, &v, s, expires);
		say_stream(s, back, bundles_arrived(b));
	}
	rc = 0;
out:
	bundles_free(b);
	rollback_free(back);
	state_free(s);
	return rc;
}

/* ---- what was set aside ---- */

static int note_damaged(void *arg, const struct digest *d, bool lost, struct err *e)
{
	struct report *r = arg;

	(void)e;
	if (lost && r->damaged_n++ < MAX_NAMED)
		r->damaged[r->damaged_n - 1] = *d;
	return 0;
}

/* Published names of it may be gone until a bundle brings the bytes again: that is no healthy store. */
static int report_damaged(struct report *r, struct err *e)
{
	struct objects *o = objects_open(&r->store->dir, e);
	char hex[DIGEST_HEX + 1];
	int rc = o == NULL ? -1 : objects_each(o, note_damaged, r, e);

	objects_close(o);
	if (rc == -1 || r->damaged_n == 0)
		return rc;
	tell(r, &r->waiting, R_OBJECT_MISSING, "%s set aside as damaged, and out of the published trees until a bundle brings the bytes; a "
	     "receipt asks for them", num_of(r->damaged_n, "object"));
	for (size_t i = 0; i < r->damaged_n && i < MAX_NAMED; i++)
		say_line("  damaged %s", digest_hex(&r->damaged[i], hex));
	if (r->damaged_n > MAX_NAMED)
		say_line("  and %llu more", ull(r->damaged_n - MAX_NAMED));
	return 0;
}

static void put_damaged(const struct report *r, json_t *o)
{
	json_t *list = json_array();
	char hex[DIGEST_HEX + 1];

	for (size_t i = 0; i < r->damaged_n && i < MAX_NAMED; i++)
		json_array_append_new(list, json_text(digest_hex(&r->damaged[i], hex)));
	json_put_number(o, "damaged", r->damaged_n);
	json_put(o, "objects_damaged", list);
}

/* ---- the command ---- */

static void say_verdict(struct report *r)
{
	const char *verdict = r->unhealthy ? "unhealthy" : r->waiting ? "waiting" : "healthy";
	const struct trust *root = trust_chain_newest(&r->store->chain);
	json_t *o = json_object();
	char time[32];

	num_format_time(root->expires, time);
	json_put_text(o, "store", r->store->config.name);
	json_put_text(o, "status", verdict);
	json_put_number(o, "trust", root->version);
	json_put_text(o, "trust_expires", time);
	json_put(o, "unfinished", json_boolean(r->open));
	put_damaged(r, o);
	json_put(o, "problems", r->problems);
	r->problems = NULL;
	say_object(o);
	say_line("%s  %s; site %s, trust root %llu expires %s", r->store->config.name, verdict, root->site, ull(root->version),
		 time);
}

int status_run(const struct args *a, struct err *e)
{
	const char *path = run_store_path(a, e);
	struct store store = {.dir = FILE_CLOSED};
	struct report r = {.store = &store};
	int rc = -1;

	if (path == NULL || args_expect(a, 0, 0, e) == -1 || store_open(path, &store, e) == -1)
		return -1;
	if (store_check_below(&store, e) == -1 || state_check_roots(&store, e) == -1)
		goto out;
	r.now = time(NULL);
	r.problems = json_array();
	judge_root(&r);
	for (size_t i = 0; i < store.config.streams_n; i++)
		if (report_stream(&r, &store.config.streams[i], e) == -1)
			goto out;
	if (report_damaged(&r, e) == -1 || judge_journal(&r, e) == -1)
		goto out;
	say_verdict(&r);
	rc = r.unhealthy ? 1 : r.waiting ? 4 : 0;
out:
	json_decref(r.problems);
	store_close(&store);
	return rc;
}

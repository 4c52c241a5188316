/*
 * Admission (DESIGN 5, "Admission of lists"): the destination, and the list of a bundle judged as it arrives. Refuses
 * what is for other stores, lists that are expired, forked, from the future or a jump ahead, and every new list while
 * the clock stands clearly wrong: with it, expiry can't be judged.
 */
#include "import/admit.h"

#include <string.h>

#include "import/kept.h"
#include "import/run.h"
#include "lib/num.h"
#include "manifests/limits.h"
#include "manifests/reason.h"
#include "verify/scanned.h"

#include "lib/banned.h"

int admit_destination(const struct manifest *m, const char *store, struct err *e)
{
	struct buf names = {0};

	if (m->destinations_n == 0)
		return 0;
	for (size_t i = 0; i < m->destinations_n; i++)
		if (strcmp(m->destinations[i], store) == 0)
			return 0;
	for (size_t i = 0; i < m->destinations_n && i < 5; i++)
		buf_printf(&names, "%s%s", i > 0 ? ", " : "", m->destinations[i]);
	if (m->destinations_n > 5)
		buf_printf(&names, " and %zu more", m->destinations_n - 5);
	if (buf_ok(&names, e) == 0)
		err_set(e, R_WRONG_DESTINATION, "it is for %s, and this store is %s", (const char *)names.data, store);
	buf_free(&names);
	return -1;
}

/* What the store keeps, and what its state says it has kept, as far as a list is judged by it. */
struct known {
	bool any;
	struct list_ref newest;
	uint64_t highest;	/* revision of the newest one in the epoch asked about, kept or not */
	struct list_ref latest;	/* the newest one kept in that epoch; revision 0: none */
	enum kept kept;		/* this (epoch, revision) */
	bool former;		/* below the lists that policy keeps (lists_former) */
	bool missed;		/* it is not kept whole, and ought to be */
	bool recorded;		/* it is kept whole, or it was once admitted: */
	struct digest sha256;	/* its digest */
};

/* A list that the state in service says is complete, kept or not. */
static void look_at_effect(const struct list_ref *complete, const struct manifest_approvals *a, struct known *out)
{
	if (complete->epoch == a->epoch && complete->revision > out->highest)
		out->highest = complete->revision;
	if (!out->any || state_compare(complete, &out->newest) > 0)
		out->newest = *complete;
	out->any = true;
}

/* Whether the scan hook holds anything: what is held may be taken from the highest older list where it is ready. */
static int is_held(const struct store *s, const char *stream, struct err *e)
{
	struct scanned scanned;
	int rc = scanned_load(s, stream, &scanned, e) == -1 ? -1 : 0;

	for (size_t i = 0; rc == 0 && i < scanned.records_n; i++)
		rc = scanned.records[i].verdict != SCANNED_PASSED;
	scanned_free(&scanned);
	return rc;
}

/* Whether a list of this number would be dropped again when the run ends: 1, 0, -1. */
static int is_former(const struct store *s, const struct state *now, const struct kept_lists *kept, const struct list_ref *ref,
		     struct err *e)
{
	uint64_t between = 0;
	int held;

	for (size_t i = 0; i < kept->n; i++)
		between += state_compare(&kept->refs[i], ref) > 0 && state_compare(&kept->refs[i], &now->complete) < 0;
	if (state_compare(ref, &now->complete) >= 0 || between < s->config.policy.keep_lists)
		return 0;
	held = is_held(s, now->stream, e);
	return held == -1 ? -1 : !held;
}

/* Whether a list ought to be kept, as far as the state can tell. What is older goes by policy, what is later never came. */
static bool belongs_here(const struct state *now, const struct list_ref *ref)
{
	return now == NULL || ((!now->has_complete || state_compare(ref, &now->complete) > 0) && now->has_newest &&
			       state_compare(ref, &now->newest) <= 0);
}

/* The list of this number: kept whole, or what it was when it was admitted, however long ago. */
static int look_at_list(const struct admit_ask *ask, const struct state *now, struct known *out, struct err *e)
{
	const struct manifest *m = ask->bundle->manifest;
	const struct store *s = &ask->run->store;
	const struct list_ref ref = {m->approvals.epoch, m->approvals.revision, m->approvals.sha256};
	const struct kept_past *past;
	int got = kept_judge(s, m->stream, &ref, &out->sha256, e);

	if (got == -1)
		return -1;
	out->kept = (enum kept)got;
	out->missed = out->kept == KEPT_DAMAGED || belongs_here(now, &ref);
	if (now != NULL && now->has_complete && state_compare(&ref, &now->complete) == 0) {
		if (out->kept == KEPT_WHOLE && !digest_equal(&out->sha256, &now->complete.sha256))
			out->kept = KEPT_DAMAGED;	/* another one in its place */
		out->sha256 = now->complete.sha256;
		out->missed = out->recorded = true;
	} else if (out->kept == KEPT_WHOLE) {
		out->recorded = true;
	} else {
		past = run_past(ask->run, store_stream(s, m->stream), e);
		if (past == NULL)
			return -1;
		out->recorded = kept_past_digest(past, &ref, &out->sha256);
	}
	return 0;
}

static int look(const struct admit_ask *ask, struct known *out, struct err *e)
{
	const struct store *s = &ask->run->store;
	const char *stream = ask->bundle->manifest->stream;
	const struct manifest_approvals *a = &ask->bundle->manifest->approvals;
	const struct list_ref ref = {.epoch = a->epoch, .revision = a->revision};
	struct kept_lists kept = {0};
	struct state *now = NULL;
	int rc = -1, former = 0;
	char tree;

	*out = (struct known){0};
	if (state_current(s, stream, &tree, e) == -1 || (tree != 0 && state_load(s, stream, tree, &now, e) == -1) ||
	    state_lists(s, stream, &kept, e) == -1)
		goto out;
	for (size_t i = 0; i < kept.n; i++)
		if (kept.refs[i].epoch == a->epoch)
			out->latest = kept.refs[i];
	out->highest = out->latest.revision;
	if (kept.n > 0) {
		out->any = true;
		out->newest = kept.refs[kept.n - 1];
	}
	if (look_at_list(ask, now, out, e) == -1)
		goto out;
	if (now != NULL && now->has_complete) {
		look_at_effect(&now->complete, a, out);
		former = is_former(s, now, &kept, &ref, e);
	}
	out->former = former == 1;
	rc = former == -1 ? -1 : 0;
out:
	state_lists_free(&kept);
	state_free(now);
	return rc;
}

static int refuse(struct admit *out, const struct err *why)
{
	out->verdict = ADMIT_REFUSED;
	out->why = *why;
	return 0;
}

/*
 * The clock against what approvers signed already: where it was set back, expiry can't be judged. Not against what an exporter
 * alone says, who could keep all lists out with it; the newest root's own time was judged with the bundle. A list that is
 * damaged says nothing. 0, 1 with *why, -1.
 */
static int judge_clock(const struct admit_ask *ask, const struct known *known, struct err *why, struct err *e)
{
	const char *stream = ask->bundle->manifest->stream;
	struct approvals *latest;
	char issued[32], now[32];
	int rc = 0;

	if (known->latest.revision == 0)
		return 0;
	latest = kept_load(&ask->run->store, stream, &known->latest, e);
	if (latest == NULL) {
		if (e->reason != R_STORE_DAMAGED)
			return -1;
		err_clear(e);
		return 0;
	}
	if (ask->run->now < latest->issued - MAX_CLOCK_AHEAD) {
		err_set(why, R_CLOCK, "the clock says %s, and list %llu, which this store has, was issued at %s",
			num_format_time(ask->run->now, now), (unsigned long long)latest->revision, num_format_time(latest->issued, issued));
		err_hint(why, "set the clock");
		rc = 1;
	}
	approvals_free(latest);
	return rc;
}

static int judge_jump(const struct manifest_approvals *a, const struct known *known, struct err *e)
{
	if (a->revision > known->highest && a->revision - known->highest > MAX_JUMP)
		return err_set(e, R_JUMP, "revision %llu is more than %llu above %llu, the highest this store knows in epoch %llu",
			       (unsigned long long)a->revision, MAX_JUMP, (unsigned long long)known->highest,
			       (unsigned long long)a->epoch);
	return 0;
}

static int judge_fork(const struct manifest_approvals *a, const struct known *known, struct admit *out)
{
	struct err why = {0};
	char hex[DIGEST_HEX + 1];

	out->forked = true;
	out->ours = known->sha256;
	err_set(&why, R_LIST_FORK, "list %llu is known with another digest, %s", (unsigned long long)a->revision,
		digest_hex(&known->sha256, hex));
	return refuse(out, &why);
}

/* Whether a failure of bundle_list concerns the list's place and time alone, so that the bundle itself may enter. */
static bool only_the_list(int reason)
{
	return reason == R_EXPIRED || reason == R_CLOCK || reason == R_JUMP;
}

/* Whether a list is what it claims to be, be it as late as it may. */
static bool is_signed(const struct err *why)
{
	return why->reason == ERR_NONE || why->reason == R_EXPIRED;
}

static void take(struct admit *out, struct approvals **list)
{
	out->verdict = ADMIT_NEW;
	out->list = *list;
	*list = NULL;
}

/* A list that is good by itself, and not here yet. */
static int judge_new(const struct admit_ask *ask, const struct known *known, struct approvals **list, struct admit *out,
		     struct err *e)
{
	struct err why = {0};

	if (judge_clock(ask, known, &why, e) == -1)
		return -1;
	if (why.reason != ERR_NONE || judge_jump(&ask->bundle->manifest->approvals, known, &why) == -1)
		return refuse(out, &why);
	take(out, list);
	return 0;
}

int admit_list(const struct admit_ask *ask, struct admit *out, struct err *e)
{
	const struct manifest *m = ask->bundle->manifest;
	struct list_ref ref = {.epoch = m->approvals.epoch, .revision = m->approvals.revision};
	struct approvals *list = NULL;
	struct err why = {0};
	struct known known;
	bool newer, same;
	int rc = 0;

	*out = (struct admit){.verdict = ADMIT_NONE};
	if (!m->has_approvals)
		return 0;
	if (look(ask, &known, e) == -1)
		return -1;
	same = known.recorded && digest_equal(&known.sha256, &m->approvals.sha256);
	if (same && known.kept == KEPT_WHOLE) {
		out->verdict = ADMIT_KNOWN;
		return 0;
	}
	newer = !known.any || state_compare(&ref, &known.newest) > 0;
	if (bundle_list(ask->bundle, &ask->run->store.chain, ask->run->now, &list, &why) == -1 && why.reason == ERR_MEMORY) {
		*e = why;
		rc = -1;
	} else if (known.recorded && !same && is_signed(&why)) {
		rc = judge_fork(&m->approvals, &known, out);
	} else if (known.missed && same && is_signed(&why)) {
		take(out, &list);	/* it was admitted in its time, and comes back */
	} else if (why.reason != ERR_NONE && !newer) {
		out->verdict = ADMIT_IGNORED;
		out->why = why;
	} else if (why.reason != ERR_NONE && !only_the_list(why.reason)) {
		*e = why;
		rc = -1;
	} else if (why.reason != ERR_NONE) {
		rc = refuse(out, &why);
	} else {
		rc = judge_new(ask, &known, &list, out, e);
	}
	out->heals = out->verdict == ADMIT_NEW && ((same && known.missed) || known.kept == KEPT_DAMAGED);
	out->former = out->verdict == ADMIT_NEW && known.former;
	out->older = out->verdict == ADMIT_NEW && known.any && state_compare(&ref, &known.newest) < 0;
	approvals_free(list);
	return rc;
}

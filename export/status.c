/*
 * How the station is: exit 0 healthy, 4 something waits for a person, 1 something is expired or soon will be. Changes
 * nothing.
 */
#include "export/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "export/board.h"
#include "export/freeze.h"
#include "export/halfsigned.h"
#include "export/ledger.h"
#include "export/nextroot.h"
#include "export/signers.h"
#include "export/standing.h"
#include "lib/err.h"
#include "lib/num.h"
#include "lib/say.h"
#include "manifests/manifest.h"
#include "manifests/names.h"
#include "manifests/reason.h"

#include "lib/banned.h"

#define DAY 86400
#define LIST_WARNING (7 * DAY)	/* time left that is too little: a medium may take a week */
#define ROOT_WARNING (30 * DAY)

struct status {
	struct station s;
	struct draft *draft;
	struct board *board;
	struct approvals *newest, *effective;
	struct signatures sigs;		/* of the newest */
	bool waiting, unhealthy;
	json_t *o, *problems;
	char bundle[128], bundle_time[32];
	struct err ledger;		/* where its chain is broken, or that it is gone */
};

__attribute__((format(printf, 3, 4)))
static void tell(struct status *t, bool *flag, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	*flag = true;
	json_array_append_new(t->problems, json_text(text));
	say_line("%s: %s", flag == &t->unhealthy ? "UNHEALTHY" : "waiting", text);
}

/* An expiry: past, soon, or fine. */
static void judge_expiry(struct status *t, const char *what, uint64_t number, int64_t expires, int64_t soon)
{
	char time[32];

	num_format_time(expires, time);
	if (expires <= t->s.now)
		tell(t, &t->unhealthy, "%s %llu expired at %s", what, (unsigned long long)number, time);
	else if (expires - t->s.now < soon)
		tell(t, &t->unhealthy, "%s %llu expires at %s, in %s", what, (unsigned long long)number, time,
		     num_of((uint64_t)((expires - t->s.now) / DAY), "day"));
}

/* The newest list is not in effect: whose signatures it lacks, or lacks again after a root removed a signer. */
static int judge_unsigned(struct status *t, struct err *e)
{
	const struct trust *root = trust_chain_newest(&t->s.chain);
	const struct approvals *l = t->newest;
	const char *next = "";		/* of another epoch: told by who calls */
	struct signers w;
	int rc = ledger_froze(&t->s, l, e);

	json_put_number(t->o, "unsigned_list", l->revision);
	if (rc == 0)
		tell(t, &t->unhealthy, "list %llu, which lacks signatures, is not what was frozen: 'sign --new' gives it up; 'recover MEDIUM' takes it "
		     "from a medium that carries it, once it is moved away", (unsigned long long)l->revision);
	if (rc != 1)
		return rc;
	if (l->epoch == root->epoch)
		next = l->expires <= t->s.now ? "; it has expired: 'sign --new' freezes the decisions again" : "; 'sign' adds one";
	rc = signers_count(root, ROLE_APPROVER, &l->bytes, &t->sigs, &w, e);
	if (rc == 0)
		tell(t, &t->waiting, "list %llu has %zu of %llu signatures; %llu more of: %s%s", (unsigned long long)l->revision, w.good,
		     (unsigned long long)w.threshold, (unsigned long long)w.threshold - w.good, (const char *)w.missing.data, next);
	signers_free(&w);
	return rc;
}

static int judge_lists(struct status *t, struct err *e)
{
	const struct trust *root = trust_chain_newest(&t->s.chain);
	struct err why = {0};
	char time[32];
	int rc = 0;

	if (t->effective != NULL) {
		json_put_number(t->o, "list", t->effective->revision);
		json_put_number(t->o, "list_epoch", t->effective->epoch);
		json_put_text(t->o, "list_expires", num_format_time(t->effective->expires, time));
		say_line("list %llu is signed, %s, expires %s", (unsigned long long)t->effective->revision,
			 num_of(t->effective->items_n, "entry"), time);
		judge_expiry(t, "list", t->effective->revision, t->effective->expires, LIST_WARNING);
		if (approvals_check_time(t->effective, t->s.now, &why) == -1 && why.reason == R_CLOCK)
			tell(t, &t->unhealthy, "%s: no store takes it before; where the clock is right, 'renew' freezes it again", why.text);
	} else {
		say_line(t->newest == NULL ? "no list is signed yet" : "no list has the signatures that the trust root asks for");
	}
	if (t->newest != NULL && (t->effective == NULL || approvals_compare(t->newest, t->effective) > 0))
		rc = judge_unsigned(t, e);
	if (t->newest != NULL && t->newest->epoch != root->epoch)
		tell(t, &t->waiting, "list %llu is of epoch %llu, and the trust root of epoch %llu: 'sign' freezes the decisions anew",
		     (unsigned long long)t->newest->revision, (unsigned long long)t->newest->epoch, (unsigned long long)root->epoch);
	else if (freeze_changed(t->draft, t->newest))
		tell(t, &t->waiting, "decisions are not in a list yet; 'sign' freezes them");
	return rc;
}

/* Approved, but gone from the content root, or superseded by what is approved: a person may want to withdraw it. */
static void propose(struct status *t)
{
	const struct draft *d = t->draft;
	size_t gone = 0, superseded = 0;

	for (size_t i = 0; i < d->revisions_n; i++)
		gone += d->revisions[i].gone && board_covered(t->board, d->revisions[i].item) != 0;
	for (size_t i = 0; i < d->decisions_n; i++)
		for (size_t k = 0; k < d->decisions[i].supersedes_n; k++)
			superseded += board_covered(t->board, d->decisions[i].supersedes[k]) != 0;
	json_put_number(t->o, "gone", gone);
	json_put_number(t->o, "superseded", superseded);
	if (gone > 0)
		say_line("%zu approved %s gone from the content root; 'list --state gone' shows them", gone,
			 gone == 1 ? "item is" : "items are");
	if (superseded > 0)
		say_line("%zu approved %s superseded; 'revoke --superseded' revokes them", superseded,
			 superseded == 1 ? "item is" : "items are");
}

static void judge_items(struct status *t)
{
	const struct draft *d = t->draft;
	size_t pending = board_pending(t->board), approved = 0;

	for (size_t i = 0; i < d->revisions_n; i++)
		approved += t->board->rows[i].rings != 0;
	json_put_number(t->o, "pending", pending);
	json_put_number(t->o, "approved", approved);
	say_line("approved: %s", num_of(approved, "revision"));
	if (pending > 0)
		tell(t, &t->waiting, "%zu %s a decision; 'list --state pending' shows them", pending,
		     pending == 1 ? "item waits for" : "items wait for");
}

static void judge_root(struct status *t)
{
	const struct trust *root = trust_chain_newest(&t->s.chain);
	struct err why = {0};
	char time[32];

	json_put_number(t->o, "trust_version", root->version);
	json_put_text(t->o, "trust_expires", num_format_time(root->expires, time));
	say_line("trust root %llu expires %s", (unsigned long long)root->version, time);
	judge_expiry(t, "trust root", root->version, root->expires, ROOT_WARNING);
	if (station_check_root(&t->s, &why) == -1 && why.reason == R_CLOCK)
		tell(t, &t->unhealthy, "%s", why.text);
}

/* The next root waits for the keys of the one in force, or for its own. */
static int judge_draft(struct status *t, struct err *e)
{
	const struct trust *root = trust_chain_newest(&t->s.chain);
	struct signers old = {.good = 0}, own = {.good = 0};
	struct nextroot n;
	int rc;

	if (nextroot_load(&t->s, &n, e) == -1)
		return -1;
	if (n.root == NULL)
		return 0;
	rc = signers_count(root, ROLE_ROOT, &n.root->bytes, &n.sigs, &old, e);
	if (rc == 0)
		rc = signers_count(n.root, ROLE_ROOT, &n.root->bytes, &n.sigs, &own, e);
	json_put_number(t->o, "draft_root", n.root->version);
	if (rc == 0 && signers_enough(&old) && signers_enough(&own))
		tell(t, &t->waiting, "trust root %llu has all its signatures; 'trust sign' puts it in force",
		     (unsigned long long)n.root->version);
	else if (rc == 0)
		tell(t, &t->waiting, "trust root %llu is drafted and has %zu of %llu signatures of root %llu, %zu of %llu of its own; "
		     "still to sign: %s", (unsigned long long)n.root->version, old.good, (unsigned long long)old.threshold,
		     (unsigned long long)root->version, own.good, (unsigned long long)own.threshold,
		     (const char *)(signers_enough(&old) ? own.missing.data : old.missing.data));
	signers_free(&own);
	signers_free(&old);
	nextroot_free(&n);
	return rc;
}

static int find_bundle(void *arg, uint64_t n, const struct digest *line, const json_t *o, struct err *e)
{
	struct status *t = arg;
	const char *bundle = json_get_text(o, "bundle");

	(void)n;
	(void)line;
	(void)e;
	if (bundle != NULL && strcmp(json_get_text(o, "event"), "pack") == 0) {
		snprintf(t->bundle, sizeof t->bundle, "%s", bundle);
		snprintf(t->bundle_time, sizeof t->bundle_time, "%s", json_get_text(o, "time"));
	}
	return 0;
}

static void take_problem(void *arg, bool unhealthy, const char *text)
{
	struct status *t = arg;

	tell(t, unhealthy ? &t->unhealthy : &t->waiting, "%s", text);
}

static int tell_destinations(struct status *t, struct err *e)
{
	struct standing_ask ask = {.station = &t->s, .list = t->effective, .newest = t->newest, .draft = t->draft,
				   .into = json_array(), .problem = take_problem, .arg = t};
	int rc = standing_tell(&ask, e);

	json_put(t->o, "destinations", ask.into);
	return rc;
}

static int tell_half(void *arg, const struct manifest *m, const struct signers *w, struct err *e)
{
	struct status *t = arg;
	char name[NAMES_BUNDLE_LEN];

	(void)e;
	tell(t, &t->waiting, "bundle %s has %zu of %llu signatures; %llu more of: %s",
	     names_bundle(m->stream, m->sequence, name), w->good, (unsigned long long)w->threshold,
	     (unsigned long long)w->threshold - w->good, (const char *)w->missing.data);
	return 0;
}

static void tell_bundle(struct status *t)
{
	if (t->ledger.reason != ERR_NONE) {
		tell(t, &t->unhealthy, "%s; history was changed or damaged: put the ledger aside for who looks into it; one from a backup "
		     "takes its place, or an empty file", t->ledger.text);
	} else if (t->bundle[0] != '\0') {
		json_put_text(t->o, "bundle", t->bundle);
		json_put_text(t->o, "bundle_time", t->bundle_time);
		say_line("last bundle: %s, %s", t->bundle, t->bundle_time);
	} else {
		say_line("no bundle was made yet");
	}
}

/* Before anything else, since parsing takes most; one list that is both is there once, and of the other one nobody wants the bytes. */
static int load_lists(struct status *t, struct err *e)
{
	struct station_list_id id;
	int rc = station_list_newest_id(&t->s, &id, e);

	if (rc != 0)
		return rc == -1 ? -1 : 0;
	if (station_list_effective(&t->s, &t->effective, &t->sigs, e) == -1)
		return -1;
	if (t->effective != NULL && t->effective->epoch == id.epoch && t->effective->revision == id.revision) {
		t->newest = t->effective;
		return 0;
	}
	if (t->effective != NULL)
		buf_free(&t->effective->bytes);
	signatures_free(&t->sigs);
	return station_list_newest(&t->s, &t->newest, &t->sigs, e);
}

static int run(struct status *t, struct err *e)
{
	if (load_lists(t, e) == -1)
		return -1;
	t->draft = draft_load(&t->s, e);
	t->board = t->draft == NULL ? NULL : board_open(&t->s, t->draft, e);
	if (t->board == NULL || ledger_read(&t->s, find_bundle, t, &t->ledger, e) == -1)
		return -1;
	t->o = json_object();
	t->problems = json_array();
	json_put_text(t->o, "stream", t->s.config.stream);
	judge_items(t);
	propose(t);
	if (judge_lists(t, e) == -1)
		return -1;
	judge_root(t);
	if (judge_draft(t, e) == -1 || tell_destinations(t, e) == -1)
		return -1;
	tell_bundle(t);
	if (halfsigned_each(&t->s, tell_half, t, e) == -1)
		return -1;
	json_put_text(t->o, "status", t->unhealthy ? "unhealthy" : t->waiting ? "waiting" : "healthy");
	json_put(t->o, "problems", t->problems);
	say_object(t->o);
	return t->unhealthy ? 1 : t->waiting ? 4 : 0;
}

int status_run(const struct args *a, struct err *e)
{
	struct status t = {.draft = NULL};
	int rc;

	if (args_expect(a, 0, 0, e) == -1 || station_open(a, STATION_READ, &t.s, e) == -1)
		return -1;
	rc = run(&t, e);
	if (rc == -1) {
		json_decref(t.o);
		json_decref(t.problems);
	}
	signatures_free(&t.sigs);
	approvals_free(t.newest);
	if (t.effective != t.newest)
		approvals_free(t.effective);
	board_free(t.board);
	draft_free(t.draft);
	station_close(&t.s);
	return rc;
}

/*
 * The destinations for `status`. receipts, sent, confirmed | STANDING. Reads the ledger and the manifests of what was sent
 * once; walks the list for a destination only where its newest receipt doesn't say that it has all of it.
 */
#include "export/standing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/confirmed.h"
#include "export/ledger.h"
#include "export/receipts.h"
#include "export/select.h"
#include "export/sent.h"
#include "export/station.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/num.h"
#include "lib/say.h"
#include "manifests/limits.h"
#include "manifests/receipt.h"
#include "manifests/reason.h"

#include "lib/banned.h"

#define NAMED 10	/* bundles, items and refusals named for each */
#define DAY 86400

struct one {
	const struct station_destination *d;
	struct receipt *receipt;	/* or NULL */
	const struct receipt_stream *stream;
	struct receipts_acknowledged acknowledged;
	char alarm[40];		/* time of an alarm after the newest receipt, or empty */
	uint64_t unconfirmed[NAMED];	/* the newest of them */
	size_t unconfirmed_n;	/* in all */
	bool listed;		/* a bundle with the effective list was acknowledged */
	bool above, here;	/* it has seen a list above the effective one; and that very list is here */
	bool counted;		/* lacks, bytes are known */
	uint64_t lacks, bytes;
	json_t *o;
};
struct standing {
	const struct standing_ask *ask;
	struct one *list;
	size_t n;
};

static unsigned long long ull(uint64_t n)
{
	return (unsigned long long)n;
}

/* ---- gathering ---- */

static struct one *find(struct standing *t, const char *name)
{
	for (size_t i = 0; name != NULL && i < t->n; i++)
		if (strcmp(t->list[i].d->name, name) == 0)
			return &t->list[i];
	return NULL;
}

static int read_ledger(void *arg, uint64_t n, const struct digest *line, const json_t *o, struct err *e)
{
	const char *event = json_get_text(o, "event");
	struct one *x = find(arg, json_get_text(o, "destination"));

	(void)n;
	(void)line;
	(void)e;
	if (x == NULL)
		return 0;
	if (strcmp(event, "alarm") == 0)
		snprintf(x->alarm, sizeof x->alarm, "%s", json_get_text(o, "time"));
	else if (strcmp(event, "receipt") == 0 || (strcmp(event, "destination-add") == 0 && json_object_get(o, "pinned") != NULL))
		x->alarm[0] = '\0';
	return 0;
}

static int read_sent(void *arg, const struct manifest *m, struct err *e)
{
	struct standing *t = arg;

	(void)e;
	for (size_t i = 0; i < t->n; i++) {
		struct one *x = &t->list[i];
		bool acknowledged = receipts_is_acknowledged(&x->acknowledged, m->sequence);

		if (acknowledged && m->has_approvals && t->ask->list != NULL &&
		    digest_equal(&m->approvals.sha256, &t->ask->list->digest))
			x->listed = true;
		if (!sent_is_for(m, x->d->name) || acknowledged ||
		    (x->receipt != NULL && receipt_has_bundle(x->receipt, m->stream, m->sequence, &m->digest)))
			continue;
		x->unconfirmed[x->unconfirmed_n++ % NAMED] = m->sequence;
	}
	return 0;
}

/* The effective list is complete there for its rings, by its newest receipt, and nothing is damaged. */
static bool has_all(const struct one *x, const struct approvals *list)
{
	return x->stream != NULL && x->stream->has_complete && x->receipt->lacks == 0 && x->acknowledged.n == 0 &&
	       receipts_same_rings(x->d, x->stream) && digest_equal(&x->stream->complete.sha256, &list->digest);
}

/* Whether it has seen a list above `a` (or NULL). */
static bool seen_above(const struct one *x, const struct approvals *a)
{
	const struct receipt_list *seen = x->stream != NULL && x->stream->has_newest ? &x->stream->newest : NULL;

	return seen != NULL && (a == NULL || seen->epoch > a->epoch || (seen->epoch == a->epoch && seen->revision > a->revision));
}

/* A list that is here may be above the effective one: it lost a signer whom a root removed. */
static int judge_seen(const struct standing *t, struct one *x, struct err *e)
{
	struct approvals *a = NULL;
	struct err why = {0};

	x->above = seen_above(x, t->ask->list);
	if (!x->above)
		return 0;
	if (station_list_load(t->ask->station, x->stream->newest.epoch, x->stream->newest.revision, &a, NULL, &why) == -1) {
		if (why.reason == ERR_MISSING)
			return 0;
		*e = why;
		return -1;
	}
	x->here = digest_equal(&a->digest, &x->stream->newest.sha256);
	approvals_free(a);
	return 0;
}

static int count_lacking(struct standing *t, struct one *x, struct err *e)
{
	const struct station *s = t->ask->station;
	const struct station_destination *one[] = {x->d};
	struct select_wish w = {.destinations = one, .destinations_n = 1};
	struct confirmed *confirmed[] = {NULL, NULL};
	struct selection sel = {.entries = NULL};
	int rc = -1;

	if (t->ask->list == NULL || x->above || (x->receipt == NULL && x->acknowledged.n == 0))
		return 0;
	x->counted = true;
	if (has_all(x, t->ask->list))
		return 0;
	confirmed[0] = confirmed_open(s, x->d, CONFIRMED_ARRIVED, e);
	if (confirmed[0] != NULL && select_entries(s, t->ask->list, t->ask->draft, &w, &sel, e) == 0)
		rc = select_cargo(s, confirmed, &sel, e);
	x->lacks = sel.cargo.n;
	x->bytes = sel.cargo.bytes;
	confirmed_free(confirmed[0]);
	select_free(&sel);
	return rc;
}

static int gather(struct standing *t, struct err *e)
{
	const struct station *s = t->ask->station;

	for (size_t i = 0; i < t->n; i++) {
		struct one *x = &t->list[i];

		x->d = &s->config.destinations[i];
		if (receipts_newest(s, x->d->name, &x->receipt, e) == -1 ||
		    receipts_acknowledged(s, x->d->name, x->receipt, &x->acknowledged, e) == -1)
			return -1;
		x->stream = x->receipt == NULL ? NULL : receipt_stream(x->receipt, s->config.stream);
	}
	if (ledger_read(s, read_ledger, t, NULL, e) == -1 || sent_each(s, read_sent, t, e) == -1)
		return -1;
	for (size_t i = 0; i < t->n; i++)
		if (judge_seen(t, &t->list[i], e) == -1 || count_lacking(t, &t->list[i], e) == -1)
			return -1;
	return 0;
}

/* ---- telling ---- */

static void tell_head(struct one *x)
{
	json_t *rings = json_array();
	struct buf text = {0};

	for (size_t i = 0; i < x->d->rings_n; i++) {
		json_array_append_new(rings, json_text(x->d->rings[i]));
		buf_printf(&text, "%s%s", i > 0 ? ", " : "", x->d->rings[i]);
	}
	json_put_text(x->o, "destination", x->d->name);
	json_put(x->o, "rings", rings);
	say_line("destination %s: rings %s", x->d->name, text.data != NULL ? (const char *)text.data : "");
	buf_free(&text);
}

static void put_list(json_t *o, const char *key, const struct receipt_list *l)
{
	json_t *list = json_object();

	json_put_number(list, "epoch", l->epoch);
	json_put_number(list, "revision", l->revision);
	json_put(o, key, list);
}

static void tell_waiting(const struct one *x)
{
	const struct receipt *r = x->receipt;
	size_t said = 0;

	for (size_t i = 0; i < r->waiting_n && said < NAMED; i++) {
		const struct receipt_waiting *w = &r->waiting[i];

		if (strcmp(w->stream, x->stream->stream) != 0)
			continue;
		said++;
		say_line("    %s revision %llu waits: %s, %s missing", w->item, ull(w->revision), w->why,
			 num_of(w->objects, "object"));
	}
	if (x->stream->waiting > said)
		say_line("    and %llu more", ull(x->stream->waiting - said));
}

static void tell_stream(struct one *x)
{
	const struct receipt_stream *s = x->stream;
	char rollback[64] = "";

	if (s->has_rollback)
		snprintf(rollback, sizeof rollback, ", rolled back to list %llu", ull(s->rollback.revision));
	if (s->has_complete)
		put_list(x->o, "publishes", &s->complete);
	if (s->has_newest)
		put_list(x->o, "newest", &s->newest);
	if (s->has_rollback)
		put_list(x->o, "rollback", &s->rollback);
	json_put_number(x->o, "waiting", s->waiting);
	json_put_number(x->o, "missing", s->missing);
	if (s->has_complete)
		say_line("  publishes list %llu%s", ull(s->complete.revision), rollback);
	else
		say_line("  no list is complete there");
	if (s->waiting > 0) {
		say_line("  list %llu: %s waiting, %s missing", ull(s->newest.revision), num_of(s->waiting, "item"),
			 num_of(s->missing, "object"));
		tell_waiting(x);
	}
}

static void tell_refusals(const struct one *x)
{
	const struct receipt *r = x->receipt;
	json_t *list = json_array();
	char time[32];

	for (size_t i = r->refusals_n > NAMED ? r->refusals_n - NAMED : 0; i < r->refusals_n; i++) {
		const struct receipt_refusal *f = &r->refusals[i];
		json_t *o = json_object();

		num_format_time(f->time, time);
		json_put_text(o, "time", time);
		json_put_text(o, "reason", f->reason);
		if (f->bundle != NULL)
			json_put_text(o, "bundle", f->bundle);
		json_array_append_new(list, o);
	}
	json_put(x->o, "refusals", list);
	if (r->refusals_n > 0) {
		const struct receipt_refusal *f = &r->refusals[r->refusals_n - 1];

		say_line("  %s%s (refusals, alarms) there, the last at %s: %s%s%s",
			 r->refusals_n == MAX_RECEIPT_REFUSALS ? "at least " : "", num_of(r->refusals_n, "incident"),
			 num_format_time(f->time, time), f->reason, f->bundle != NULL ? ", " : "", f->bundle != NULL ? f->bundle : "");
	}
}

static void tell_receipt(const struct standing *t, struct one *x)
{
	const struct receipt *r = x->receipt;
	int64_t days;
	char time[32];

	if (r == NULL) {
		say_line("  not heard of yet%s", x->d->key == NULL ? "; no receipt key is known" : "");
		return;
	}
	days = (t->ask->station->now - r->time) / DAY;
	json_put_number(x->o, "receipt", r->counter);
	json_put_text(x->o, "heard_of", num_format_time(r->time, time));
	say_line("  last heard of %s, %lld days ago, receipt %llu", time, (long long)(days < 0 ? 0 : days), ull(r->counter));
	if (x->stream == NULL)
		say_line("  it does not follow this stream");
	else
		tell_stream(x);
	tell_refusals(x);
}

static void tell_unconfirmed(const struct one *x)
{
	size_t n = x->unconfirmed_n < NAMED ? x->unconfirmed_n : NAMED;
	json_t *list = json_array();
	struct buf text = {0};

	for (size_t i = 0; i < n; i++) {
		uint64_t sequence = x->unconfirmed[(x->unconfirmed_n - n + i) % NAMED];

		json_array_append_new(list, json_integer((json_int_t)sequence));
		buf_printf(&text, "%s%llu", i > 0 ? ", " : "", ull(sequence));
	}
	json_put(x->o, "unconfirmed", list);
	json_put_number(x->o, "unconfirmed_total", x->unconfirmed_n);
	if (n > 0)
		say_line("  not confirmed: %s %s%s", n == 1 ? "bundle" : "bundles", (const char *)text.data,
			 x->unconfirmed_n > n ? " and older ones" : "");
	buf_free(&text);
}

/* A store that has seen a list which isn't here: then this station was restored from a backup, or somebody else signs. */
static void tell_ahead(const struct standing *t, struct one *x)
{
	const struct approvals *newest = t->ask->newest;
	char text[256], known[48] = "no list at all";

	if (newest != NULL && seen_above(x, newest))
		snprintf(known, sizeof known, "list %llu", ull(newest->revision));
	else if (newest != NULL)
		snprintf(known, sizeof known, "others only");
	json_put(x->o, "ahead", json_true());
	snprintf(text, sizeof text, "%s has list %llu, and this station knows of %s: was it restored from a backup? 'recover' with a "
		 "medium or receipt takes over what happened since", x->d->name, ull(x->stream->newest.revision), known);
	t->ask->problem(t->ask->arg, true, text);
}

/* A store that was told other rings than the station: one of the two is to be changed. */
static void tell_rings(const struct standing *t, const struct one *x)
{
	struct buf text = {0};

	if (x->stream == NULL || receipts_same_rings(x->d, x->stream))
		return;
	buf_printf(&text, "%s follows the rings", x->d->name);
	for (size_t i = 0; i < x->stream->rings_n; i++)
		buf_printf(&text, "%s %s", i > 0 ? "," : "", x->stream->rings[i]);
	buf_printf(&text, ", by its newest receipt, and bundles are packed by others: 'destination add %s --ring RING', or its store.yaml, sets it right",
		   x->d->name);
	if (!text.failed)
		t->ask->problem(t->ask->arg, false, (const char *)text.data);
	buf_free(&text);
}

static void tell_lacking(const struct standing *t, struct one *x)
{
	char text[256], size[24];

	if (x->above && !x->here)
		tell_ahead(t, x);
	else if (x->above)
		say_line("  has list %llu, which waits for signatures here", ull(x->stream->newest.revision));
	if (!x->counted)
		return;
	json_put_number(x->o, "lacks", x->lacks);
	json_put_number(x->o, "lacks_bytes", x->bytes);
	if (x->lacks > 0) {
		snprintf(text, sizeof text, "%s lacks %s, %s, of list %llu; 'pack --for %s' carries what it lacks", x->d->name,
			 num_of(x->lacks, "object"), num_format_size(x->bytes, size), ull(t->ask->list->revision), x->d->name);
		t->ask->problem(t->ask->arg, false, text);
	} else if (!x->listed && (x->stream == NULL || !x->stream->has_newest ||
				  !digest_equal(&x->stream->newest.sha256, &t->ask->list->digest))) {
		snprintf(text, sizeof text, "%s does not have list %llu; 'pack --for %s' carries it", x->d->name,
			 ull(t->ask->list->revision), x->d->name);
		t->ask->problem(t->ask->arg, false, text);
	} else {
		say_line("  holds all of list %llu", ull(t->ask->list->revision));
	}
}

static void tell(const struct standing *t, struct one *x)
{
	char text[256];

	x->o = json_object();
	tell_head(x);
	tell_receipt(t, x);
	tell_unconfirmed(x);
	tell_rings(t, x);
	tell_lacking(t, x);
	if (x->alarm[0] != '\0') {
		json_put_text(x->o, "alarm", x->alarm);
		snprintf(text, sizeof text, "%s: a receipt of %s did not continue the one before (%s)", x->d->name, x->alarm,
			 reason_word(R_JOURNAL_HISTORY));
		t->ask->problem(t->ask->arg, true, text);
	}
	json_array_append_new(t->ask->into, x->o);
}

int standing_tell(const struct standing_ask *ask, struct err *e)
{
	struct standing t = {.ask = ask, .n = ask->station->config.destinations_n};
	int rc = -1;

	t.list = calloc(t.n + 1, sizeof *t.list);
	if (t.list == NULL)
		return err_mem(e);
	if (gather(&t, e) == 0) {
		rc = 0;
		for (size_t i = 0; i < t.n; i++)
			tell(&t, &t.list[i]);
	}
	for (size_t i = 0; i < t.n; i++) {
		receipt_free(t.list[i].receipt);
		receipts_acknowledged_free(&t.list[i].acknowledged);
	}
	free(t.list);
	return rc;
}

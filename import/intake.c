/*
 * The order in which one bundle is judged and taken. Whatever is refused here leaves nothing in the store but a line of
 * the journal. Refuses what unseal and admit refuse, what there is no room for, and bundles
 * whose signer lied about what is in them.
 */
#include "import/intake.h"

#include <stdio.h>

#include "import/bundles.h"
#include "import/hooks.h"
#include "import/lack.h"
#include "import/lists.h"
#include "import/missing.h"
#include "import/objects.h"
#include "import/outlook.h"
#include "import/run.h"
#include "import/witness.h"
#include "lib/num.h"
#include "lib/say.h"
#include "lib/timings.h"
#include "manifests/limits.h"
#include "manifests/reason.h"
#include "verify/gather.h"
#include "verify/reader.h"

#include "lib/banned.h"

struct taking {
	const struct intake *in;
	struct outcome *out;
	struct bundle *bundle;
	struct err refusal;	/* the newest root's, of a bundle imported before: nothing may be taken from it */
	const struct store_stream *stream;
	struct bundles *known;	/* of that stream; the run's */
	struct admit admit;
	struct lack lack;
	int tried;		/* -1: the list, a new one, can't be published, as far as can be told by what is here */
	struct err why_not;
};

/* ---- the journal ---- */

static void put_hex(json_t *o, const char *key, const struct digest *d)
{
	char hex[DIGEST_HEX + 1];

	json_put_text(o, key, digest_hex(d, hex));
}

static json_t *about(const struct taking *t)
{
	json_t *o = json_object();

	json_put_text(o, "bundle", t->out->name);
	json_put_text(o, "medium", reader_medium(t->in->reader));
	json_put_text(o, "sandbox", reader_sandbox(t->in->reader));
	if (t->bundle != NULL)
		put_hex(o, "manifest", &t->bundle->manifest->digest);
	return o;
}

static void put_why(json_t *o, const struct err *why)
{
	json_put_text(o, "reason", reason_word(why->reason));
	json_put_text(o, "text", why->text);
}

static void put_list(const struct taking *t, json_t *o)
{
	const struct manifest_approvals *a = &t->bundle->manifest->approvals;
	json_t *list = json_object();

	json_put_number(list, "epoch", a->epoch);
	json_put_number(list, "revision", a->revision);
	put_hex(list, "sha256", &a->sha256);
	json_put(o, "list", list);
}

static int notify(struct taking *t, const struct err *why, struct err *e)
{
	struct hook_env env = {0};

	if (t->stream != NULL)
		hook_put(&env, "STREAM", "%s", t->stream->stream);
	hook_put(&env, "BUNDLE", "%s", t->out->name);
	hook_put(&env, "MEDIUM", "%s", reader_medium(t->in->reader));
	hook_put(&env, "REASON", "%s", reason_word(why->reason));
	hook_put(&env, "TEXT", "%s", why->text);
	return hooks_notify(t->in->run, HOOKS_REFUSED, &env, e);
}

/* The bundle as a whole is not taken: one line. */
static int refuse(struct taking *t, const struct err *why, struct err *e)
{
	json_t *o = about(t);

	t->out->exit = reason_exit(why->reason) == 1 ? 1 : 3;
	t->out->kind = t->out->exit == 1 ? OUTCOME_REFUSED : OUTCOME_FAILED;
	t->out->why = *why;
	put_why(o, why);
	if (run_log(t->in->run, t->out->exit == 1 ? "refused" : "failed", o, e) == -1)
		return -1;
	return t->out->exit == 1 ? notify(t, why, e) : 0;
}

static int log_list_refused(struct taking *t, struct err *e)
{
	json_t *o = about(t);

	put_list(t, o);
	if (t->admit.forked)
		put_hex(o, "ours", &t->admit.ours);
	put_why(o, &t->admit.why);
	return run_log(t->in->run, "refused", o, e) == -1 ? -1 : notify(t, &t->admit.why, e);
}

static int log_list(struct taking *t, struct err *e)
{
	json_t *o = json_object();

	json_put_text(o, "stream", t->stream->stream);
	put_list(t, o);
	json_put_number(o, "root", trust_chain_newest(&t->in->run->store.chain)->version);
	if (t->admit.heals)
		json_put(o, "heals", json_true());
	return run_log(t->in->run, "list", o, e);
}

static int log_bundle(struct taking *t, struct err *e)
{
	const struct manifest *m = t->bundle->manifest;
	const struct stage_result *s = &t->out->staged;
	json_t *o = about(t);
	char time[32];

	json_put_text(o, "stream", m->stream);
	json_put_number(o, "sequence", m->sequence);
	json_put_text(o, "created", num_format_time(m->created, time));
	json_put_number(o, "objects", s->objects);
	json_put_number(o, "bytes", s->bytes);
	if (s->lost > 0)
		json_put_number(o, "lost", s->lost);
	if (s->damages_n > 0)
		json_put_number(o, "damages", s->damages_n);
	if (m->has_approvals)
		put_list(t, o);
	return run_log(t->in->run, "bundle", o, e);
}

static int alarm_of(struct taking *t, const char *what, const char *key, const struct digest *d, struct err *e)
{
	json_t *o = about(t);

	json_put_text(o, "what", what);
	put_hex(o, key, d);
	return run_log(t->in->run, "alarm", o, e);
}

/*
 * What does not fit the past is said once and refused never: another bundle with this sequence (the exporter's key may be
 * in two hands), a witness of a journal that isn't ours (this store was restored from a backup).
 */
static int raise_alarms(struct taking *t, struct err *e)
{
	const struct manifest *m = t->bundle->manifest;
	const struct bundles_record *other = bundles_other(t->known, m->sequence, &m->digest);
	const struct manifest_witness *witness;
	int missing;

	if (bundles_known(t->known, m->sequence, &m->digest))
		return 0;
	if (other != NULL) {
		say_warn("%s: another bundle with this sequence was imported before; find out who made them", t->out->name);
		if (alarm_of(t, "sequence-twice", "other", &other->manifest, e) == -1)
			return -1;
	}
	missing = witness_missing(&t->in->run->store, m, &witness, e);
	if (missing != 1)
		return missing;
	say_warn("%s: its exporter has seen receipt %llu of this store, and our journal does not know it: was the store restored "
		 "from a backup?", t->out->name, (unsigned long long)witness->counter);
	return alarm_of(t, reason_word(R_JOURNAL_HISTORY), "witness", &witness->journal, e);
}

/* ---- judging ---- */

/* By the name of its directory, which the manifest must then confirm. */
static int was_imported(void *arg, const struct digest *manifest, struct err *e)
{
	const struct taking *t = arg;
	struct run *r = t->in->run;
	char name[MAX_NAME_LEN + 1];
	const struct store_stream *stream;
	const struct bundles *known;
	uint64_t sequence;

	if (names_bundle_parse(t->out->name, name, &sequence) == -1 || (stream = store_stream(&r->store, name)) == NULL)
		return 0;
	known = run_bundles(r, stream, e);
	return known == NULL ? -1 : bundles_known(known, sequence, manifest);
}

static int open_bundle(struct taking *t, struct gathered *b, struct err *why)
{
	const struct run *r = t->in->run;
	struct unseal u = {.chain = &r->store.chain, .now = r->now, .spool_dir = r->dry ? NULL : &r->store.dir,
			   .known = was_imported, .arg = t};
	int rc = gather_unseal(b, t->in->reader, &u, &t->bundle, why);

	if (rc == 1) {
		t->refusal = *why;
		*why = (struct err){0};
	}
	return rc == -1;
}

static bool nothing_new(const struct taking *t)
{
	const struct manifest *m = t->bundle->manifest;

	return t->lack.objects == 0 && t->admit.verdict != ADMIT_NEW && bundles_known(t->known, m->sequence, &m->digest);
}

/* What exporters say of the time keeps nothing out; but where it can't be true, the clock's may not be either. */
static void warn_clock(const struct taking *t)
{
	int64_t now = t->in->run->now, created = bundles_created(t->known);
	char a[32], b[32];

	if (now < created - MAX_CLOCK_AHEAD)
		say_warn("the clock says %s, and a bundle of this stream was imported that says it was created at %s: look at the clock, "
			 "then find out who made that", num_format_time(now, a), num_format_time(created, b));
}

/* No station counts so far: `recover` doesn't either (export/floor.h). Receipts would say for ever that all since has been sent. */
static int judge_sequence(const struct taking *t, struct err *why)
{
	uint64_t highest = bundles_highest(t->known), sequence = t->bundle->manifest->sequence;

	if (sequence <= highest || sequence - highest <= MAX_JUMP)
		return 0;
	err_set(why, R_JUMP, "sequence %llu is more than %llu above %llu, the highest this store knows", (unsigned long long)sequence,
		MAX_JUMP, (unsigned long long)highest);
	return err_hint(why, "find out who made it: was an exporter's key stolen?");
}

/* Destination, list, indexes, room: all before the first write. 0, 1 with *why (skipped or refused), -1. */
static int judge(struct taking *t, struct err *why, struct err *e)
{
	struct run *r = t->in->run;
	const struct manifest *m = t->bundle->manifest;
	struct admit_ask ask = {.run = r, .bundle = t->bundle};
	int rc;

	t->stream = store_stream(&r->store, m->stream);
	if (t->stream == NULL)
		return err_set(e, ERR_INTERNAL, "%s: of a stream that is not followed", t->out->name);
	if (admit_destination(m, r->store.config.name, why) == -1)
		return 1;
	t->known = run_bundles(r, t->stream, e);
	if (t->known == NULL)
		return -1;
	if (judge_sequence(t, why) == -1)
		return 1;
	if (raise_alarms(t, e) == -1)
		return -1;
	rc = admit_list(&ask, &t->admit, why) == -1 || lack_bundle(r->objects, t->bundle, &t->lack, why) == -1;
	if (rc == 0 && t->admit.former && t->lack.objects == 0 && bundles_known(t->known, m->sequence, &m->digest))
		t->admit.verdict = ADMIT_KNOWN;	/* it was, until newer ones took its place */
	if (t->refusal.reason != ERR_NONE && why->reason != ERR_MEMORY && (rc == 1 || !nothing_new(t))) {
		*why = t->refusal;
		rc = 1;
	}
	if (rc == 1)
		return 1;
	if (t->admit.verdict == ADMIT_NEW)
		warn_clock(t);
	return lack_room(&r->store.dir, &t->lack, why) == -1;
}

/* ---- taking ---- */

/* Reads the contents lists that are here by now; keep_list says what came of it. */
static void try_list(struct taking *t)
{
	struct run *r = t->in->run;

	if (t->admit.verdict == ADMIT_NEW)
		t->tried = outlook_try(&r->store, r->objects, t->stream, t->admit.list, &t->why_not);
}

/* The list is kept once its contents lists, as far as they are here, can be published at all. */
static int keep_list(struct taking *t, struct err *e)
{
	struct run *r = t->in->run;

	if (t->tried == -1) {
		if (!missing_is_malformed(t->why_not.reason)) {
			*e = t->why_not;
			return -1;
		}
		t->admit.verdict = ADMIT_REFUSED;
		t->admit.why = t->why_not;
	}
	if (t->admit.verdict == ADMIT_REFUSED)
		return log_list_refused(t, e);
	if (t->admit.verdict != ADMIT_NEW)
		return 0;
	/* told first: a kept list that no line admits was put there by somebody else */
	if (run_change(r, e) == -1 || log_list(t, e) == -1)
		return -1;
	return lists_commit(&r->store, t->admit.list, &t->bundle->list_signatures, e);
}

static bool is_readers(int reason)
{
	return reason == R_READER || reason == R_MEDIUM_READ || reason == R_MEDIUM_TIMEOUT;
}

/*
 * Objects into the store, those of the bundle before this one settled first: an interruption tears no more than one bundle's.
 * Their sync is begun, and the list is tried meanwhile. 1: the medium failed, *why says how; what came before is kept.
 */
static int take_objects(struct taking *t, struct err *why, struct err *e)
{
	struct run *r = t->in->run;
	struct stage_ask ask = {.objects = r->objects, .bundle = t->bundle, .lacking = t->lack.volumes, .jobs = t->in->jobs};
	int rc;

	if (t->lack.objects == 0) {
		try_list(t);
		return 0;
	}
	if (run_change(r, e) == -1 || objects_settle(r->objects, e) == -1 || objects_begin(r->objects, e) == -1)
		return -1;
	objects_expect(r->objects, &t->lack.sizes);
	rc = stage_bundle(&ask, &t->out->staged, why);
	if (rc == -1 && !is_readers(why->reason)) {
		*e = *why;
		return -1;
	}
	if (objects_flush(r->objects, e) == -1)
		return -1;
	try_list(t);
	return rc == -1;
}

static int record(struct taking *t, struct err *e)
{
	const struct manifest *m = t->bundle->manifest;
	struct bundles_record r = {.sequence = m->sequence, .manifest = m->digest, .created = m->created,
				   .arrived = t->in->run->now};

	if (run_change(t->in->run, e) == -1 || log_bundle(t, e) == -1)
		return -1;
	return bundles_add(t->known, &t->in->run->store, &r, e);
}

/* The exit a bundle comes to that was taken as far as it went. Bytes after a volume's last frame are damage as well: all
 * that was asked for is here. */
static int exit_of(const struct taking *t)
{
	const struct stage_result *s = &t->out->staged;
	int code = s->damages_n > 0 ? 3 : 0;

	for (uint64_t i = 0; i < s->damages_n && i < STAGE_MAX_DAMAGES; i++)
		if (s->damages[i].reason == R_FILE_TYPE)
			code = 1;
	return t->admit.verdict == ADMIT_REFUSED ? 1 : code;
}

static void tell_list(struct taking *t)
{
	t->out->list = t->admit.verdict;
	t->out->list_older = t->admit.older;
	t->out->list_heals = t->admit.heals && t->admit.verdict == ADMIT_NEW;
	t->out->list_why = t->admit.why;
	t->out->epoch = t->bundle->manifest->approvals.epoch;
	t->out->revision = t->bundle->manifest->approvals.revision;
}

static int take(struct taking *t, struct err *e)
{
	struct err why = {0};
	int rc;

	t->out->stream = t->stream;
	t->out->kind = nothing_new(t) ? OUTCOME_KNOWN : OUTCOME_IMPORTED;
	if (t->in->run->dry) {
		t->out->staged.objects = t->lack.objects;
		t->out->staged.bytes = t->lack.bytes;
	} else {
		rc = take_objects(t, &why, e);
		if (rc == -1 || keep_list(t, e) == -1)
			return -1;
		if (rc == 0 && t->out->staged.lied.reason != ERR_NONE) {
			why = t->out->staged.lied;
			rc = 1;
		}
		if (rc == 1) {
			tell_list(t);
			return refuse(t, &why, e);
		}
		if (t->out->kind == OUTCOME_IMPORTED && record(t, e) == -1)
			return -1;
	}
	tell_list(t);
	t->out->exit = exit_of(t);
	return 0;
}

int intake_bundle(const struct intake *in, struct gathered *b, struct outcome *out, struct err *e)
{
	struct taking t = {.in = in, .out = out};
	struct err why = {0};
	uint64_t since;
	int rc;

	*out = (struct outcome){.dry = in->run->dry};
	snprintf(out->name, sizeof out->name, "%s", b->name);
	since = timings_now();
	rc = open_bundle(&t, b, &why);
	if (rc == 0)
		rc = judge(&t, &why, e);
	timings_busy("judging: lists, indexes", since);
	if (rc == 0) {
		rc = take(&t, e);
	} else if (rc == 1 && (why.reason == R_BUNDLE_INTERRUPTED || why.reason == R_WRONG_DESTINATION)) {
		out->kind = why.reason == R_WRONG_DESTINATION ? OUTCOME_SKIPPED : OUTCOME_INTERRUPTED;
		out->why = why;
		rc = 0;
	} else if (rc == 1) {
		rc = why.reason == ERR_MEMORY ? -1 : refuse(&t, &why, e);
		if (why.reason == ERR_MEMORY)
			*e = why;
	}
	approvals_free(t.admit.list);
	lack_free(&t.lack);
	bundle_free(t.bundle);
	return rc;
}

void intake_free(struct outcome *o)
{
	stage_result_free(&o->staged);
}

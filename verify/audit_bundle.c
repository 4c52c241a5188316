/*
 * `satchel-verify bundle`: every bundle on the given media, looked at completely and by the same code that import rests on:
 * signatures, chain, list, every frame, every object, VERIFY.txt, and what lies there besides. One line for each bundle.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/digest.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/num.h"
#include "lib/progress.h"
#include "lib/say.h"
#include "lib/timings.h"
#include "manifests/limits.h"
#include "manifests/reason.h"
#include "verify/audit_files.h"
#include "verify/audit_pieces.h"
#include "verify/audit_volume.h"
#include "verify/cage.h"
#include "verify/carried.h"
#include "verify/commands.h"
#include "verify/gather.h"
#include "verify/pieces.h"
#include "verify/reader.h"
#include "verify/report.h"
#include "verify/terms.h"
#include "verify/unseal.h"

#include "lib/banned.h"

#define PLACE 4400	/* a path and the name of a bundle */

const struct option_def audit_bundle_options[] = {
	{.name = "trust", .value = "FILE", .help = "the trust root to judge by, as you got it on a way of its own; any version"},
	{.name = "volume-digests", .help = "also compare the digests of whole volumes (frames are always compared)"},
	READER_OPTIONS,
	TERMS_OPTIONS,
	{0}
};

struct run {
	struct terms terms;
	bool volume_digests;
	struct trust_chain chain;	/* grown by what all bundles bring before the first of them is judged */
	struct gather gather;
	struct report report;
	char sandbox[CAGE_TEXT];	/* of the first reader */
	struct pieces *pieces;	/* of all bundles, */
	bool several;		/* which are more than one */
	uint64_t bundles, good;
};

/* One bundle on its way. */
struct course {
	struct run *run;
	struct bundle *bundle;
	struct approvals *list;
	const char *place;	/* "MEDIUM: BUNDLE" */
	uint64_t findings;	/* before it */
	bool damaged;		/* frames of it are */
	bool unindexed;		/* a volume whose index is no good was passed over */
	uint64_t bytes;		/* that its indexes tell of */
	struct carried carried;
	struct seen *seen;	/* what was read of it already; by this its pieces are expected */
	uint64_t unproven;	/* objects in pieces */
	struct audit_volume audit;
	bool compared;		/* lack is filled */
	struct carried_lack lack;
	bool guessed;		/* its surplus can't be told */
};

/* ---- volumes ---- */

static int look_at_volume(struct course *c, uint64_t n, struct err *e)
{
	char place[PLACE + 32], name[32];
	struct volume *index;
	struct err why = {0};
	int rc;

	index = bundle_volume(c->bundle, n, &why);
	bundle_end_volume(c->bundle, n);
	if (index == NULL && report_is_fatal(&why))
		return err_set(e, why.reason, "%s", why.text);
	if (index == NULL) {
		report_err(&c->run->report, c->place, &why);
		c->unindexed = true;
		return 0;
	}
	snprintf(place, sizeof place, "%s/%s", c->place, names_volume(n, name));
	rc = audit_volume(&c->audit, c->bundle, index, place, e);
	volume_free(index);
	return rc;
}

static int look_at_volumes(struct course *c, struct err *e)
{
	int rc = 0;

	c->audit = (struct audit_volume){.report = &c->run->report, .carried = &c->carried, .pieces = c->run->pieces,
					 .bundle = c->seen, .jobs = c->run->terms.jobs};
	progress_phase("verifying", c->bundle->manifest->objects.bytes, 1);
	for (uint64_t n = 1; rc == 0 && n <= c->bundle->manifest->volumes; n++)
		rc = look_at_volume(c, n, e);
	progress_end();
	c->damaged = c->audit.damaged > 0;
	c->bytes = c->audit.bytes;
	return rc == -1 ? -1 : audit_pieces_tell(c->run->pieces, c->seen, c->audit.unexpected, &c->run->report, c->place,
						 &c->unproven, e);
}

/* ---- the list ---- */

/* What an older root allowed, the newest one may not: which one that is, and how to ask for the older one. */
static void note_root(struct run *run, const char *place, const struct err *why)
{
	if (run->chain.n > 1 && (why->reason == R_SIGNATURE_MISSING || why->reason == R_SIGNATURE_THRESHOLD))
		report_note(&run->report, place, "judged by trust root %llu, the newest on the media named; --trust-version judges old "
			    "media by an older one", (unsigned long long)trust_chain_newest(&run->chain)->version);
}

static void look_at_list(struct course *c, const struct trust_chain *chain)
{
	struct err cause = {0};

	if (bundle_list(c->bundle, chain, c->run->terms.now, &c->list, &cause) == 0) {
		if (c->list != NULL)
			buf_free(&c->list->bytes);	/* the bundle has them, and they may be many */
		return;
	}
	note_root(c->run, c->place, &cause);
	report_err(&c->run->report, c->place, &cause);
	approvals_free(c->list);
	c->list = NULL;
}

/* What the manifest and the indexes say of the objects, where nothing else is wrong (FORMAT 7.4, 8.6). */
static void compare_counts(const struct course *c)
{
	const struct manifest_objects *said = &c->bundle->manifest->objects;
	struct report *r = &c->run->report;
	char hex[DIGEST_HEX + 1];

	if (r->findings == c->findings && (c->carried.n != said->count || c->bytes != said->bytes))
		report_finding(r, R_DOCUMENT_FORM, c->place, "its volumes have %zu objects of %llu bytes, the manifest says %llu of %llu",
			       c->carried.n, (unsigned long long)c->bytes, (unsigned long long)said->count,
			       (unsigned long long)said->bytes);
	if (c->carried.two_sizes != NULL)
		report_finding(r, R_DOCUMENT_FORM, c->place, "the indexes state two sizes of object %s",
			       digest_hex(&c->carried.two_sizes->sha256, hex));
}

/* Where contents lists were lost, what they need looks like surplus, and is not called that. */
static void note_surplus(struct course *c)
{
	struct report *r = &c->run->report;
	char hex[DIGEST_HEX + 1];

	c->guessed = c->lack.lost > 0 || (c->unindexed && c->lack.lists > 0);
	if (c->guessed) {
		report_note(r, c->place, "contents lists in it could not be read, so that objects which nothing needs can't be told");
		return;
	}
	for (uint64_t i = 0; i < c->lack.surplus && i < 3; i++)
		report_note(r, c->place, "object %s: %s%s", digest_hex(&c->lack.examples[i], hex),
			    c->lack.lists > 0 ? "no contents list in this bundle needs it" : "no entry of the list needs it",
			    i == 2 && c->lack.surplus > 3 ? "; nor others" : "");
}

static int compare_list(struct course *c, struct err *e)
{
	struct report *r = &c->run->report;

	if (carried_settle(&c->carried, e) == -1)
		return -1;
	if (c->carried.too_many) {
		report_note(r, c->place, "more than %d objects: not compared with the list", CARRIED_MAX);
		return 0;
	}
	compare_counts(c);
	if (c->list == NULL)
		return 0;
	if (carried_compare(&c->carried, c->list, c->run->terms.jobs, r, c->place, &c->lack, e) == -1)
		return -1;
	c->compared = true;
	note_surplus(c);
	return 0;
}

/* ---- one line ---- */

static void say_json_line(const struct course *c, bool good)
{
	const struct manifest *m = c->bundle->manifest;
	json_t *o = json_object();

	json_put_text(o, "bundle", c->bundle->name);
	json_put_text(o, "medium", reader_medium(c->bundle->reader));
	json_put_text(o, "sandbox", reader_sandbox(c->bundle->reader));
	json_put(o, "good", json_boolean(good));
	json_put_text(o, "stream", m->stream);
	json_put_number(o, "sequence", m->sequence);
	json_put_number(o, "trust", m->trust.version);
	if (m->has_approvals) {
		json_put_number(o, "epoch", m->approvals.epoch);
		json_put_number(o, "revision", m->approvals.revision);
	}
	json_put_number(o, "volumes", m->volumes);
	json_put_number(o, "objects", m->objects.count);
	json_put_number(o, "bytes", m->objects.bytes);
	json_put_number(o, "unproven", c->unproven);
	if (c->compared) {
		json_put_number(o, "lacking_lists", c->lack.lists);
		json_put_number(o, "lacking_files", c->lack.files);
		json_put_number(o, "lacking_bytes", c->lack.bytes);
		if (!c->guessed)
			json_put_number(o, "surplus", c->lack.surplus);
	}
	say_object(o);
}

static void say_bundle(const struct course *c, bool good)
{
	const struct manifest *m = c->bundle->manifest;
	char list[64] = "no list", size[24], lack[160] = "", unproven[64] = "";

	if (say_json()) {
		say_json_line(c, good);
		return;
	}
	if (m->has_approvals)
		snprintf(list, sizeof list, "list %llu", (unsigned long long)m->approvals.revision);
	if (c->compared && (c->lack.files > 0 || c->lack.lists > 0))
		snprintf(lack, sizeof lack, "; of its list %s and %s are not in it",
			 num_of(c->lack.files, "file"), num_of(c->lack.lists, "contents list"));
	else if (c->compared)
		snprintf(lack, sizeof lack, "; it has all that its list needs");
	if (c->unproven > 0)
		snprintf(unproven, sizeof unproven, "; not proven: %s", num_of(c->unproven, "object"));
	say_line("%s: %s; %s, %s, %s in %s%s%s", c->place, good ? "good" : "NOT GOOD", list,
		 num_of(m->objects.count, "object"), num_format_size(m->objects.bytes, size), num_of(m->volumes, "volume"),
		 unproven, lack);
}

/* ---- bundles ---- */

static int look_inside(struct course *c, struct err *e)
{
	struct run *run = c->run;
	uint64_t since;
	int rc;

	if (!run->several && audit_pieces_of(run->pieces, c->bundle, c->seen, e) == -1)
		return -1;
	look_at_list(c, &run->chain);
	carried_open(&c->carried);
	rc = look_at_volumes(c, e);
	since = timings_now();
	if (rc == 0)
		rc = compare_list(c, e);
	timings_busy("comparing with the list", since);
	if (rc == 0)
		rc = audit_files_verify_txt(c->bundle, &run->report, c->place, e);
	if (rc == 0 && run->volume_digests)
		rc = audit_files_volumes(c->bundle, c->damaged, &run->report, c->place, e);
	if (rc == 0)
		rc = audit_files_extra(c->bundle, c->seen, &run->chain, &run->report, c->place, e);
	carried_close(&c->carried);
	approvals_free(c->list);
	return rc;
}

static int look_at_bundle(struct run *run, struct reader *reader, struct gathered *b, struct err *e)
{
	struct unseal u = {.chain = &run->chain, .now = run->terms.now, .trust_max = run->terms.trust_max};
	struct report *r = &run->report;
	struct err cause = {0};
	char place[PLACE];
	struct course c = {.run = run, .place = place, .findings = r->findings, .seen = &b->seen};
	int rc;

	run->bundles++;
	snprintf(place, sizeof place, "%s: %s", reader_medium(reader), b->name);
	if (gather_unseal(b, reader, &u, &c.bundle, &cause) == -1) {
		if (report_is_fatal(&cause) || cause.reason == R_READER || cause.reason == R_MEDIUM_TIMEOUT)
			return err_set(e, cause.reason, "%s", cause.text);
		note_root(run, place, &cause);
		report_err(r, reader_medium(reader), &cause);
		return 0;
	}
	rc = look_inside(&c, e);
	if (rc == 0) {
		run->good += r->findings == c.findings;
		say_bundle(&c, r->findings == c.findings);
	}
	bundle_free(c.bundle);
	return rc;
}

static int look_at_medium(struct run *run, size_t number, struct err *e)
{
	struct gather_medium *m = &run->gather.media[number];
	struct reader *reader = gather_reader(&run->gather, number, e);

	if (reader == NULL)
		return -1;
	if (run->sandbox[0] == '\0')
		snprintf(run->sandbox, sizeof run->sandbox, "%s", reader_sandbox(reader));
	if (!reader_caged(reader))
		report_note(&run->report, reader_medium(reader), "the process that reads it is not fully caged");
	if (m->n == 0)
		report_finding(&run->report, R_NO_BUNDLE, reader_medium(reader), "no bundle in %s/%s", NAMES_MEDIUM_DIR,
			       names_inside_medium(reader_medium(reader)) ? "; name the medium itself" : "");
	for (size_t i = 0; i < m->n; i++) {
		if (look_at_bundle(run, reader, &m->bundles[i], e) == -1)
			return -1;
		gather_end(&m->bundles[i]);
	}
	return audit_files_medium(reader, &run->report, e);
}

/* How many bundles there are, of which each is looked at. */
static size_t count_bundles(const struct gather *g)
{
	size_t n = 0;

	for (size_t i = 0; i < g->n; i++)
		n += g->media[i].n;
	return n;
}

/* The roots of all bundles on all media, first: by the newest of them everything is judged. Then what comes in pieces. */
static int gather(struct run *run, const struct args *a, struct err *e)
{
	struct gather *g = &run->gather;
	const struct unseal u = {.chain = &run->chain, .now = run->terms.now, .trust_max = run->terms.trust_max, .look_ahead = true};

	g->chain = &run->chain;
	g->trust_max = run->terms.trust_max;
	for (size_t i = 0; i < args_len(a); i++) {
		int rc = gather_medium(g, args_at(a, i), e);

		if (rc == 1 && reason_exit(g->media[i].why.reason) == 2) {	/* named by mistake */
			*e = g->media[i].why;
			return -1;
		}
		if (rc == -1)
			return -1;
	}
	run->several = count_bundles(g) > 1;
	if (run->several)
		gather_keep(g);
	if (gather_roots(g, e) == -1)
		return -1;
	return run->several ? audit_pieces_look_ahead(run->pieces, g, &u, e) : 0;
}

/* A medium that can't be opened, or can't go on, is a finding, so that the others are looked at too. */
static int look_at_all(struct run *run, struct err *e)
{
	for (size_t i = 0; i < run->gather.n; i++) {
		int rc = look_at_medium(run, i, e);

		gather_done(&run->gather, i);
		if (rc == -1 && report_is_fatal(e))
			return -1;
		if (rc == -1)
			report_err(&run->report, run->gather.media[i].path, e);
	}
	return 0;
}

/* What --trust-version names must have been met: bundles judged by an older root than that were not judged as asked. */
static void check_trust_version(struct run *run)
{
	uint64_t newest = trust_chain_newest(&run->chain)->version;

	if (run->terms.trust_max > newest)
		report_finding(&run->report, R_TRUST_CHAIN, "--trust-version", "trust root %llu is not here, the chain ends at %llu",
			       (unsigned long long)run->terms.trust_max, (unsigned long long)newest);
}

static void say_summary(const struct run *run)
{
	json_t *o;

	if (!say_json()) {
		say_line("%llu of %s good; %s, %s%s%s", (unsigned long long)run->good, num_of(run->bundles, "bundle"),
			 num_of(run->report.findings, "finding"), num_of(run->report.notes, "note"),
			 run->sandbox[0] == '\0' ? "" : "; read under ", run->sandbox);
		return;
	}
	o = json_object();
	json_put_number(o, "bundles", run->bundles);
	json_put_number(o, "good", run->good);
	json_put_number(o, "findings", run->report.findings);
	json_put_number(o, "notes", run->report.notes);
	say_object(o);
}

int audit_bundle_run(const struct args *a, struct err *e)
{
	struct run run = {.report = REPORT_EMPTY, .volume_digests = args_has(a, "volume-digests")};
	uint64_t seconds;
	int rc = -1;

	if (args_expect(a, 1, SIZE_MAX, e) == -1 || terms_parse(a, &run.terms, e) == -1 ||
	    args_number(a, "medium-timeout", 1, READER_MAX_SECONDS, READER_SECONDS, &seconds, e) == -1)
		return -1;
	run.gather.ask = (struct reader_ask){.jobs = run.terms.jobs, .seconds = (unsigned)seconds,
					     .require_sandbox = args_has(a, "require-sandbox")};
	if (args_get(a, "trust") == NULL)
		return err_set(e, ERR_USAGE, "--trust FILE is needed: the trust root to judge by, which must not come from the medium");
	if (terms_pin(&run.terms, args_get(a, "trust"), &run.chain, e) == -1)
		return -1;
	run.pieces = pieces_open(MAX_CONTENTS_SIZE, e);
	if (run.pieces != NULL && gather(&run, a, e) == 0)
		rc = look_at_all(&run, e);
	if (rc == 0)
		check_trust_version(&run);
	if (rc == 0)
		say_summary(&run);
	pieces_close(run.pieces);
	gather_free(&run.gather);
	trust_chain_free(&run.chain);
	return rc == -1 ? -1 : report_exit(&run.report);
}

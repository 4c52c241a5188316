/*
 * satchel-import apply: the order of an import. media > gather (find, trust roots) > intake (unseal, admit, stage) > update
 * (effect, publish) > journal. Refuses media that lie in the store or around it, and media without a bundle for this store. What is
 * wrong with one medium alone keeps no other out.
 */
#include <stdlib.h>
#include <string.h>

#include "import/commands.h"
#include "import/intake.h"
#include "import/media.h"
#include "import/objects.h"
#include "import/places.h"
#include "import/roots.h"
#include "import/run.h"
#include "import/tell.h"
#include "import/update.h"
#include "lib/file.h"
#include "lib/num.h"
#include "lib/pool.h"
#include "lib/progress.h"
#include "lib/say.h"
#include "manifests/names.h"
#include "manifests/reason.h"
#include "verify/gather.h"
#include "verify/reader.h"
#include "verify/report.h"

#include "lib/banned.h"

const struct option_def apply_options[] = {
	{.name = "dry-run", .help = "say what would be taken in, change nothing"},
	{.name = "wait", .value = "SECONDS", .help = "how long to wait for another run to end (0)"},
	{.name = "jobs", .value = "N",
	 .help = "threads on each side of the reader's pipe, and two that wait for the disk (the processors there are)"},
	READER_OPTIONS,
	{0},
};

struct damaged {		/* told when it is known where its objects belong */
	struct outcome outcome;
	const char *medium;	/* as on the command line */
	struct damaged *next;
};
struct apply {
	struct run run;
	struct gather gather;
	struct err *unreadable;	/* for each medium named, why it is given up before it is opened, or none */
	bool exits[5];		/* what occurred */
	bool *touched;		/* for each stream of the store */
	struct damaged *damaged, **damaged_end;
	struct places places;
};

/* ---- before anything is opened ---- */

/* One that can't be read keeps no other out; one that is not there, or holds the store, was named by mistake, and so may all be. */
static int check_media(struct apply *p, const struct args *a, unsigned seconds, const char *store_path, struct err *e)
{
	struct file store = FILE_CLOSED;
	int rc = store_open_dir(store_path, &store, e);

	p->unreadable = calloc(args_len(a), sizeof *p->unreadable);
	if (rc == 0 && p->unreadable == NULL)
		rc = err_mem(e);
	for (size_t i = 0; rc == 0 && i < args_len(a); i++) {
		struct err *why = &p->unreadable[i];

		if (media_check_within(seconds, &store, args_at(a, i), why) == -1 &&
		    (report_is_fatal(why) || reason_exit(why->reason) == 2)) {
			*e = *why;
			rc = -1;
		}
	}
	file_close(&store);
	return rc;
}

static json_t *intent(const struct args *a)
{
	json_t *o = json_object(), *media = json_array();

	for (size_t i = 0; i < args_len(a) && i < 16; i++)
		json_array_append_new(media, json_text(args_at(a, i)));
	json_put(o, "media", media);
	json_put_number(o, "count", args_len(a));
	return o;
}

/* ---- one bundle ---- */

static int remember_damage(struct apply *p, struct outcome *o, const char *medium, struct err *e)
{
	struct damaged *d = calloc(1, sizeof *d);

	if (d == NULL)
		return err_mem(e);
	d->outcome = *o;
	d->medium = medium;
	o->staged.damages = NULL;	/* handed over */
	*p->damaged_end = d;
	p->damaged_end = &d->next;
	for (uint64_t i = 0; i < d->outcome.staged.damages_n && i < STAGE_MAX_DAMAGES; i++) {
		const struct stage_damage *at = &d->outcome.staged.damages[i];

		for (uint64_t k = 0; k < at->lost_n && k < STAGE_MAX_LOST; k++)
			if (places_ask(&p->places, &at->lost[k], e) == -1)
				return -1;
	}
	return 0;
}

static int take_bundle(struct apply *p, const struct gather_medium *m, struct gathered *b, enum outcome_kind *kind, struct err *e)
{
	struct intake in = {.run = &p->run, .reader = m->reader, .jobs = p->gather.ask.jobs};
	struct outcome o;
	int rc = intake_bundle(&in, b, &o, e);

	gather_end(b);
	progress_end();
	*kind = o.kind;
	if (rc == 0) {
		tell_bundle(&o, m->path);
		p->exits[o.exit] = true;
		if (o.stream != NULL)
			p->touched[o.stream - p->run.store.config.streams] = true;
	}
	if (o.staged.damages_n > 0 && remember_damage(p, &o, m->path, e) == -1)
		rc = -1;
	intake_free(&o);
	return rc;
}

/* ---- one medium ---- */

struct tally {
	size_t judged, skipped, interrupted;
};

/* Where nothing on a medium was for this store. */
static void judge_medium(struct apply *p, const struct gather_medium *m, const struct tally *t)
{
	const char *medium = m->path;
	struct err why = {0};

	if (m->passed_over > 0)
		say_note("%s: %s of other streams passed over", medium, num_of(m->passed_over, "bundle"));
	if (t->judged > 0)
		return;
	if (t->interrupted > 0) {
		p->exits[3] = true;
		err_set(&why, R_BUNDLE_INTERRUPTED, "%s: packing was interrupted; nothing here can be imported", medium);
		err_hint(&why, "run pack again for this medium");
		say_error(&why);
		err_clear(&why);
	}
	if (t->skipped > 0)
		err_set(&why, R_WRONG_DESTINATION, "%s: no bundle here is for %s", medium, p->run.store.config.name);
	else if (t->interrupted == 0)
		err_set(&why, R_NO_BUNDLE, "%s: no bundle here of a stream that this store follows", medium);
	if (why.reason == R_NO_BUNDLE && names_inside_medium(medium))
		err_hint(&why, "name the medium itself, the directory above " NAMES_MEDIUM_DIR "/");
	if (why.reason != ERR_NONE) {
		p->exits[1] = true;
		say_error(&why);
	}
}

static int take_bundles(struct apply *p, const struct gather_medium *m, struct err *e)
{
	struct tally t = {0};

	for (size_t i = 0; i < m->n; i++) {
		enum outcome_kind kind;

		if (take_bundle(p, m, &m->bundles[i], &kind, e) == -1)
			return -1;
		t.skipped += kind == OUTCOME_SKIPPED;
		t.interrupted += kind == OUTCOME_INTERRUPTED;
		t.judged += kind != OUTCOME_SKIPPED && kind != OUTCOME_INTERRUPTED;
	}
	judge_medium(p, m, &t);
	return 0;
}

/* What is wrong with a medium is said and counted; the others follow. */
static int take_medium(struct apply *p, size_t number, struct err *e)
{
	struct err why = {0};
	struct reader *r = gather_reader(&p->gather, number, &why);
	int rc = 0;

	if (r != NULL) {
		if (!reader_caged(r))
			say_warn("%s: the process that reads it is not fully caged: %s", reader_medium(r), reader_sandbox(r));
		rc = take_bundles(p, &p->gather.media[number], e);
	} else {
		say_error(&why);
		p->exits[reason_exit(why.reason) == 1 ? 1 : 3] = true;
	}
	gather_done(&p->gather, number);
	return rc;
}

/* ---- all media ---- */

static bool is_followed(void *arg, const char *bundle)
{
	const struct apply *p = arg;
	char stream[MAX_NAME_LEN + 1];
	uint64_t sequence;

	return names_bundle_parse(bundle, stream, &sequence) == 0 && store_stream(&p->run.store, stream) != NULL;
}

/* The roots of all bundles, before any is judged, are the store's from then on, whatever becomes of the bundles. */
static int take_roots(struct apply *p, const struct args *a, struct err *e)
{
	struct gather *g = &p->gather;
	size_t before = p->run.store.chain.n;

	g->chain = &p->run.store.chain;
	g->wanted = is_followed;
	g->arg = p;
	for (size_t i = 0; i < args_len(a); i++) {
		const struct err *why = &p->unreadable[i];

		if ((why->reason == ERR_NONE ? gather_medium(g, args_at(a, i), e) : gather_unreadable(g, args_at(a, i), why, e)) == -1)
			return -1;
	}
	return gather_roots(g, e) == -1 ? -1 : roots_commit(&p->run, before, e);
}

/* ---- the end ---- */

static int note_stream(void *arg, const struct update *u, struct err *e)
{
	struct apply *p = arg;

	(void)e;
	tell_stream(u);
	if (u->outlook.lists_n > 0)
		tell_rings(u->outlook.lists[u->outlook.lists_n - 1], store_stream(&p->run.store, u->outlook.want.stream));
	p->exits[1] = p->exits[1] || u->outlook.malformed.reason != ERR_NONE;
	p->exits[1] = p->exits[1] || u->refused > 0;
	p->exits[4] = p->exits[4] || !u->outlook.whole || u->outlook.held;
	return 0;
}

static int update(struct apply *p, struct err *e)
{
	struct update_all how = {.touched = p->touched, .places = &p->places, .each = note_stream, .arg = p};

	return update_all(&p->run, &how, e);
}

/* Of 1, 3, 4, 0 the first that occurred. */
static int exit_code(const struct apply *p)
{
	static const int order[] = {1, 3, 4};

	for (size_t i = 0; i < sizeof order / sizeof *order; i++)
		if (p->exits[order[i]])
			return order[i];
	return 0;
}

/* The run ends with an error, which is said here where something was refused before: that goes first. */
static int fail(const struct apply *p, const struct err *e)
{
	if (!p->exits[1] || reason_exit(e->reason) != 3)
		return -1;
	say_error(e);
	return 1;
}

static int take_media(struct apply *p, const struct args *a, struct err *e)
{
	if (take_roots(p, a, e) == -1)
		return -1;
	for (size_t i = 0; i < p->gather.n; i++)
		if (take_medium(p, i, e) == -1)
			return -1;
	return p->run.dry ? 0 : update(p, e);
}

/* What came is made durable, also where no list needs it. Not after an error: the next run then looks at all of it again. */
static int import(struct apply *p, const struct args *a, struct err *e)
{
	p->touched = calloc(p->run.store.config.streams_n + 1, sizeof *p->touched);
	if (p->touched == NULL)
		return err_mem(e);
	p->run.intent = intent(a);
	if (take_media(p, a, e) == -1 || objects_settle(p->run.objects, e) == -1)
		return -1;
	tell_root_expiry(&p->run.store, p->run.now);
	return run_done(&p->run, exit_code(p), e);
}

static void free_damaged(struct damaged *d)
{
	while (d != NULL) {
		struct damaged *next = d->next;

		intake_free(&d->outcome);
		free(d);
		d = next;
	}
}

int apply_run(const struct args *a, struct err *e)
{
	struct run_ask ask = {.path = run_store_path(a, e), .dry = args_has(a, "dry-run")};
	struct apply p = {.run = {.lock = FILE_CLOSED, .store.dir = FILE_CLOSED}};
	uint64_t wait, jobs, seconds;
	int rc = -1;

	p.damaged_end = &p.damaged;
	if (ask.path == NULL || args_expect(a, 1, SIZE_MAX, e) == -1 ||
	    args_number(a, "wait", 0, 1000000, 0, &wait, e) == -1 ||
	    args_number(a, "jobs", 1, 64, pool_default_jobs(), &jobs, e) == -1 ||
	    args_number(a, "medium-timeout", 1, READER_MAX_SECONDS, 0, &seconds, e) == -1)
		return -1;
	ask.wait_seconds = (unsigned)wait;
	p.gather.ask.jobs = (unsigned)jobs;
	if (check_media(&p, a, seconds == 0 ? READER_SECONDS : (unsigned)seconds, ask.path, e) == 0 &&
	    run_open(&ask, &p.run, e) == 0) {
		const struct store_policy *policy = &p.run.store.config.policy;

		objects_set_jobs(p.run.objects, p.gather.ask.jobs);
		p.gather.ask.seconds = (unsigned)(seconds != 0 ? seconds : policy->medium_timeout);
		p.gather.ask.require_sandbox = args_has(a, "require-sandbox") || policy->require_sandbox;
		rc = import(&p, a, e) == 0 ? exit_code(&p) : fail(&p, e);
	}
	for (const struct damaged *d = p.damaged; d != NULL; d = d->next)
		tell_damage(&d->outcome, d->medium, &p.places);
	free_damaged(p.damaged);
	places_free(&p.places);
	gather_free(&p.gather);
	free(p.unreadable);
	free(p.touched);
	run_close(&p.run);
	return rc;
}

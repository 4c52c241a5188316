/*
 * recover: after a restore from a backup. What the station signed since lies on media and is spoken of in receipts; it is
 * taken over after its signatures were judged, and no number seen is used again. Refuses numbers that jump, and media
 * on which the station lies. The ledger tells of it. May be repeated.
 */
#include "export/recover.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "export/draft.h"
#include "export/keep.h"
#include "export/ledger.h"
#include "export/medium.h"
#include "export/receipts.h"
#include "export/receive.h"
#include "export/reservation.h"
#include "export/station.h"
#include "lib/err.h"
#include "lib/num.h"
#include "lib/pool.h"
#include "lib/say.h"
#include "manifests/contents.h"
#include "manifests/names.h"
#include "manifests/reason.h"

#include "lib/banned.h"

struct recover {
	struct station s;
	struct recover_seen seen;
	struct receive_count receipts;
	struct approvals *before, *list;	/* the effective list, before and after */
	struct draft *draft;
	struct approvals *frozen;	/* the draft was gone: the newest list, of which it is made again */
	size_t unkept, unknown;	/* approved items whose bytes, or contents lists, the station lacks */
};

/* ---- what is known ---- */

/* Of a floor that leaves no room nothing is left, so that the station can go on. */
static int load_floor(struct recover *r, struct err *e)
{
	struct floor *f = &r->seen.floor;

	if (floor_load(&r->s, f, e) == -1)
		return -1;
	if (f->sequence <= FLOOR_MAX && f->revision <= FLOOR_MAX)
		return 0;
	say_warn("%s/floor.yaml leaves no number above it: it is written anew", r->s.dir.name);
	if (f->sequence > FLOOR_MAX)
		f->sequence = 0;
	if (f->revision > FLOOR_MAX)
		f->epoch = f->revision = 0;
	return 0;
}

static int look_at_own(struct recover *r, struct err *e)
{
	struct floor *known = &r->seen.known;
	struct station_list_id *ids;
	size_t n;
	int rc;

	if (load_floor(r, e) == -1 || reservation_highest(&r->s, &known->sequence, e) == -1)
		return -1;
	rc = station_list_ids(&r->s, &ids, &n, e);
	known->epoch = trust_chain_newest(&r->s.chain)->epoch;
	if (rc == 0 && n > 0)
		floor_lift(known, &(struct floor){.epoch = ids[0].epoch, .revision = ids[0].revision});
	free(ids);
	return rc;
}

/* ---- what was seen ---- */

static int look_at(struct recover *r, const char *path, struct err *e)
{
	struct file dir = FILE_CLOSED, satchel = FILE_CLOSED;
	struct err why = {0};
	struct stat st;
	int rc = 0;

	if (stat(path, &st) == -1)
		return err_sys(e, "%s", path);
	if (S_ISDIR(st.st_mode)) {
		rc = file_open_dir(path, &dir, e);
		if (rc == 0)
			rc = medium_check_place(&dir, &r->s.dir, e);
		if (rc == 0 && file_open_dir_at(&dir, NAMES_MEDIUM_DIR, &satchel, &why) == 0) {
			rc = recover_medium(&r->s, &satchel, &r->seen, e);
		} else if (rc == 0 && why.reason != ERR_MISSING) {
			*e = why;
			rc = -1;
		}
	}
	file_close(&satchel);
	file_close(&dir);
	return rc == 0 ? receive_path(&r->s, path, &r->receipts, e) : -1;
}

/* A place that says nothing is not the one that was meant. */
static int look_at_each(struct recover *r, const struct args *a, struct err *e)
{
	for (size_t i = 0; i < args_len(a); i++) {
		size_t before = r->seen.found + r->seen.roots + r->receipts.good + r->receipts.refused;

		if (look_at(r, args_at(a, i), e) == -1)
			return -1;
		if (r->seen.found + r->seen.roots + r->receipts.good + r->receipts.refused > before)
			continue;
		err_set(e, R_NO_BUNDLE, "%s: no bundle of stream %s, and no receipt there", args_at(a, i), r->s.config.stream);
		return err_hint(e, "name the medium itself, or a receipt; what was named before it was taken in");
	}
	return 0;
}

/* One that tells of what can't be is refused for that alone. */
static void refuse_jump(struct recover *r, const char *store, struct err *why)
{
	r->seen.wrong++;
	err_prefix(why, "receipt of %s", store);
	say_error(why);
	err_clear(why);
}

/* What the destinations have seen of us, by their newest receipts. */
static int look_at_receipts(struct recover *r, struct err *e)
{
	const struct station_config *c = &r->s.config;

	for (size_t i = 0; i < c->destinations_n; i++) {
		const char *name = c->destinations[i].name;
		struct receipt *receipt;
		const struct receipt_stream *stream;
		struct err why = {0};
		int rc = receipts_newest(&r->s, name, &receipt, e);

		if (rc == -1)
			return -1;
		stream = rc == 0 ? receipt_stream(receipt, c->stream) : NULL;
		if (stream != NULL && floor_see_sequence(&r->seen.floor, &r->seen.known, stream->sequence, &why) == -1)
			refuse_jump(r, name, &why);
		if (stream != NULL && stream->has_newest &&
		    floor_see_list(&r->seen.floor, &r->seen.known, stream->newest.epoch, stream->newest.revision, &why) == -1)
			refuse_jump(r, name, &why);
		receipt_free(receipt);
	}
	return 0;
}

static int raise_floor(struct recover *r, struct err *e)
{
	json_t *o = json_object();

	json_put_number(o, "sequence", r->seen.floor.sequence);
	json_put_number(o, "epoch", r->seen.floor.epoch);
	json_put_number(o, "revision", r->seen.floor.revision);
	json_put_number(o, "roots", r->seen.roots);
	json_put_number(o, "lists", r->seen.lists);
	json_put_number(o, "bundles", r->seen.bundles);
	return ledger_append(&r->s, "recover", o, e) == -1 ? -1 : floor_save(&r->s, &r->seen.floor, e);
}

/* ---- decisions and bytes ---- */

/* A draft that is gone is made of the newest list that was frozen from it, signed or not; else what is newly in effect counts. */
static int take_decisions(struct recover *r, struct err *e)
{
	int lost = draft_lost(&r->s, e);
	const struct approvals *from;

	if (lost == -1 || station_list_effective(&r->s, &r->list, NULL, e) == -1 ||
	    (lost == 1 && station_list_newest(&r->s, &r->frozen, NULL, e) == -1))
		return -1;
	r->draft = lost == 1 ? draft_new(e) : draft_load(&r->s, e);
	if (r->draft == NULL)
		return -1;
	from = lost == 1 ? r->frozen : r->list;
	if (from == NULL || (lost == 0 && r->before != NULL && approvals_compare(from, r->before) <= 0))
		return 0;
	if (recover_decisions(r->draft, from, r->s.now, e) == -1)
		return -1;
	return draft_save(&r->s, r->draft, e);
}

/* Whether an approved item's contents list is here, with all its parts: 1, 0, -1. */
static int is_known(const struct recover *r, const struct approval *p, struct err *e)
{
	struct contents_reader *reader = NULL;
	const struct record *record;
	int rc = contents_reader_open(&p->contents, p->item, station_fetch, (void *)(uintptr_t)&r->s, &reader, e), got = 1;

	while (rc == 0 && (got = contents_reader_next(reader, &record, e)) == 1)
		;
	contents_reader_close(reader);
	return rc == -1 || got == -1 ? -1 : rc == 0 && got == 0;
}

static void say_changed(void *arg, const char *path, const char *why)
{
	(void)arg;
	say_line("changed  %s: %s", path, why);
}

/* Its bytes into the station again, as far as the content root still has them. */
static int keep_again(struct recover *r, const struct approval *p, struct err *e)
{
	struct err why = {0};
	struct keep *k;
	int rc = is_known(r, p, e);

	if (rc == -1)
		return -1;
	if (rc == 0) {
		r->unknown++;
		return 0;
	}
	k = keep_start(&r->s, say_changed, NULL, e);
	if (k == NULL)
		return -1;
	if (keep_item(k, p->item, &p->contents, e) == -1) {
		keep_abort(k);
		return -1;
	}
	if (keep_finish(k, pool_default_jobs(), &why) == 0)
		return 0;
	if (why.reason != R_CONTENT_CHANGED) {
		*e = why;
		return -1;
	}
	r->unkept++;
	return 0;
}

static int keep_all(struct recover *r, struct err *e)
{
	for (size_t i = 0; i < r->draft->decisions_n; i++)
		if (keep_again(r, &r->draft->decisions[i], e) == -1)
			return -1;
	return 0;
}

/* ---- saying it ---- */

static void tell(const struct recover *r)
{
	const struct floor *f = &r->seen.floor;
	uint64_t sequence = f->sequence > r->seen.known.sequence ? f->sequence : r->seen.known.sequence;
	json_t *o = json_object();

	json_put_number(o, "sequence", sequence);
	json_put_number(o, "epoch", f->epoch);
	json_put_number(o, "revision", f->revision);
	json_put_number(o, "roots", r->seen.roots);
	json_put_number(o, "lists", r->seen.lists);
	json_put_number(o, "bundles", r->seen.bundles);
	json_put_number(o, "unknown", r->unknown);
	json_put_number(o, "unkept", r->unkept);
	say_object(o);
	say_line("taken over: %s, %s, %s; the next list is above %llu, the next bundle above %llu",
		 num_of(r->seen.roots, "trust root"), num_of(r->seen.lists, "list"), num_of(r->seen.bundles, "bundle"), (unsigned long long)f->revision, (unsigned long long)sequence);
	if (r->frozen != NULL)
		say_warn("the draft was gone: it says again what list %llu says; what was declined, or decided since, waits anew: scan",
			 (unsigned long long)r->frozen->revision);
	if (r->list != NULL && f->epoch == r->list->epoch && f->revision > r->list->revision)
		say_warn("list %llu was seen by a store and is not here: what it decided is not known; find a medium that carries it",
			 (unsigned long long)f->revision);
	if (r->unknown > 0)
		say_note("known by name alone: %s; 'scan', then 'recover' again with the same medium",
			 num_of(r->unknown, "approved item"));
	if (r->unkept > 0)
		say_warn("no longer under the content root as approved: %s; these bytes can't be packed: approve what is there "
			 "now", num_of(r->unkept, "item"));
}

static bool has_learnt(const struct recover *r, const struct floor *before)
{
	const struct recover_seen *seen = &r->seen;

	return seen->roots + seen->lists + seen->bundles + r->receipts.good > 0 || seen->floor.sequence > before->sequence ||
	       seen->floor.epoch > before->epoch || seen->floor.revision > before->revision;
}

static int settle(struct recover *r, struct err *e)
{
	return raise_floor(r, e) == -1 ? -1 : take_decisions(r, e);
}

/* What good documents witness counts, also where something else could not be looked at. */
static int look(struct recover *r, const struct args *a, struct err *e)
{
	const struct floor before = r->seen.floor;
	struct err later = {0};
	int rc = look_at_each(r, a, e);

	if (rc == -1 && !has_learnt(r, &before))
		return -1;
	if (look_at_receipts(r, rc == 0 ? e : &later) == -1)
		rc = -1;
	if (rc == 0)
		return settle(r, e);
	err_clear(&later);
	if (settle(r, &later) == -1)
		err_hint(e, "and what was seen before could not be kept: %s", later.text);
	return -1;
}

static int recover(struct recover *r, const struct args *a, struct err *e)
{
	if (station_list_effective(&r->s, &r->before, NULL, e) == -1)
		return -1;
	if (look_at_own(r, e) == -1 || look(r, a, e) == -1 || keep_all(r, e) == -1)
		return -1;
	tell(r);
	return r->seen.wrong + r->receipts.refused - r->receipts.older > 0 ? 1 : 0;
}

int recover_run(const struct args *a, struct err *e)
{
	struct recover r = {.before = NULL};
	int rc;

	if (args_expect(a, 1, SIZE_MAX, e) == -1 || station_open(a, STATION_WRITE, &r.s, e) == -1)
		return -1;
	rc = recover(&r, a, e);
	draft_free(r.draft);
	approvals_free(r.list);
	approvals_free(r.before);
	approvals_free(r.frozen);
	station_close(&r.s);
	return rc;
}

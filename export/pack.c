/*
 * PACK: the command. select | plan | PACK (shipment: frame, seal) | medium.
 * Refuses to start without a list at threshold that has not expired, without room, and with a medium that is none.
 */
#include "export/pack.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/addressees.h"
#include "export/draft.h"
#include "export/frame.h"
#include "export/packed.h"
#include "export/receipts.h"
#include "export/shipment.h"
#include "export/source.h"
#include "export/station.h"
#include "lib/arena.h"
#include "lib/err.h"
#include "lib/num.h"
#include "lib/pool.h"
#include "lib/say.h"
#include "manifests/names.h"
#include "manifests/reason.h"

#include "lib/banned.h"

const struct option_def pack_options[] = {
	{"for", 0, "DESTINATION", "carry what this destination's rings need", true},
	{"only", 0, "ITEM", "carry objects of these items, and of what they require, alone", true},
	{"ahead", 0, "ITEM", "carry the newest revision of an item that is not approved yet", true},
	{"assume-sent", 0, NULL, "with --for: what was sent since the last receipt has arrived", false},
	{"approvals-only", 0, NULL, "the list alone, no objects", false},
	{"content-only", 0, NULL, "objects alone, no list", false},
	{"medium-size", 0, "SIZE", "use at most so much of the medium, or make no bundle", false},
	{"volume-size", 0, "SIZE", "size of a volume at most: 8 MiB to 8191 MiB, else 4095 MiB", false},
	{"jobs", 0, "N", "threads that compress (else one for each processor)", false},
	{"level", 0, "N", "zstd level, 0 to 19; 0 stores everything (else 3)", false},
	{"key", 0, "FILE", "sign with this exporter key (else the one in the station)", true},
	{"passphrase-file", 0, "FILE", "first line: the passphrase of the keys", false},
	{"no-read-back", 0, NULL, "don't read the medium back and compare", false},
	{"no-volume-digests", 0, NULL, "no digests of whole volumes: frames have theirs", false},
	{"dry-run", 'n', NULL, "say what would be carried, write nothing", false},
	{0}
};

/* All of it stays below 256 MiB, whatever is carried (measured; RESULTS.md in tests/bench): */
#define MEMORY (232u << 20)
#define BASE_MEMORY (68u << 20)		/* the program, ten frames, a block for the medium, the index of a volume */
#define OBJECT_MEMORY 88u		/* an object's place in the cargo */
#define LIST_MEMORY 2u			/* a list and its bytes, for each of these */
#define JOB_MEMORY (8u << 20)		/* a thread's frames */
#define MAX_JOBS 64

struct pack {
	const struct args *args;
	struct station station;
	struct medium medium;
	struct approvals *list;		/* the effective one; NULL: none */
	struct signatures signatures;	/* its */
	struct draft *draft;
	struct addressees addressees;
	struct selection selection;
	struct plan_total total;
	struct forecast forecast;
	struct shipment shipment;
	struct arena arena;
	uint64_t medium_size;
	bool with_list, with_objects, dry_run;
};

static int take_options(struct pack *p, struct err *e)
{
	struct shipment *s = &p->shipment;
	uint64_t jobs, level;

	p->dry_run = args_has(p->args, "dry-run");
	p->with_list = !args_has(p->args, "content-only");
	p->with_objects = !args_has(p->args, "approvals-only");
	s->digests = !args_has(p->args, "no-volume-digests");
	s->read_back = !args_has(p->args, "no-read-back");
	if (args_number(p->args, "jobs", 1, MAX_JOBS, pool_default_jobs(), &jobs, e) == -1 ||
	    args_number(p->args, "level", 0, FRAME_MAX_LEVEL, FRAME_DEFAULT_LEVEL, &level, e) == -1 ||
	    args_size(p->args, "volume-size", MIN_VOLUME_SIZE, MAX_VOLUME_SIZE, DEFAULT_VOLUME_SIZE, &s->volume_size, e) == -1 ||
	    args_size(p->args, "medium-size", 1, MAX_SUM, 0, &p->medium_size, e) == -1)
		return -1;
	s->level = (int)level;
	s->jobs = (unsigned)jobs;
	if (args_has(p->args, "assume-sent") && args_count(p->args, "for") == 0)
		return err_set(e, ERR_USAGE, "--assume-sent goes with --for: what was sent to whom?");
	if (!p->with_list && !p->with_objects)
		return err_set(e, ERR_USAGE, "--approvals-only and --content-only leave nothing to carry; use one of them");
	if (!p->with_objects && (args_count(p->args, "only") > 0 || args_count(p->args, "ahead") > 0))
		return err_set(e, ERR_USAGE, "--approvals-only carries no objects; leave out --only and --ahead");
	return 0;
}

/* ---- the list ---- */

/* There is no list at threshold: says what is missing. */
static int explain_list(struct pack *p, struct err *e)
{
	const struct trust *root = trust_chain_newest(&p->station.chain);
	struct approvals *a = NULL;
	struct signatures sigs = {0};
	char name[STATION_LIST_NAME];
	int rc = station_list_newest(&p->station, &a, &sigs, e);

	if (rc == 1) {
		err_set(e, R_NOT_APPROVED, "nothing is approved: there is no approval list");
		err_hint(e, "`satchel-export approve` items, then `satchel-export sign`");
	} else if (rc == 0) {
		station_list_name(a->epoch, a->revision, name);
		if (trust_require(root, ROLE_APPROVER, a->bytes.data, a->bytes.len, &sigs, e) == 0)
			err_set(e, R_NOT_APPROVED, "the list is not one of this epoch");
		err_prefix(e, "lists/%s", name);
		err_hint(e, "the list is packed when it has its signatures: `satchel-export sign --key FILE`");
	}
	signatures_free(&sigs);
	approvals_free(a);
	return -1;
}

static int judge_list(struct pack *p, struct err *e)
{
	const struct trust *root = trust_chain_newest(&p->station.chain);

	if (p->list->epoch != root->epoch) {
		err_set(e, R_NOT_APPROVED, "list %" PRIu64 " is of epoch %" PRIu64 ", and the trust root's is %" PRIu64,
			p->list->revision, p->list->epoch, root->epoch);
		return err_hint(e, "freeze and sign the decisions anew with `satchel-export sign`");
	}
	if (approvals_check_time(p->list, p->station.now, e) == 0)
		return 0;
	return err_hint(e, e->reason == R_CLOCK ? "no store takes it before: where the clock is right, `satchel-export renew` and sign"
						: "`satchel-export renew` and sign");
}

/* A newer list that waits for signatures is not forgotten silently. */
static int mention_newer(const struct pack *p, struct err *e)
{
	struct station_list_id id;
	int rc = station_list_newest_id(&p->station, &id, e);

	if (rc == 0 && (id.epoch != p->list->epoch ? id.epoch > p->list->epoch : id.revision > p->list->revision))
		say_note("list %" PRIu64 " waits for signatures; packing list %" PRIu64, id.revision, p->list->revision);
	return rc == -1 ? -1 : 0;
}

static int take_list(struct pack *p, struct err *e)
{
	int rc = station_list_effective(&p->station, &p->list, &p->signatures, e);

	if (rc == -1)
		return -1;
	if (rc == 1)	/* content may travel ahead of the very first list */
		return !p->with_list && args_count(p->args, "ahead") > 0 ? 0 : explain_list(p, e);
	if (mention_newer(p, e) == -1)
		return -1;
	return p->with_list ? judge_list(p, e) : 0;
}

/* ---- what is carried ---- */

static const char **values(struct pack *p, const char *option, size_t *n)
{
	const char **list = arena_alloc(&p->arena, (args_count(p->args, option) + 1) * sizeof(char *));

	*n = args_count(p->args, option);
	for (size_t i = 0; list && i < *n; i++)
		list[i] = args_nth(p->args, option, i);
	return list;
}

/* As many threads as were asked for, and as memory allows. */
static void limit_jobs(struct pack *p)
{
	struct shipment *s = &p->shipment;
	uint64_t used = BASE_MEMORY + (uint64_t)p->selection.cargo.n * OBJECT_MEMORY + p->selection.entries_n * sizeof(struct select_entry),
		 most;

	if (p->list != NULL)
		used += p->list->bytes.len * LIST_MEMORY;
	most = used < MEMORY ? (MEMORY - used) / (JOB_MEMORY + frame_memory(s->level)) : 0;
	if (s->jobs > most)
		s->jobs = most > 0 ? (unsigned)most : 1;
}

static int take_selection(struct pack *p, struct err *e)
{
	struct select_wish w = {.destinations = p->addressees.list, .destinations_n = p->addressees.n};

	w.only = values(p, "only", &w.only_n);
	w.ahead = values(p, "ahead", &w.ahead_n);
	if (!w.only || !w.ahead)
		return err_mem(e);
	if (w.only_n + w.ahead_n > 0 && (p->draft = draft_load(&p->station, e)) == NULL)
		return -1;
	if (select_entries(&p->station, p->list, p->draft, &w, &p->selection, e) == -1)
		return -1;
	if (w.ahead_n == 0) {	/* no entry is of the draft: it may be as large as the list */
		draft_free(p->draft);
		p->draft = NULL;
	}
	if (!p->with_objects)
		p->selection.entries_n = 0;
	else if (!p->with_list && p->selection.entries_n == 0)
		return err_set(e, R_NOT_APPROVED, "there is no content to carry: nothing is approved for these destinations");
	if (p->with_objects &&
	    addressees_ask(&p->addressees, &p->station,
			   args_has(p->args, "assume-sent") ? CONFIRMED_SENT : CONFIRMED_ARRIVED, e) == -1)
		return -1;
	if (addressees_tell(&p->addressees, &p->station, e) == -1 ||
	    select_cargo(&p->station, p->addressees.confirmed, &p->selection, e) == -1)
		return -1;
	limit_jobs(p);
	return plan_total(&p->selection.cargo, p->shipment.volume_size, &p->total, e);
}

/* What the bundle takes beside the bytes of its volumes: small files, in which these are named, indexes, ends of files. */
static int measure(struct pack *p, struct err *e)
{
	const struct volumes_one largest = {
		.size = p->shipment.volume_size, .index_size = MAX_VOLUME_INDEX_SIZE, .has_sha256 = p->shipment.digests
	};
	struct volumes v = {.list = calloc(p->total.volumes + 1, sizeof *v.list), .n = (size_t)p->total.volumes};
	struct seal_size small;
	int rc = -1;

	if (v.list == NULL)
		return err_mem(e);
	for (size_t i = 0; i < v.n; i++)
		v.list[i] = largest;
	rc = seal_size(&p->shipment.seal, &p->station, &v, &small, e);
	if (rc == 0)
		p->forecast.beside = medium_takes(&p->medium, 2 * v.n + small.files, p->total.indexes + small.bytes);
	free(v.list);
	return rc;
}

static int check_room(struct pack *p, struct err *e)
{
	struct forecast *f = &p->forecast;
	char name[NAMES_BUNDLE_LEN];
	uint64_t ours = 0;

	if (measure(p, e) == -1 || medium_room(&p->medium, &f->room, &f->room_known, e) == -1)
		return -1;
	if (p->shipment.reservation.found == RESERVATION_INTERRUPTED &&
	    medium_bytes(&p->medium, names_bundle(p->station.config.stream, p->shipment.reservation.sequence, name), &ours, e) == -1)
		return -1;
	f->room += ours;
	if (p->medium.limit > 0 && (!f->room_known || p->medium.limit < f->room)) {
		f->room = p->medium.limit;
		f->room_known = true;
	}
	if (!f->room_known)
		say_warn("%s: its file system does not say how much room there is; going on", p->medium.dir.name);
	return forecast_check(&p->station, &p->selection, &p->total, p->shipment.level, f, e);
}

/* Those options that change bytes, for the reservation. */
static int spell_options(struct pack *p, struct reservation *r, struct err *e)
{
	char text[3][64];

	snprintf(text[0], sizeof text[0], "level %d", p->shipment.level);
	snprintf(text[1], sizeof text[1], "volume size %" PRIu64, p->shipment.volume_size);
	snprintf(text[2], sizeof text[2], "volume digests %s", p->shipment.digests ? "yes" : "no");
	r->options_n = 3;
	r->options = arena_alloc(&p->arena, r->options_n * sizeof(char *));
	for (size_t i = 0; r->options && i < r->options_n; i++) {
		r->options[i] = arena_strndup(&p->arena, text[i], strlen(text[i]));
		if (!r->options[i])
			return err_mem(e);
	}
	return r->options ? 0 : err_mem(e);
}

static int find_sequence(struct pack *p, struct err *e)
{
	struct reservation *r = &p->shipment.reservation;

	if (reservation_find(&p->station, &p->medium, r, e) == -1)
		return -1;
	shipment_number(&p->shipment);
	if (r->passed > 0)
		say_warn("%s: has %" PRIu64 " bundles of this stream that the station does not know, from sequence %" PRIu64
			 " on; was the station restored from a backup?", p->medium.satchel.name, r->passed,
			 r->sequence - r->passed);
	return 0;
}

static int take_sequence(struct pack *p, struct err *e)
{
	struct reservation *r = &p->shipment.reservation;
	const struct manifest *m = &p->shipment.seal.manifest;

	r->stream = p->station.config.stream;
	r->destinations = m->destinations;
	r->destinations_n = m->destinations_n;
	r->has_approvals = m->has_approvals;
	r->approvals = m->approvals;
	r->trust = m->trust;
	r->plan = p->total.digest;
	return spell_options(p, r, e) == -1 ? -1 : find_sequence(p, e);
}

/* A bundle below the content root would be the next scan's new item. */
static int check_content(const struct pack *p, struct err *e)
{
	struct file content = FILE_CLOSED;
	struct err missing = {0};
	bool below = false;
	int rc = 0;

	if (file_open_dir(p->station.config.content, &content, &missing) == 0)
		rc = file_is_below(&p->medium.dir, &content, &below, e);
	file_close(&content);
	if (rc == -1 || !below)
		return rc;
	err_set(e, R_STORE_ON_MEDIUM, "%s: it lies in the content root %s", p->medium.dir.name, p->station.config.content);
	return err_hint(e, "name a medium elsewhere");
}

/* All that is known before the first write. */
static int prepare(struct pack *p, struct err *e)
{
	struct manifest *m = &p->shipment.seal.manifest;

	if (take_options(p, e) == -1 ||
	    station_open(p->args, p->dry_run ? STATION_READ : STATION_WRITE, &p->station, e) == -1)
		return -1;
	p->shipment.station = &p->station;
	if (medium_open(args_at(p->args, 0), &p->station.dir, p->dry_run ? MEDIUM_LOOK : MEDIUM_FILL, &p->medium, e) == -1 ||
	    check_content(p, e) == -1 || addressees_take(&p->addressees, &p->station, p->args, m, &p->arena, e) == -1 ||
	    station_check_root(&p->station, e) == -1 ||
	    take_list(p, e) == -1 || take_selection(p, e) == -1)
		return -1;
	p->medium.limit = p->medium_size;
	m->stream = p->station.config.stream;
	if (receipts_witness(&p->station, m, &p->arena, e) == -1)
		return -1;
	m->part.number = 1;
	m->part.last = true;
	m->objects.count = p->selection.cargo.n;
	m->objects.bytes = p->selection.cargo.bytes;
	if (seal_collect(&p->shipment.seal, &p->station, p->with_list ? p->list : NULL, &p->signatures, e) == -1)
		return -1;
	if (!p->dry_run && station_keys(&p->station, p->args, ROLE_EXPORTER, &p->shipment.keys, &p->shipment.keys_n, e) == -1)
		return -1;
	if (take_sequence(p, e) == -1)
		return -1;
	return source_check(&p->station, &p->selection, e);
}

/* ---- saying it ---- */

static void say_entry(const struct select_entry *x)
{
	char size[24], hex[DIGEST_HEX + 1];
	json_t *o = json_object();

	json_put_text(o, "item", x->item);
	json_put_number(o, "revision", x->revision);
	json_put_number(o, "files", x->contents->files);
	json_put_number(o, "bytes", x->contents->bytes);
	json_put_text(o, "contents", digest_hex(&x->contents->sha256, hex));
	say_object(o);
	say_line("%s  revision %" PRIu64 ", %s, %s", x->item, x->revision, num_of(x->contents->files, "file"),
		 num_format_size(x->contents->bytes, size));
}

static void say_plan(const struct pack *p)
{
	const struct manifest *m = &p->shipment.seal.manifest;
	const struct forecast *f = &p->forecast;
	char bytes[24], need[24], room[24], list[PACKED_LIST];
	json_t *o = json_object();

	say_line("%s, %s, %s in %s, %s; needs at most %s%s%s", num_of(p->selection.entries_n, "item"),
		 num_of(m->objects.count, "object"), num_format_size(m->objects.bytes, bytes), num_of(p->total.volumes, "volume"),
		 packed_list(m, list),
		 num_format_size(f->need, need), f->room_known ? " of " : "",
		 f->room_known ? num_format_size(f->room, room) : "");
	json_put_number(o, "items", p->selection.entries_n);
	json_put_number(o, "objects", m->objects.count);
	json_put_number(o, "bytes", m->objects.bytes);
	json_put_number(o, "volumes", p->total.volumes);
	json_put_number(o, "need", f->need);
	if (f->room_known)
		json_put_number(o, "room", f->room);
	if (m->has_approvals)
		json_put_number(o, "list", m->approvals.revision);
	say_object(o);
}

/*
 * The bundle that is asked for may be there already, sealed, and missing in the station's books alone: takes it into them, 1. 0 where
 * one has to be made. -1.
 */
static int take_sealed(struct pack *p, struct err *e)
{
	struct shipment *s = &p->shipment;
	struct reservation *r = &s->reservation;
	char name[NAMES_BUNDLE_LEN];

	while (r->found == RESERVATION_SEALED) {
		struct err why = {0};
		int rc;

		names_bundle(r->stream, r->sequence, name);
		if (p->dry_run) {
			say_note("%s: is whole by its signature, and only missing in the station's books", name);
			return 1;
		}
		rc = shipment_take(s, &why, e);
		if (rc == 0)
			say_note("%s: is whole; it was missing in the station's books alone", name);
		if (rc != 1)
			return rc == 0 ? 1 : -1;
		say_warn("%s: is signed, but %s; it is left as it is, and another bundle is made", name, why.text);
		r->below = r->sequence;
		if (find_sequence(p, e) == -1)
			return -1;
	}
	return 0;
}

/* A new bundle, or the rest of an interrupted one. */
static int make(struct pack *p, struct err *e)
{
	struct shipment *s = &p->shipment;

	if (check_room(p, e) == -1)
		return -1;
	if (p->dry_run) {
		say_plan(p);
		return 0;
	}
	if (s->reservation.found == RESERVATION_INTERRUPTED)
		say_note("continuing the bundle of sequence %" PRIu64 " that was interrupted", s->reservation.sequence);
	return shipment_make(s, e);
}

static int run(struct pack *p, struct err *e)
{
	int rc;

	if (prepare(p, e) == -1)
		return -1;
	if (!p->with_list && p->selection.cargo.n == 0) {
		say_note("nothing to carry: they hold it all already; no bundle was made");
		return 0;
	}
	for (size_t i = 0; p->dry_run && i < p->selection.entries_n; i++)
		say_entry(&p->selection.entries[i]);
	p->shipment.selection = &p->selection;
	p->shipment.total = &p->total;
	p->shipment.medium = &p->medium;
	rc = take_sealed(p, e);
	if (rc == -1 || (rc == 0 && make(p, e) == -1))
		return -1;
	return p->dry_run ? 0 : packed_tell(&p->shipment, e);
}

int pack_run(const struct args *a, struct err *e)
{
	struct pack p = {
		.args = a, .station = {.dir = FILE_CLOSED, .lock = FILE_CLOSED}, .medium = MEDIUM_CLOSED
	};
	int rc;

	if (args_expect(a, 1, 1, e) == -1)
		return -1;
	rc = run(&p, e);
	station_keys_free(p.shipment.keys, p.shipment.keys_n);
	volumes_free(&p.shipment.volumes);
	seal_free(&p.shipment.seal);
	select_free(&p.selection);
	draft_free(p.draft);
	signatures_free(&p.signatures);
	approvals_free(p.list);
	medium_close(&p.medium);
	station_close(&p.station);
	addressees_free(&p.addressees);
	arena_free(&p.arena);
	return rc;
}

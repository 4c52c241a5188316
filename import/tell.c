/*
 * Results of an import in words: place, reason word, cause, next step. At the very end of the path; refuses nothing.
 */
#include "import/tell.h"

#include <stdio.h>
#include <string.h>

#include "import/intake.h"
#include "import/outlook.h"
#include "import/places.h"
#include "import/update.h"
#include "lib/num.h"
#include "lib/say.h"
#include "manifests/reason.h"
#include "verify/inflow.h"
#include "verify/reader.h"

#include "lib/banned.h"

#define DAY 86400
#define SOON (30 * DAY)		/* an expiry so near is warned of */
#define MAX_NAMED 10	/* items and objects that wait, in text; --json has all that state.yaml holds */

static unsigned long long ull(uint64_t n)
{
	return (unsigned long long)n;
}

/* ---- one bundle ---- */

static const char *const kinds[] = {
	[OUTCOME_IMPORTED] = "imported",
	[OUTCOME_KNOWN] = "already imported",
	[OUTCOME_SKIPPED] = "skipped",
	[OUTCOME_REFUSED] = "refused",
	[OUTCOME_FAILED] = "failed",
	[OUTCOME_INTERRUPTED] = "interrupted",
};
static const char *const verdicts[] = {
	[ADMIT_NONE] = "none",
	[ADMIT_NEW] = "new",
	[ADMIT_KNOWN] = "known",
	[ADMIT_IGNORED] = "ignored",
	[ADMIT_REFUSED] = "refused",
};

static void put_why(json_t *o, const struct err *why)
{
	if (why->reason == ERR_NONE)
		return;
	json_put_text(o, "reason", reason_word(why->reason));
	json_put_text(o, "message", why->text);
}

static void put_bundle(const struct outcome *o, const char *medium)
{
	json_t *j = json_object(), *list;

	json_put_text(j, "bundle", o->name);
	json_put_text(j, "medium", medium);
	json_put_text(j, "outcome", o->kind == OUTCOME_IMPORTED && o->staged.damages_n > 0 ? "damaged" : kinds[o->kind]);
	if (o->dry)
		json_put(j, "dry_run", json_true());
	put_why(j, &o->why);
	json_put_number(j, "objects", o->staged.objects);
	json_put_number(j, "bytes", o->staged.bytes);
	json_put_number(j, "lost", o->staged.lost);
	if (o->list != ADMIT_NONE) {
		list = json_object();
		json_put_number(list, "epoch", o->epoch);
		json_put_number(list, "revision", o->revision);
		json_put_text(list, "verdict", verdicts[o->list]);
		if (o->list == ADMIT_NEW && o->list_older)
			json_put(list, "older", json_true());
		if (o->list_heals)
			json_put(list, "heals", json_true());
		put_why(list, &o->list_why);
		json_put(j, "list", list);
	}
	json_put_number(j, "exit", (uint64_t)o->exit);
	say_object(j);
}

char *tell_list(uint64_t epoch, uint64_t revision, char out[TELL_LIST])
{
	if (epoch == 1)
		snprintf(out, TELL_LIST, "list %llu", ull(revision));
	else
		snprintf(out, TELL_LIST, "list %llu of epoch %llu", ull(revision), ull(epoch));
	return out;
}

/* "; list 42", "; list 42 refused: expired: ..." */
static void about_list(const struct outcome *o, struct buf *out)
{
	char list[TELL_LIST];

	if (o->list == ADMIT_NONE)
		return;
	buf_printf(out, "; %s", tell_list(o->epoch, o->revision, list));
	if (o->list_heals)
		buf_puts(out, " is whole again");
	else if (o->list == ADMIT_NEW && o->list_older)
		buf_puts(out, " is older than the newest one and replaces nothing");
	if (o->list == ADMIT_REFUSED || o->list == ADMIT_IGNORED)
		buf_printf(out, " %s: %s: %s", verdicts[o->list], reason_word(o->list_why.reason), o->list_why.text);
}

void tell_bundle(const struct outcome *o, const char *medium)
{
	struct buf list = {0};
	const char *about;
	char size[24];

	if (say_json()) {
		put_bundle(o, medium);
		return;
	}
	buf_puts(&list, "");
	about_list(o, &list);
	about = list.failed || list.data == NULL ? "" : (const char *)list.data;
	if (o->kind == OUTCOME_IMPORTED && o->staged.damages_n > 0)
		say_line("%s  damaged  %s, %s taken, %llu lost%s", o->name, num_of(o->staged.objects, "object"),
			 num_format_size(o->staged.bytes, size), ull(o->staged.lost), about);
	else if (o->kind == OUTCOME_IMPORTED)
		say_line("%s  %s  %s, %s%s", o->name, o->dry ? "would be imported" : "imported",
			 num_of(o->staged.objects, "object"), num_format_size(o->staged.bytes, size), about);
	else if (o->kind == OUTCOME_KNOWN)
		say_line("%s  already imported%s", o->name,
			 o->list == ADMIT_REFUSED || o->list == ADMIT_IGNORED ? about : "");
	else
		say_line("%s  %s: %s: %s", o->name, kinds[o->kind], reason_word(o->why.reason), o->why.text);
	buf_free(&list);
}

/* ---- damage ---- */

static void name_object(struct buf *out, const struct digest *d, const struct places *places)
{
	const struct place *p = places_find(places, d);
	char hex[DIGEST_HEX + 1];

	buf_puts(out, digest_hex(d, hex));
	if (p != NULL && p->item != NULL)
		buf_printf(out, " (%s: %s)", p->item, p->path != NULL ? p->path : "contents list");
}

static void put_damage(const struct outcome *o, const char *medium, const struct stage_damage *d,
		       const struct places *places)
{
	json_t *j = json_object(), *lost = json_array();

	json_put_text(j, "damage", reason_word(d->reason));
	json_put_text(j, "bundle", o->name);
	json_put_text(j, "medium", medium);
	json_put_text(j, "file", d->file);
	if (!d->whole) {
		json_put_number(j, "frame", d->frame);
		json_put_number(j, "at", d->at);
		json_put_number(j, "size", d->size);
		json_put_number(j, "frames", d->frames);
	}
	json_put_text(j, "message", d->text);
	json_put_number(j, "lost", d->lost_n);
	for (uint64_t i = 0; i < d->lost_n && i < STAGE_MAX_LOST; i++) {
		struct buf name = {0};

		name_object(&name, &d->lost[i], places);
		if (!name.failed)
			json_array_append_new(lost, json_text((const char *)name.data));
		buf_free(&name);
	}
	json_put(j, "objects", lost);
	say_object(j);
}

static void say_damage(const struct outcome *o, const char *medium, const struct stage_damage *d,
		       const struct places *places)
{
	const struct reader_damage where = {.frame = d->frame, .frames = d->frames, .at = d->at, .size = d->size};
	struct err line = {0};
	struct buf lost = {0};
	char frames[INFLOW_FRAMES];

	buf_puts(&lost, "");
	for (uint64_t i = 0; i < d->lost_n && i < STAGE_MAX_LOST; i++) {
		buf_puts(&lost, i == 0 ? "; lost: " : ", ");
		name_object(&lost, &d->lost[i], places);
	}
	if (d->lost_n > STAGE_MAX_LOST)
		buf_printf(&lost, " and %llu more", ull(d->lost_n - STAGE_MAX_LOST));
	if (d->whole)
		err_set(&line, d->reason, "%s: %s/%s: %s%s", medium, o->name, d->file, d->text,
			lost.failed ? "" : (const char *)lost.data);
	else
		err_set(&line, d->reason, "%s: %s/%s: %s: %s%s", medium, o->name, d->file, inflow_frames(&where, frames),
			d->text, lost.failed ? "" : (const char *)lost.data);
	say_error(&line);
	buf_free(&lost);
}

void tell_damage(const struct outcome *o, const char *medium, const struct places *places)
{
	const struct stage_result *s = &o->staged;

	for (uint64_t i = 0; i < s->damages_n && i < STAGE_MAX_DAMAGES; i++)
		if (say_json())
			put_damage(o, medium, &s->damages[i], places);
		else
			say_damage(o, medium, &s->damages[i], places);
	if (s->damages_n > STAGE_MAX_DAMAGES)
		say_warn("%s: %s: %llu more damaged places", medium, o->name, ull(s->damages_n - STAGE_MAX_DAMAGES));
}

/* ---- a stream ---- */

static void about_waiting(const struct state_waiting *w, struct buf *out)
{
	char size[24];

	if (strcmp(w->why, "objects") == 0 && w->objects == 0)	/* outlook: malformed */
		buf_puts(out, "can't be published as it was approved: a newer list must take its place");
	else if (strcmp(w->why, "objects") == 0)
		buf_printf(out, "waits for %s, %s", num_of(w->objects, "object"),
			   num_format_size(w->bytes, size));
	else if (strcmp(w->why, "list") == 0)
		buf_puts(out, "waits for the rest of its list");
	else if (strcmp(w->why, "rollback") == 0)
		buf_puts(out, "is kept back by the rollback");
	else if (strcmp(w->why, "held") == 0)
		buf_puts(out, "is held: the scan hook refused it");
	else if (strncmp(w->why, "requires ", 9) == 0)
		buf_printf(out, "waits for %s, which it requires", w->why + 9);
	else if (strncmp(w->why, "nested ", 7) == 0)
		buf_printf(out, "waits for %s to go, which lies above or below it", w->why + 7);
	else
		buf_printf(out, "waits: %s", w->why);
}

void tell_waiting(const struct state *s, const struct state *current)
{
	for (size_t i = 0; i < s->waiting_n && i < MAX_NAMED; i++) {
		const struct state_waiting *w = &s->waiting[i];
		const struct state_item *was = outlook_published(current, w->item);
		struct buf text = {0};

		about_waiting(w, &text);
		if (was != NULL)
			buf_printf(&text, "; revision %llu stays", ull(was->revision));
		say_line("  %s  revision %llu %s", w->item, ull(w->revision), text.failed ? "" : (const char *)text.data);
		buf_free(&text);
	}
	if (s->waiting_n > MAX_NAMED)
		say_line("  and %zu more items", s->waiting_n - MAX_NAMED);
}

json_t *tell_waiting_json(const void *state, size_t i)
{
	const struct state_waiting *w = &((const struct state *)state)->waiting[i];
	json_t *o = json_object();

	json_put_text(o, "item", w->item);
	json_put_number(o, "revision", w->revision);
	json_put_text(o, "why", w->why);
	json_put_number(o, "objects", w->objects);
	json_put_number(o, "bytes", w->bytes);
	return o;
}

static void tell_missing(const struct outlook *l)
{
	char hex[DIGEST_HEX + 1], size[24];

	for (size_t i = 0; i < l->names_n && i < MAX_NAMED; i++)
		say_line("  missing %s  %s  %s: %s", digest_hex(&l->names[i].sha256, hex),
			 num_format_size(l->names[i].size, size), l->names[i].item,
			 l->names[i].path != NULL ? l->names[i].path : "contents list");
	if (l->want.missing_total > MAX_NAMED)
		say_line("  and %llu more objects", ull(l->want.missing_total - MAX_NAMED));
}

static void put_ref(json_t *o, const char *key, const struct list_ref *ref)
{
	json_t *sub = json_object();

	json_put_number(sub, "epoch", ref->epoch);
	json_put_number(sub, "revision", ref->revision);
	json_put(o, key, sub);
}

static void put_stream(const struct update *u)
{
	const struct outlook *l = &u->outlook;
	json_t *o = json_object(), *missing = json_array();

	json_put_text(o, "stream", l->want.stream);
	json_put(o, "changed", json_boolean(u->result.switched));
	if (l->want.has_complete)
		put_ref(o, "in_effect", &l->want.complete);
	if (l->want.has_newest)
		put_ref(o, "newest", &l->want.newest);
	if (l->want.has_rollback)
		put_ref(o, "rollback", &l->want.rollback);
	json_put_number(o, "items", l->want.items_n);
	json_put_number(o, "waiting", l->want.waiting_n);
	json_put_number(o, "missing", l->want.missing_total);
	for (size_t i = 0; i < l->names_n; i++) {
		char hex[DIGEST_HEX + 1];
		json_t *m = json_object();

		json_put_text(m, "sha256", digest_hex(&l->names[i].sha256, hex));
		json_put_number(m, "size", l->names[i].size);
		json_put_text(m, "item", l->names[i].item);
		if (l->names[i].path != NULL)
			json_put_text(m, "path", l->names[i].path);
		json_array_append_new(missing, m);
	}
	json_put(o, "objects_missing", missing);
	say_object_list(o, "items_waiting", l->want.waiting_n, tell_waiting_json, &l->want);
}

static void say_effect(const struct update *u)
{
	const struct outlook *l = &u->outlook;
	const struct publish_result *r = &u->result;
	char list[192] = "no list in effect yet", complete[TELL_LIST], newest[TELL_LIST];

	tell_list(l->want.complete.epoch, l->want.complete.revision, complete);
	if (l->want.has_rollback)
		snprintf(list, sizeof list, "rolled back: %s in effect, %s is the newest", complete,
			 tell_list(l->want.newest.epoch, l->want.newest.revision, newest));
	else if (l->want.has_complete)
		snprintf(list, sizeof list, "%s in effect", complete);
	if (r->switched)
		say_line("%s  %s: %s added, %llu changed, %llu removed", l->want.stream, list,
			 num_of(r->items_added, "item"), ull(r->items_changed), ull(r->items_removed));
	else if (u->changed && l->whole)
		say_line("%s  %s", l->want.stream, list);
}

void tell_stream(const struct update *u)
{
	const struct outlook *l = &u->outlook;
	char size[24], stays[96] = "nothing is in effect yet", list[TELL_LIST];

	if (say_json()) {
		put_stream(u);
		return;
	}
	say_effect(u);
	if (l->malformed.reason != ERR_NONE)
		say_error(&l->malformed);
	if (l->whole && l->held) {
		say_line("%s  the scan hook holds something: %s not published as approved", l->want.stream,
			 num_of(l->want.waiting_n, "item"));
		tell_waiting(&l->want, &l->want);
	}
	if (l->whole)
		return;
	if (l->want.has_complete)
		snprintf(stays, sizeof stays, "%s stays in effect", tell_list(l->want.complete.epoch, l->want.complete.revision, list));
	say_line("%s  %s waits: %s, %s missing, %s; %s", l->want.stream, tell_list(l->want.newest.epoch, l->want.newest.revision, list),
		 num_of(l->want.waiting_n, "item"), num_of(l->want.missing_total, "object"),
		 num_format_size(l->missing_bytes, size), stays);
	tell_waiting(&l->want, &l->want);
	tell_missing(l);
}

/* ---- what is for others ---- */

void tell_rings(const struct approvals *list, const struct store_stream *stream)
{
	struct buf rings = {0};
	struct err none = {0};
	char name[TELL_LIST];

	for (size_t i = 0; i < list->items_n; i++)
		if (approval_in_rings(&list->items[i], stream->rings, stream->rings_n))
			return;
	for (size_t i = 0; i < stream->rings_n; i++)
		buf_printf(&rings, "%s%s", i == 0 ? "" : ", ", stream->rings[i]);
	if (list->items_n > 0 && buf_ok(&rings, &none) == 0)
		say_warn("%s: %s has %s, and none for this store (%s); it names %s, for one: is `rings` in store.yaml right?",
			 stream->stream, tell_list(list->epoch, list->revision, name), num_of(list->items_n, "item"), (const char *)rings.data,
			 list->items[0].rings[0]);
	buf_free(&rings);
}

/* ---- what expires ---- */

bool tell_expiry(const char *what, int reason, int64_t expires, int64_t now)
{
	char time[32];

	num_format_time(expires, time);
	if (expires <= now)
		say_warn("%s expired at %s (%s)", what, time, reason_word(reason));
	else if (expires - now < SOON)
		say_warn("%s expires at %s, in %lld days", what, time, (long long)((expires - now) / DAY));
	return expires <= now;
}

bool tell_root_expiry(const struct store *s, int64_t now)
{
	const struct trust *root = trust_chain_newest(&s->chain);
	char what[64];

	snprintf(what, sizeof what, "trust root %llu", (unsigned long long)root->version);
	return tell_expiry(what, R_TRUST_EXPIRED, root->expires, now);
}

/*
 * `satchel-verify who`: who approved this file, and why is this item waiting. From a path to its item, to the list it is
 * published from, to the keys whose signatures that list bears; at a station also to the people who decided, from the ledger.
 * Only good signatures are named. Refuses a path that no list names.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/num.h"
#include "lib/path.h"
#include "lib/say.h"
#include "manifests/contents.h"
#include "manifests/journal.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"
#include "verify/commands.h"
#include "verify/proof.h"
#include "verify/revoked.h"
#include "verify/side.h"
#include "verify/state.h"
#include "verify/store.h"
#include "verify/terms.h"

#include "lib/banned.h"

const struct option_def who_options[] = {
	{.name = "store", .value = "STORE", .help = "the store that publishes it"},
	{.name = "stream", .value = "NAME", .help = "the store's stream; needed when it follows several"},
	{.name = "station", .value = "STATION", .help = "the station: also who decided, and when"},
	TERMS_AS_OF,
	{0}
};

struct who {
	const char *path;	/* that was asked for, without '/' at its end */
	char item[PATH_MAX_LEN + 1];	/* the item it lies in */
	struct side_home home;
	const struct terms *terms;
	const struct trust_chain *chain;	/* of the store or station */
	json_t *o;		/* all that is told, for --json */
};

/* ---- entries ---- */

static bool cut_last(struct who *w)
{
	char *slash = strrchr(w->item, '/');

	if (slash != NULL)
		*slash = '\0';
	return slash != NULL;
}

/* The item of a list that the path names or lies in: one that it approves, else one that it revokes. */
static bool find_item(struct who *w, const struct approvals *a)
{
	size_t count;

	snprintf(w->item, sizeof w->item, "%s", w->path);
	do {
		approvals_find(a, w->item, &count);
		if (count > 0)
			return true;
	} while (cut_last(w));
	return false;
}

static bool find_revoked(struct who *w, const struct approvals *a)
{
	size_t count;

	snprintf(w->item, sizeof w->item, "%s", w->path);
	do {
		revoked_find(a, w->item, &count);
		if (count > 0)
			return true;
	} while (cut_last(w));
	return false;
}

static void tell_item(struct who *w)
{
	char when[32];

	if (w->terms->dated)
		say_line("%s: item %s, as of %s", w->path, w->item, num_format_time(w->terms->now, when));
	else
		say_line("%s: item %s", w->path, w->item);
	json_put_text(w->o, "path", w->path);
	json_put_text(w->o, "item", w->item);
	if (w->terms->dated)
		json_put_text(w->o, "as_of", when);
}

static int tell_revoked(struct who *w, const struct approvals *a, struct err *e)
{
	const struct revoked r = {.home = &w->home, .terms = w->terms, .chain = w->chain, .list = a};

	return revoked_tell(&r, w->item, w->o, e);
}

/* The file itself, when it is one: its digest in this revision. */
static int tell_file(struct who *w, const struct approval *p, struct err *e)
{
	size_t above = (size_t)(path_last(w->item) - w->item);
	struct contents_reader *reader = NULL;
	const struct record *r = NULL;
	char hex[DIGEST_HEX + 1], size[24];
	int rc;

	rc = contents_reader_open(&p->contents, w->item, side_fetch, &w->home, &reader, e);
	if (rc != 0)
		return rc == -1 ? -1 : 0;
	while ((rc = contents_reader_next(reader, &r, e)) == 1 && strcmp(r->path, w->path + above) < 0)
		;
	if (rc == 1 && strcmp(r->path, w->path + above) == 0) {
		if (r->has_file) {
			say_line("  file: sha256 %s, %s", digest_hex(&r->sha256, hex), num_format_size(r->size, size));
			json_put_text(w->o, "sha256", digest_hex(&r->sha256, hex));
		}
	} else if (rc != -1 && strcmp(w->path, w->item) != 0) {
		say_line("  file: not in revision %llu", (unsigned long long)p->revision);
	}
	contents_reader_close(reader);
	return rc == -1 ? -1 : 0;
}

static int tell_entry(struct who *w, const char *key, const struct approvals *a, const struct approval *p, const char *signers, struct err *e)
{
	struct buf rings = {0};
	bool expired = a->expires <= w->terms->now;
	char when[32], until[32];
	json_t *o;

	for (size_t i = 0; i < p->rings_n; i++)
		buf_printf(&rings, "%s%s", i > 0 ? ", " : "", p->rings[i]);
	if (buf_ok(&rings, e) == -1) {
		buf_free(&rings);
		return -1;
	}
	o = json_object();
	num_format_time(a->issued, when);
	num_format_time(a->expires, until);
	say_line("  %s: revision %llu for %s by list %llu, issued %s%s%s, signed by %s%s%s", key, (unsigned long long)p->revision,
		 rings.data == NULL ? "" : (const char *)rings.data, (unsigned long long)a->revision, when,
		 expired ? ", expired " : "", expired ? until : "", signers,
		 p->title != NULL ? "; " : "", p->title != NULL ? p->title : "");
	json_put_number(o, "revision", p->revision);
	json_put_text(o, "rings", rings.data == NULL ? "" : (const char *)rings.data);
	json_put_number(o, "epoch", a->epoch);
	json_put_number(o, "list", a->revision);
	json_put_text(o, "issued", when);
	json_put_text(o, "expires", until);
	json_put(o, "expired", json_boolean(expired));
	json_put_text(o, "signed_by", signers);
	if (p->title != NULL)
		json_put_text(o, "title", p->title);
	json_put(w->o, key, o);
	buf_free(&rings);
	return 0;
}

/* ---- a store ---- */

static int tell_signed(struct who *w, const char *key, const struct approvals *a, const struct approval *p, struct err *e)
{
	struct buf signers = {0};
	int rc = side_signers(&w->home, w->chain, a, &signers, e);

	if (rc == 0)
		rc = tell_entry(w, key, a, p, (const char *)signers.data, e);
	buf_free(&signers);
	return rc;
}

/* An entry of a list kept, with its signers. revision 0: the one for the store's rings. */
static int tell_kept(struct who *w, const char *key, const struct list_ref *ref, uint64_t revision, struct err *e)
{
	const struct store_stream *stream = store_stream(w->home.store, w->home.stream);
	struct approvals *a = state_list_load(w->home.store, w->home.stream, ref->epoch, ref->revision, e);
	const struct approval *p = NULL;
	size_t first, count;
	int rc = 0;

	if (a == NULL)
		return -1;
	first = approvals_find(a, w->item, &count);
	for (size_t i = first; i < first + count; i++)
		if (a->items[i].revision == revision)
			p = &a->items[i];
	if (revision == 0)
		p = approvals_entry(a, w->item, stream->rings, stream->rings_n);
	if (p != NULL)
		rc = tell_signed(w, key, a, p, e);
	if (rc == 0 && p != NULL && strcmp(key, "newest") != 0)
		rc = tell_file(w, p, e);
	approvals_free(a);
	return rc;
}

static const struct state_item *published(const struct state *s, const char *item)
{
	for (size_t i = 0; i < s->items_n; i++)
		if (strcmp(s->items[i].item, item) == 0)
			return &s->items[i];
	return NULL;
}

/* What the state says of an item that waits. */
static void tell_waiting(struct who *w, const struct state *s)
{
	for (size_t i = 0; i < s->waiting_n; i++) {
		const struct state_waiting *waits = &s->waiting[i];
		char size[24];

		if (strcmp(waits->item, w->item) != 0)
			continue;
		say_line("  waiting: revision %llu, for: %s; %s missing, %s", (unsigned long long)waits->revision, waits->why,
			 num_of(waits->objects, "object"), num_format_size(waits->bytes, size));
		json_put_text(w->o, "waits_for", waits->why);
		json_put_number(w->o, "missing", waits->objects);
	}
}

/* Published, though the newest list drops it. */
static const struct state_item *find_published(struct who *w, const struct state *s)
{
	const struct state_item *is;

	snprintf(w->item, sizeof w->item, "%s", w->path);
	do
		is = published(s, w->item);
	while (is == NULL && cut_last(w));
	return is;
}

static int tell_state(struct who *w, const struct state *s, const struct approvals *newest, const struct state_item *is,
		      struct err *e)
{
	int rc = 0;

	tell_item(w);
	if (is == NULL)
		say_line("  not published");
	else
		rc = tell_kept(w, "published", &(struct list_ref){.epoch = is->epoch, .revision = is->list}, is->revision, e);
	if (rc == 0 && s->has_newest && (is == NULL || is->epoch != s->newest.epoch || is->list != s->newest.revision))
		rc = tell_kept(w, "newest", &s->newest, 0, e);
	if (rc == 0)
		tell_waiting(w, s);
	return rc == 0 && newest != NULL ? tell_revoked(w, newest, e) : rc;
}

static int in_store(struct who *w, const struct state *s, struct err *e)
{
	struct approvals *newest = !s->has_newest ? NULL
		: state_list_load(w->home.store, w->home.stream, s->newest.epoch, s->newest.revision, e);
	const struct state_item *is = NULL;
	int rc;

	if (s->has_newest && newest == NULL)
		return -1;
	if (newest != NULL && find_item(w, newest))
		is = published(s, w->item);
	else if ((is = find_published(w, s)) == NULL && (newest == NULL || !find_revoked(w, newest))) {
		approvals_free(newest);
		return err_set(e, R_ITEM_UNKNOWN, "%s: no list in force names it", w->path);
	}
	rc = tell_state(w, s, newest, is, e);
	approvals_free(newest);
	return rc;
}

/* As of a time: what the list says that was in force then, by the journal. What was waiting then, nothing tells any more. */
static int in_store_then(struct who *w, struct err *e)
{
	const struct store_stream *stream = store_stream(w->home.store, w->home.stream);
	const struct approval *p;
	struct side then = {0};
	char when[32];
	int rc = side_open(&w->home, w->terms, NULL, num_format_time(w->terms->now, when), &then, e);

	if (rc == -1)
		return -1;
	if (then.list == NULL)
		rc = err_set(e, R_ITEM_UNKNOWN, "%s: %s", w->path, then.words);
	else if (!find_item(w, then.list) && !find_revoked(w, then.list))
		rc = err_set(e, R_ITEM_UNKNOWN, "%s: list %llu, in force at %s, does not name it", w->path,
			     (unsigned long long)then.list->revision, when);
	if (rc == 0) {
		tell_item(w);
		p = approvals_entry(then.list, w->item, stream->rings, stream->rings_n);
		if (p == NULL)
			say_line("  not approved for this store");
		else if (tell_signed(w, "then", then.list, p, e) == -1 || tell_file(w, p, e) == -1)
			rc = -1;
	}
	if (rc == 0)
		rc = tell_revoked(w, then.list, e);
	side_close(&then);
	return rc;
}

static int ask_store(struct who *w, struct err *e)
{
	struct state *s = NULL;
	char tree = 0;
	int rc = -1;

	w->chain = &w->home.store->chain;
	if (w->terms->dated)
		return in_store_then(w, e);
	if (state_current(w->home.store, w->home.stream, &tree, e) == -1 ||
	    (tree != 0 && state_load(w->home.store, w->home.stream, tree, &s, e) == -1))
		return -1;
	if (s == NULL)
		err_set(e, R_ITEM_UNKNOWN, "the store has taken in no list of the stream %s yet", w->home.stream);
	else
		rc = in_store(w, s, e);
	state_free(s);
	return rc;
}

/* ---- a station ---- */

/* Lines of the ledger that decide on the item. */
static int tell_decision(void *arg, uint64_t n, const struct digest *line, const json_t *o, struct err *e)
{
	struct who *w = arg;
	const json_t *items = json_object_get(o, "items"), *item, *rings, *ring;
	const char *user = json_get_text(o, "user"), *note = json_get_text(o, "note"), *time = json_get_text(o, "time");
	uint64_t revision;
	int64_t at;
	size_t i, k;

	(void)n;
	(void)line;
	if (w->terms->dated && (time == NULL || num_parse_time(time, strlen(time), &at) == -1 || at > w->terms->now))
		return 0;
	json_array_foreach(items, i, item) {
		struct buf text = {0};
		const char *name = json_get_text(item, "item");
		int rc;

		if (name == NULL || strcmp(name, w->item) != 0 || json_get_number(item, "revision", &revision) == -1)
			continue;
		rings = json_object_get(item, "rings");
		json_array_foreach(rings, k, ring)
			buf_printf(&text, "%s%s", k == 0 ? " for " : ", ", json_is_string(ring) ? json_string_value(ring) : "?");
		buf_puts(&text, "");
		rc = buf_ok(&text, e);
		if (rc == 0) {
			say_line("  %s  %s by %s: revision %llu%s%s%s", time, json_get_text(o, "event"),
				 user != NULL ? user : "-", (unsigned long long)revision, (const char *)text.data,
				 note != NULL ? ", " : "", note != NULL ? note : "");
			json_array_append_new(json_object_get(w->o, "decisions"), json_copy((json_t *)(uintptr_t)o));
		}
		buf_free(&text);
		if (rc == -1)
			return -1;
	}
	return 0;
}

/* What the newest list says of the item, and whoever decided on it. */
static int tell_station(struct who *w, const struct approvals *newest, struct err *e)
{
	size_t first, count;
	int rc = 0;

	tell_item(w);
	json_put(w->o, "decisions", json_array());
	first = approvals_find(newest, w->item, &count);
	if (count == 0)
		say_line("  not approved");
	for (size_t i = first; rc == 0 && i < first + count; i++) {
		rc = tell_signed(w, i + 1 == first + count ? "approved" : "also", newest, &newest->items[i], e);
		if (rc == 0)
			rc = tell_file(w, &newest->items[i], e);
	}
	if (rc == 0)
		rc = tell_revoked(w, newest, e);
	return rc == 0 ? journal_read(w->home.station, "ledger.jsonl", tell_decision, w, NULL, NULL, e) : -1;
}

static int ask_station(struct who *w, struct err *e)
{
	struct proof proof = {.dir = FILE_CLOSED};
	struct side newest = {0};
	char when[32];
	int rc = -1;

	num_format_time(w->terms->now, when);
	if (side_open(&w->home, w->terms, NULL, w->terms->dated ? when : "9999-12-31", &newest, e) == -1)
		return -1;
	w->chain = &proof.chain;
	if (newest.list == NULL) {
		err_set(e, R_ITEM_UNKNOWN, "%s: the station has no list yet", w->path);
	} else if (proof_open_station(w->terms, w->home.station, &proof, e) == 0) {
		if (find_item(w, newest.list) || find_revoked(w, newest.list)) {
			rc = tell_station(w, newest.list, e);
		} else {
			err_set(e, R_ITEM_UNKNOWN, "%s: list %llu, the newest, does not name it", w->path,
				(unsigned long long)newest.list->revision);
			err_hint(e, "'satchel-export log' tells what was decided on it before");
		}
	}
	proof_close(&proof);
	side_close(&newest);
	return rc;
}

/* ---- the command ---- */

static int ask(struct who *w, struct err *e)
{
	int rc;

	w->o = json_object();
	rc = w->home.store != NULL ? ask_store(w, e) : ask_station(w, e);
	if (rc == 0)
		say_object(json_incref(w->o));
	json_decref(w->o);
	return rc;
}

int who_run(const struct args *a, struct err *e)
{
	const char *store_path = args_get(a, "store"), *station_path = args_get(a, "station");
	struct store store = {.dir = FILE_CLOSED};
	struct file station = FILE_CLOSED;
	char path[PATH_MAX_LEN + 1];
	struct terms terms;
	struct who w = {.path = path, .terms = &terms};
	size_t len;
	int rc = -1;

	if (args_expect(a, 1, 1, e) == -1 || terms_parse(a, &terms, e) == -1)
		return -1;
	if ((store_path == NULL) == (station_path == NULL))
		return err_set(e, ERR_USAGE, "one of --store STORE and --station STATION is needed");
	len = strlen(args_at(a, 0));
	while (len > 1 && args_at(a, 0)[len - 1] == '/')
		len--;
	if (path_check(args_at(a, 0), len, e) == -1) {
		e->reason = ERR_USAGE;
		return err_hint(e, "a path as in the published tree: pool/o/openssl/libssl3.deb");
	}
	snprintf(path, sizeof path, "%.*s", (int)len, args_at(a, 0));
	if (store_path != NULL) {
		if (store_open(store_path, &store, e) == -1)
			return -1;
		w.home.store = &store;
		w.home.stream = store_choose(&store, args_get(a, "stream"), e);
		rc = w.home.stream == NULL || store_as_of(&store, terms.trust_max, e) == -1 ? -1 : ask(&w, e);
		store_close(&store);
	} else if (file_open_dir(station_path, &station, e) == 0) {
		w.home.station = &station;
		rc = ask(&w, e);
	}
	file_close(&station);
	return rc;
}

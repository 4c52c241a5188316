/*
 * satchel-import rollback: an administrator goes back to a list that is kept, or forward again (DESIGN 5, "Rollback").
 * effect > ROLLBACK > update. Writes streams/NAME/rollback.yaml, then has the stream brought up to date. Refuses
 * lists that are not kept or were never complete, and going back to objects that are gone: then nothing changes.
 */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "import/commands.h"
#include "import/kept.h"
#include "import/lost.h"
#include "import/missing.h"
#include "import/outlook.h"
#include "import/places.h"
#include "import/run.h"
#include "import/tell.h"
#include "import/update.h"
#include "lib/err.h"
#include "lib/num.h"
#include "lib/outfile.h"
#include "lib/say.h"
#include "manifests/reason.h"
#include "manifests/schema.h"
#include "verify/rollback.h"

#include "lib/banned.h"

const struct option_def rollback_options[] = {
	{.name = "stream", .value = "NAME", .help = "the stream, where the store follows several"},
	{.name = "to-newest", .help = "end the rollback: what is newest and complete counts again"},
	{.name = "with-revoked", .value = "ITEM", .help = "bring this item back although it was revoked", .many = true},
	{.name = "wait", .value = "SECONDS", .help = "how long to wait for another run to end (0)"},
	{0},
};

struct going {
	const struct args *args;
	struct run run;
	const struct store_stream *stream;
	struct places places;
	struct outlook natural;	/* what would be without a rollback */
	struct approvals *list;	/* gone back to */
	const struct approvals *newest;	/* of those looked at */
	struct rollback plan;	/* its lists and texts are others' */
};

static unsigned long long ull(uint64_t n)
{
	return (unsigned long long)n;
}

static const struct store_stream *find_stream(const struct store *s, const char *name, struct err *e)
{
	const struct store_stream *found = name == NULL ? NULL : store_stream(s, name);

	if (name == NULL && s->config.streams_n == 1)
		return s->config.streams;
	if (name == NULL)
		err_set(e, ERR_USAGE, "the store follows %zu streams; say --stream NAME", s->config.streams_n);
	else if (found == NULL)
		err_set(e, ERR_USAGE, "--stream %s: the store does not follow it", name);
	return found;
}

static int open_outlook(struct going *g, struct err *e)
{
	struct outlook_ask ask = {.store = &g->run.store, .objects = g->run.objects, .stream = g->stream, .now = g->run.now,
				  .places = &g->places, .planned = true};

	return outlook_open(&ask, &g->natural, e);
}

/* ---- which list ---- */

/* "7", or "1-7" with the epoch. */
static int parse_revision(const char *text, struct list_ref *out, struct err *e)
{
	const char *dash = strchr(text, '-'), *revision = dash == NULL ? text : dash + 1;

	*out = (struct list_ref){0};
	if ((dash == NULL || num_parse(text, (size_t)(dash - text), 1, MAX_REVISION, &out->epoch) == 0) &&
	    num_parse(revision, strlen(revision), 1, MAX_REVISION, &out->revision) == 0)
		return 0;
	return err_set(e, ERR_USAGE, "%s: must be a list's revision like 41, or its epoch and revision like 1-41", text);
}

static void say_kept(const struct kept_lists *kept, const struct list_ref *complete)
{
	size_t first = 0, n = 0;

	while (n < kept->n && state_compare(&kept->refs[n], complete) <= 0)
		n++;
	first = n > 10 ? n - 10 : 0;
	for (size_t i = first; i < n; i++)
		say_note("kept: list %llu of epoch %llu", ull(kept->refs[i].revision), ull(kept->refs[i].epoch));
}

static void refuse(const struct going *g, const char *revision, const struct kept_lists *kept, struct err *e)
{
	const struct list_ref *complete = &g->natural.want.complete;
	char list[TELL_LIST];

	tell_list(complete->epoch, complete->revision, list);
	if (revision == NULL) {
		err_set(e, R_LIST_UNKNOWN, "%s: there is nothing to go back to: no list older than %s is kept", g->stream->stream, list);
		return;
	}
	err_set(e, R_LIST_UNKNOWN, "%s: list %s is not kept, or is newer than %s, the newest that is complete", g->stream->stream,
		revision, list);
	say_kept(kept, complete);
}

/* The highest kept list below complete, or the one named, at most complete itself. */
static int choose(struct going *g, const char *revision, struct list_ref *out, struct err *e)
{
	const struct list_ref *complete = &g->natural.want.complete;
	struct list_ref wish = {0};
	struct kept_lists kept = {0};
	bool found = false;

	if (revision != NULL && parse_revision(revision, &wish, e) == -1)
		return -1;
	if (!g->natural.want.has_complete)
		return err_set(e, R_LIST_UNKNOWN, "%s: no list is complete yet; there is nothing to go back from",
			       g->stream->stream);
	if (state_lists(&g->run.store, g->stream->stream, &kept, e) == -1)
		return -1;
	for (size_t i = 0; i < kept.n; i++) {
		int order = state_compare(&kept.refs[i], complete);

		if (revision == NULL ? order >= 0
				     : order > 0 || kept.refs[i].revision != wish.revision ||
					       (wish.epoch != 0 && kept.refs[i].epoch != wish.epoch))
			continue;
		*out = kept.refs[i];
		found = true;
	}
	if (!found)
		refuse(g, revision, &kept, e);
	state_lists_free(&kept);
	return found ? 0 : -1;
}

/* ---- what it comes to ---- */

/* The next entry for this store's rings, or NULL; *at: where to go on. */
static const struct approval *next_entry(const struct going *g, size_t *at)
{
	while (*at < g->list->items_n) {
		const char *item = g->list->items[*at].item;

		while (*at < g->list->items_n && strcmp(g->list->items[*at].item, item) == 0)
			++*at;
		if (approvals_entry(g->list, item, g->stream->rings, g->stream->rings_n) != NULL)
			return approvals_entry(g->list, item, g->stream->rings, g->stream->rings_n);
	}
	return NULL;
}

static int compare_revocation(const void *item, const void *revocation)
{
	return strcmp(item, ((const struct revocation *)revocation)->item);
}

/* Its contents are revoked; or another revision of it is, and the newest list doesn't name it for this store. */
static bool is_revoked(const struct going *g, const struct approval *p)
{
	const struct approvals *a = g->newest;

	if (approvals_revokes(a, &p->contents.sha256))
		return true;
	return a->revoked_n > 0 && bsearch(p->item, a->revoked, a->revoked_n, sizeof *a->revoked, compare_revocation) != NULL &&
	       approvals_entry(a, p->item, g->stream->rings, g->stream->rings_n) == NULL;
}

static bool is_left_out(const struct going *g, const struct approval *p)
{
	return is_revoked(g, p) && !rollback_names(&g->plan, p->item);
}

struct sum {
	uint64_t objects, bytes;
};

static int add_up(void *arg, const struct missing_object *m, struct err *e)
{
	struct sum *s = arg;

	(void)e;
	s->objects++;
	s->bytes += m->size;
	return 0;
}

static int check_objects(const struct going *g, struct err *e)
{
	struct sum gone = {0};
	const struct approval *p;
	char size[24];

	for (size_t at = 0; (p = next_entry(g, &at)) != NULL;) {
		const struct state_item *now = outlook_published(g->natural.current, p->item);

		if (is_left_out(g, p) || (now != NULL && digest_equal(&now->contents, &p->contents.sha256)))
			continue;
		if (missing_each(g->run.objects, p, now, add_up, &gone, e) == -1)
			return -1;
	}
	if (gone.objects == 0)
		return 0;
	err_set(e, R_OBJECTS_GONE, "%s: list %llu lacks %s, %s, that are not there: pruned, set aside as damaged, or never "
		"received; nothing was changed", g->stream->stream, ull(g->list->revision), num_of(gone.objects, "object"),
		num_format_size(gone.bytes, size));
	return err_hint(e, "name another list, or have a bundle with these objects sent");
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Each name must be of an item that the list has for this store and that the newest list revokes. */
static int take_names(struct going *g, struct err *e)
{
	size_t n = args_count(g->args, "with-revoked"), kept = 0;
	char **names = arena_alloc(&g->plan.arena, (n + 1) * sizeof *names);

	if (names == NULL)
		return err_mem(e);
	if (n > MAX_WITH_REVOKED)
		return err_set(e, ERR_USAGE, "--with-revoked: at most %d items", MAX_WITH_REVOKED);
	for (size_t i = 0; i < n; i++) {
		const char *item = args_nth(g->args, "with-revoked", i);
		const struct approval *p = approvals_entry(g->list, item, g->stream->rings, g->stream->rings_n);

		if (p == NULL)
			return err_set(e, R_ITEM_UNKNOWN, "--with-revoked %s: list %llu does not have it for this store", item,
				       ull(g->list->revision));
		if (!is_revoked(g, p))
			return err_set(e, ERR_USAGE, "--with-revoked %s: its revision %llu of list %llu is not revoked", item,
				       ull(p->revision), ull(g->list->revision));
		names[i] = arena_strndup(&g->plan.arena, item, strlen(item));
		if (names[i] == NULL)
			return err_mem(e);
	}
	qsort(names, n, sizeof *names, compare_text);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || strcmp(names[i], names[kept - 1]) != 0)
			names[kept++] = names[i];
	g->plan.with_revoked = names;
	g->plan.with_revoked_n = kept;
	return 0;
}

static int plan(struct going *g, struct err *e)
{
	struct list_ref ref;

	if (open_outlook(g, e) == -1 || choose(g, args_at(g->args, 0), &ref, e) == -1)
		return -1;
	g->list = kept_load(&g->run.store, g->stream->stream, &ref, e);
	if (g->list == NULL)
		return -1;
	buf_free(&g->list->bytes);
	g->newest = g->natural.lists[g->natural.lists_n - 1];
	ref.sha256 = g->list->digest;
	g->plan.stream = g->stream->stream;
	g->plan.time = g->run.now;
	g->plan.list = ref;
	g->plan.complete = g->natural.want.complete;
	g->plan.newest = g->natural.want.newest;
	return take_names(g, e) == -1 ? -1 : check_objects(g, e);
}

/* ---- doing it ---- */

static void put_ref(json_t *o, const char *key, const struct list_ref *ref)
{
	json_t *sub = json_object();

	json_put_number(sub, "epoch", ref->epoch);
	json_put_number(sub, "revision", ref->revision);
	json_put(o, key, sub);
}

static void put_user(json_t *o)
{
	const struct passwd *p = getpwuid(getuid());

	if (p != NULL)
		json_put_text(o, "user", p->pw_name);
	json_put_number(o, "uid", getuid());
}

/* document: of rollback.yaml, so that nobody can have it say more. */
static json_t *intent(const struct going *g, const struct digest *document)
{
	json_t *o = json_object(), *names = json_array();
	char hex[DIGEST_HEX + 1];

	json_put_text(o, "stream", g->stream->stream);
	put_ref(o, "list", &g->plan.list);
	put_ref(o, "newest", &g->plan.newest);
	for (size_t i = 0; i < g->plan.with_revoked_n; i++)
		json_array_append_new(names, json_text(g->plan.with_revoked[i]));
	json_put(o, "with_revoked", names);
	json_put_text(o, "document", digest_hex(document, hex));
	put_user(o);
	return o;
}

static int write_plan(struct going *g, struct err *e)
{
	char path[ROLLBACK_PATH];
	struct buf bytes = {0};
	struct digest d;
	int rc = -1;

	if (rollback_equal(g->natural.rollback, &g->plan))
		return 0;
	if (schema_encode(&rollback_schema, &g->plan, &bytes, e) == 0 && digest_of(bytes.data, bytes.len, &d, e) == 0 &&
	    run_change_as(&g->run, intent(g, &d), e) == 0)
		rc = outfile_put(&g->run.store.dir, rollback_path(g->stream->stream, path), 0644, bytes.data, bytes.len, e);
	buf_free(&bytes);
	return rc;
}

/* What the list has and is not published all the same. */
static void tell_left_out(const struct going *g, const struct state *want)
{
	const struct approval *p;

	for (size_t at = 0; (p = next_entry(g, &at)) != NULL;) {
		const struct state_item *is = outlook_published(want, p->item);
		const char *why = is_left_out(g, p) ? "revoked" : "held, or it requires what is revoked or held";
		json_t *o;

		if (is != NULL && digest_equal(&is->contents, &p->contents.sha256))
			continue;
		if (is != NULL && is->list > g->list->revision)
			why = "urgent in a later list";
		o = json_object();
		json_put_text(o, "left_out", p->item);
		json_put_number(o, "revision", p->revision);
		json_put_text(o, "why", why);
		say_object(o);
		say_line("  %s  revision %llu is left out: %s", p->item, ull(p->revision), why);
	}
}

/* The list gone back to, and the newest one, are among those that the update went by. */
static void tell_rest(struct going *g, const struct update *u)
{
	const struct outlook *l = &u->outlook;

	for (size_t i = 0; i < l->lists_n; i++)
		if (digest_equal(&l->lists[i]->digest, &g->plan.list.sha256))
			g->list = l->lists[i];
	if (g->list != NULL) {
		g->newest = l->lists[l->lists_n - 1];
		tell_left_out(g, &l->want);
	}
	g->list = NULL;
}

/* It makes what was looked at before anew: two of everything would be too much. */
static int update(struct going *g, struct err *e)
{
	struct update u = {0};
	int rc;

	approvals_free(g->list);
	g->list = NULL;
	outlook_free(&g->natural);
	rc = update_stream(&g->run, g->stream, &g->places, &u, e);
	if (rc == 0) {
		tell_stream(&u);
		if (!u.changed)
			say_note("%s: nothing changed", g->stream->stream);
		if (g->plan.stream != NULL)
			tell_rest(g, &u);
	}
	update_free(&u);
	return rc;
}

static int go_back(struct going *g, struct err *e)
{
	if (update_rest(&g->run, e) == -1 || plan(g, e) == -1 || write_plan(g, e) == -1)
		return -1;
	return update(g, e);
}

/* What was complete before the rollback must be kept: nothing older takes its place. */
static int check_natural(struct going *g, const struct rollback *was, struct err *e)
{
	const struct state natural = {.has_complete = true, .complete = was->complete, .has_newest = true, .newest = was->newest};

	if (open_outlook(g, e) == -1)
		return -1;
	if (g->natural.want.has_complete && state_compare(&g->natural.want.complete, &was->complete) > 0)
		return 0;
	return lost_check(&g->run.store, g->stream->stream, &natural, e);
}

/* The rollback ends first: an interrupted run is finished without the list it went back to, which may be damaged. */
static int go_forward(struct going *g, struct err *e)
{
	struct rollback *was = NULL;
	int rc;

	if (rollback_load(&g->run.store, g->stream->stream, &was, e) == -1)
		return -1;
	if (was != NULL && check_natural(g, was, e) == -1) {
		rollback_free(was);
		return -1;
	}
	if (was != NULL) {
		g->run.intent = json_object();
		json_put_text(g->run.intent, "stream", g->stream->stream);
		json_put(g->run.intent, "to_newest", json_true());
		put_user(g->run.intent);
	}
	rc = was == NULL ? 0 : update_end_rollback(&g->run, was, "--to-newest", e);
	rollback_free(was);
	return rc == -1 || update_rest(&g->run, e) == -1 ? -1 : update(g, e);
}

static int go(struct going *g, struct err *e)
{
	int rc = -1;

	g->stream = find_stream(&g->run.store, args_get(g->args, "stream"), e);
	if (g->stream != NULL)
		rc = args_has(g->args, "to-newest") ? go_forward(g, e) : go_back(g, e);
	return rc == -1 ? -1 : run_done(&g->run, 0, e);
}

int rollback_run(const struct args *a, struct err *e)
{
	struct run_ask ask = {.path = run_store_path(a, e), .intent = "rollback", .outcome = "rolled-back"};
	struct going g = {.args = a};
	uint64_t wait;
	int rc = -1;

	if (ask.path == NULL || args_expect(a, 0, 1, e) == -1 || args_number(a, "wait", 0, 1000000, 0, &wait, e) == -1)
		return -1;
	if (args_has(a, "to-newest") && (args_len(a) > 0 || args_has(a, "with-revoked")))
		return err_set(e, ERR_USAGE, "--to-newest stands alone: it ends a rollback");
	ask.wait_seconds = (unsigned)wait;
	if (run_open(&ask, &g.run, e) == 0)
		rc = go(&g, e);
	approvals_free(g.list);
	outlook_free(&g.natural);
	arena_free(&g.plan.arena);
	places_free(&g.places);
	run_close(&g.run);
	return rc;
}

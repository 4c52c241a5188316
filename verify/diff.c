/*
 * `satchel-verify diff`: what changed between two approval lists, for people and as JSON: items added, removed, changed,
 * ring by ring, what was revoked, and the files, where the contents lists are at hand. A difference is no failure.
 *
 *     + item            only in the new list         + path   in the new contents only
 *     - item            only in the old one          - path   in the old contents only
 *     ~ item            in both, but not the same    ~ path   in both, other bytes, kind or target
 */
#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "lib/json.h"
#include "lib/num.h"
#include "lib/say.h"
#include "manifests/contents.h"
#include "manifests/reason.h"
#include "verify/commands.h"
#include "verify/side.h"
#include "verify/store.h"
#include "verify/terms.h"

#include "lib/banned.h"

const struct option_def diff_options[] = {
	{.name = "store", .value = "STORE", .help = "OLD and NEW may be revisions or times of this store; and compare files by it"},
	{.name = "stream", .value = "NAME", .help = "the store's stream; needed when it follows several"},
	{.name = "station", .value = "STATION", .help = "the same of a station"},
	{.name = "trust", .value = "FILE", .help = "the trust root that the signatures beside a file or bundle are judged from"},
	TERMS_OPTIONS,
	{0}
};

struct diff {
	struct side_home home;
	const struct approvals *old, *new;
	const char *item;	/* whose files are being compared */
	uint64_t added, removed, changed, revoked, restored, unread;
};

/* ---- files ---- */

static void put_kind(json_t *o, const char *key, const struct record *r)
{
	char hex[DIGEST_HEX + 1];

	if (r == NULL)
		return;
	if (r->has_file)
		json_put_text(o, key, digest_hex(&r->sha256, hex));
	else
		json_put_text(o, key, r->link != NULL ? "link" : "directory");
}

/* A time alone is no difference worth telling. */
static int tell_file(void *arg, const struct record *was, const struct record *is, struct err *e)
{
	const struct diff *d = arg;
	const struct record *any = is != NULL ? is : was;
	json_t *o;

	(void)e;
	if (was != NULL && is != NULL && record_same_content(was, is))
		return 0;
	if (!say_json()) {
		say_line("    %s %s", was == NULL ? "+" : is == NULL ? "-" : "~", any->path);
		return 0;
	}
	o = json_object();
	json_put_text(o, "file", any->path);
	json_put_text(o, "item", d->item);
	json_put_text(o, "change", was == NULL ? "added" : is == NULL ? "removed" : "changed");
	put_kind(o, "was", was);
	put_kind(o, "is", is);
	say_object(o);
	return 0;
}

static int compare_files(struct diff *d, const struct approval *was, const struct approval *is, struct err *e)
{
	struct contents_reader *old = NULL, *new = NULL;
	struct err cause = {0};
	int a, b = 0, rc = 0;

	d->item = is != NULL ? is->item : was->item;
	a = was == NULL ? 0 : contents_reader_open(&was->contents, d->item, side_fetch, &d->home, &old, &cause);
	if (a == 0)
		b = is == NULL ? 0 : contents_reader_open(&is->contents, d->item, side_fetch, &d->home, &new, &cause);
	if (a == 0 && b == 0)
		rc = contents_diff(old, new, tell_file, d, &cause);
	if (a == 1 || b == 1 || (rc == -1 && cause.reason == R_OBJECT_MISSING)) {
		d->unread++;
		rc = 0;
	} else if (a == -1 || b == -1 || rc == -1) {
		rc = err_set(e, cause.reason, "%s: %s", d->item, cause.text);
	}
	contents_reader_close(old);
	contents_reader_close(new);
	return rc;
}

/* ---- items ---- */

struct group {			/* the entries of one item in both lists */
	const struct approval *old, *new;
	size_t old_n, new_n;
};

static const struct approval *in_ring(const struct approval *list, size_t n, const char *ring)
{
	char *one[1] = {(char *)(uintptr_t)ring};

	for (size_t i = 0; i < n; i++)
		if (approval_in_rings(&list[i], one, 1))
			return &list[i];
	return NULL;
}

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_texts(char *const *a, size_t a_n, char *const *b, size_t b_n)
{
	if (a_n != b_n)
		return false;
	for (size_t i = 0; i < a_n; i++)
		if (strcmp(a[i], b[i]) != 0)
			return false;
	return true;
}

/* What beside revision and rings differs: "title, requires". */
static const char *list_details(const struct approval *a, const struct approval *b, char out[96])
{
	bool requires = same_texts(a->requires, a->requires_n, b->requires, b->requires_n);
	bool supersedes = same_texts(a->supersedes, a->supersedes_n, b->supersedes, b->supersedes_n);
	bool deadline = a->has_deadline == b->has_deadline && (!a->has_deadline || a->deadline == b->deadline);

	snprintf(out, 96, "%s%s%s%s%s%s%s", same_text(a->title, b->title) ? "" : ", title",
		 same_text(a->note, b->note) ? "" : ", note", requires ? "" : ", requires", supersedes ? "" : ", supersedes",
		 a->urgent == b->urgent ? "" : ", urgent", deadline ? "" : ", deadline",
		 a->revision != b->revision || digest_equal(&a->contents.sha256, &b->contents.sha256) ? "" : ", contents");
	return out[0] == '\0' ? out : out + 2;
}

struct ring_change {
	const char *ring;
	const struct approval *was, *is;
};

/* What changed of an item in one ring; false: nothing. */
static bool differs(const struct ring_change *c, char details[96], const char **text)
{
	*text = c->was != NULL && c->is != NULL ? list_details(c->was, c->is, details) : "";
	return c->was == NULL || c->is == NULL || c->was->revision != c->is->revision || (*text)[0] != '\0';
}

static void tell_ring(const struct ring_change *c, const char *details, json_t *rings)
{
	char was[24] = "-", is[24] = "-";
	json_t *o;

	if (c->was != NULL)
		snprintf(was, sizeof was, "%llu", (unsigned long long)c->was->revision);
	if (c->is != NULL)
		snprintf(is, sizeof is, "%llu", (unsigned long long)c->is->revision);
	if (rings == NULL) {
		if (strcmp(was, is) == 0)
			say_line("    %s: revision %s: %s differ", c->ring, is, details);
		else
			say_line("    %s: revision %s -> %s", c->ring, was, is);
		return;
	}
	o = json_object();
	json_put_text(o, "ring", c->ring);
	if (c->was != NULL)
		json_put_number(o, "was", c->was->revision);
	if (c->is != NULL)
		json_put_number(o, "is", c->is->revision);
	if (details[0] != '\0')
		json_put_text(o, "differs", details);
	json_array_append_new(rings, o);
}

/* Each ring of either list once, the old ones first. */
static size_t each_ring(const struct group *g, json_t *rings, bool quiet)
{
	size_t n = 0;

	for (int new = 0; new < 2; new++) {
		const struct approval *list = new ? g->new : g->old;

		for (size_t i = 0; i < (new ? g->new_n : g->old_n); i++) {
			for (size_t r = 0; r < list[i].rings_n; r++) {
				struct ring_change c = {.ring = list[i].rings[r]};
				char details[96];
				const char *text;

				c.was = in_ring(g->old, g->old_n, c.ring);
				c.is = in_ring(g->new, g->new_n, c.ring);
				if ((new && c.was != NULL) || !differs(&c, details, &text))
					continue;
				n++;
				if (!quiet)
					tell_ring(&c, text, rings);
			}
		}
	}
	return n;
}

static void tell_item(struct diff *d, const struct group *g)
{
	const struct approval *any = g->new_n > 0 ? &g->new[g->new_n - 1] : &g->old[g->old_n - 1];
	const char *change = g->old_n == 0 ? "added" : g->new_n == 0 ? "removed" : "changed";
	json_t *o, *rings;
	char size[24];

	d->added += g->old_n == 0;
	d->removed += g->new_n == 0;
	d->changed += g->old_n > 0 && g->new_n > 0;
	if (!say_json()) {
		say_line("%s %s: %s, %s%s%s", g->old_n == 0 ? "+" : g->new_n == 0 ? "-" : "~", any->item,
			 num_of(any->contents.files, "file"), num_format_size(any->contents.bytes, size),
			 any->title != NULL ? ": " : "", any->title != NULL ? any->title : "");
		each_ring(g, NULL, false);
		return;
	}
	rings = json_array();
	each_ring(g, rings, false);
	o = json_object();
	json_put_text(o, "item", any->item);
	json_put_text(o, "change", change);
	json_put(o, "rings", rings);
	if (any->title != NULL)
		json_put_text(o, "title", any->title);
	say_object(o);
}

static bool has_contents(const struct approval *list, size_t n, const struct digest *sha256)
{
	for (size_t i = 0; i < n; i++)
		if (digest_equal(&list[i].contents.sha256, sha256))
			return true;
	return false;
}

/* The newest contents of both lists, which are what a person asks for. */
static int compare_item(struct diff *d, const struct group *g, struct err *e)
{
	const struct approval *was = g->old_n > 0 ? &g->old[g->old_n - 1] : NULL;
	const struct approval *is = g->new_n > 0 ? &g->new[g->new_n - 1] : NULL;

	if (each_ring(g, NULL, true) == 0)
		return 0;
	tell_item(d, g);
	if (was == NULL || is == NULL || (has_contents(g->old, g->old_n, &is->contents.sha256) &&
					  has_contents(g->new, g->new_n, &was->contents.sha256)))
		return 0;
	if (d->home.store == NULL && d->home.station == NULL)
		return 0;
	return compare_files(d, was, is, e);
}

static size_t run_of(const struct approvals *a, size_t from)
{
	size_t n = 0;

	while (from + n < a->items_n && strcmp(a->items[from + n].item, a->items[from].item) == 0)
		n++;
	return n;
}

static int compare_items(struct diff *d, struct err *e)
{
	const struct approvals *old = d->old, *new = d->new;
	size_t i = 0, k = 0;

	while (i < old->items_n || k < new->items_n) {
		int order = i == old->items_n ? 1 : k == new->items_n ? -1 : strcmp(old->items[i].item, new->items[k].item);
		struct group g = {.old = old->items + i, .new = new->items + k};

		g.old_n = order <= 0 ? run_of(old, i) : 0;
		g.new_n = order >= 0 ? run_of(new, k) : 0;
		if (compare_item(d, &g, e) == -1)
			return -1;
		i += g.old_n;
		k += g.new_n;
	}
	return 0;
}

/* ---- revocations ---- */

static void tell_revoked(const struct revocation *r, const char *change)
{
	json_t *o;

	if (!say_json()) {
		say_line("%s: %s revision %llu%s%s", change, r->item, (unsigned long long)r->revision,
			 r->note != NULL ? ": " : "", r->note != NULL ? r->note : "");
		return;
	}
	o = json_object();
	json_put_text(o, "item", r->item);
	json_put_text(o, "change", change);
	json_put_number(o, "revision", r->revision);
	if (r->note != NULL)
		json_put_text(o, "note", r->note);
	say_object(o);
}

static void compare_revoked(struct diff *d)
{
	size_t i = 0, k = 0;

	while (i < d->old->revoked_n || k < d->new->revoked_n) {
		const struct revocation *a = &d->old->revoked[i], *b = &d->new->revoked[k];
		int order = i == d->old->revoked_n ? 1 : k == d->new->revoked_n ? -1 : strcmp(a->item, b->item);

		if (order == 0)
			order = (a->revision > b->revision) - (a->revision < b->revision);
		if (order < 0)
			tell_revoked(a, "no longer revoked");
		else if (order > 0)
			tell_revoked(b, "revoked");
		d->restored += order < 0;
		d->revoked += order > 0;
		i += order <= 0;
		k += order >= 0;
	}
}

/* ---- the command ---- */

static void tell_sides(const struct side *old, const struct side *new)
{
	const struct side *sides[2] = {old, new};

	for (int n = 0; n < 2; n++) {
		const struct approvals *list = sides[n]->list;
		json_t *o = json_object();

		say_line("%s: %s", n == 0 ? "old" : "new", sides[n]->words);
		json_put_text(o, "side", n == 0 ? "old" : "new");
		if (list != NULL) {
			json_put_text(o, "stream", list->stream);
			json_put_number(o, "epoch", list->epoch);
			json_put_number(o, "revision", list->revision);
			json_put(o, "verified", json_boolean(sides[n]->proven));
		}
		say_object(o);
	}
}

static void tell_summary(const struct diff *d)
{
	json_t *o = json_object();

	if (d->added + d->removed + d->changed + d->revoked + d->restored == 0)
		say_line("the same decisions");
	else
		say_line("items: %llu added, %llu removed, %llu changed; %llu revoked", (unsigned long long)d->added,
			 (unsigned long long)d->removed, (unsigned long long)d->changed, (unsigned long long)d->revoked);
	if (d->unread > 0)
		say_line("of %s the contents lists are not at hand: their files were not compared",
			 num_of(d->unread, "item"));
	json_put_number(o, "added", d->added);
	json_put_number(o, "removed", d->removed);
	json_put_number(o, "changed", d->changed);
	json_put_number(o, "revoked", d->revoked);
	json_put_number(o, "no_longer_revoked", d->restored);
	json_put_number(o, "files_not_compared", d->unread);
	say_object(o);
}

static int compare(struct side_home home, const struct terms *t, const struct args *a, struct err *e)
{
	static const struct approvals nothing;
	const char *trust = args_get(a, "trust");
	struct side old = {0}, new = {0};
	struct diff d = {.home = home};
	int rc = -1;

	if (side_open(&home, t, trust, args_at(a, 0), &old, e) == -1 || side_open(&home, t, trust, args_at(a, 1), &new, e) == -1)
		goto out;
	if (old.list != NULL && new.list != NULL && strcmp(old.list->stream, new.list->stream) != 0) {
		err_set(e, ERR_USAGE, "lists of two streams, %s and %s, are not compared", old.list->stream, new.list->stream);
		goto out;
	}
	d.old = old.list != NULL ? old.list : &nothing;
	d.new = new.list != NULL ? new.list : &nothing;
	tell_sides(&old, &new);
	if (compare_items(&d, e) == 0) {
		compare_revoked(&d);
		tell_summary(&d);
		rc = 0;
	}
out:
	side_close(&old);
	side_close(&new);
	return rc;
}

int diff_run(const struct args *a, struct err *e)
{
	const char *store_path = args_get(a, "store"), *station_path = args_get(a, "station");
	struct store store = {.dir = FILE_CLOSED};
	struct file station = FILE_CLOSED;
	struct side_home home = {0};
	struct terms terms;
	int rc = -1;

	if (args_expect(a, 2, 2, e) == -1 || terms_parse(a, &terms, e) == -1)
		return -1;
	if (store_path != NULL && station_path != NULL)
		return err_set(e, ERR_USAGE, "--store and --station don't go together");
	if (store_path != NULL) {
		if (store_open(store_path, &store, e) == -1)
			return -1;
		if (store_as_of(&store, terms.trust_max, e) == -1)
			goto out;
		home.store = &store;
		home.stream = store_choose(&store, args_get(a, "stream"), e);
		if (home.stream == NULL)
			goto out;
	} else if (args_get(a, "stream") != NULL) {
		return err_set(e, ERR_USAGE, "--stream goes with --store");
	} else if (station_path != NULL) {
		if (file_open_dir(station_path, &station, e) == -1)
			return -1;
		home.station = &station;
	}
	rc = compare(home, &terms, a, e);
out:
	file_close(&station);
	if (store_path != NULL)
		store_close(&store);
	return rc;
}

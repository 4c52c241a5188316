/*
 * `satchel-verify tree`: a deployed copy (a client's mirror, another server's tree) against what a store publishes, item by
 * item: which files are missing, stale, changed or extra. For people, as JSON, or as CSV. Reads both, writes to neither.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/err.h"
#include "lib/json.h"
#include "lib/num.h"
#include "lib/path.h"
#include "lib/progress.h"
#include "lib/say.h"
#include "lib/walk.h"
#include "manifests/reason.h"
#include "verify/commands.h"
#include "verify/state.h"
#include "verify/store.h"
#include "verify/terms.h"
#include "verify/wares.h"

#include "lib/banned.h"

const struct option_def tree_options[] = {
	{.name = "store", .value = "STORE", .help = "the store whose published tree it should be"},
	{.name = "stream", .value = "NAME", .help = "the store's stream; needed when it follows several"},
	{.name = "csv", .help = "one line per item and file: item, published revision, state, path, revision found"},
	TERMS_OPTIONS,
	{0}
};

static const char *const words[DEPLOYED_STATES] = {
	[DEPLOYED_MISSING] = "missing", [DEPLOYED_STALE] = "stale", [DEPLOYED_CHANGED] = "changed", [DEPLOYED_EXTRA] = "extra",
	[DEPLOYED_UNREADABLE] = "unreadable",
};

struct tree {
	struct terms terms;
	struct store store;
	const char *stream;
	struct wares wares;
	struct deployed *deployed;
	bool *seen;		/* by item */
	bool csv;
	uint64_t items, current, n[DEPLOYED_STATES];
};

/* ---- telling ---- */

/* A CSV field in quotes; quotes in it are doubled. What can't stand on a terminal is escaped where it is printed. */
static const char *quote(const char *text, char out[3 * PATH_MAX])
{
	size_t n = 0;

	out[n++] = '"';
	for (const char *p = text; *p != '\0' && n < 3 * PATH_MAX - 3; p++) {
		if (*p == '"')
			out[n++] = '"';
		out[n++] = *p;
	}
	out[n++] = '"';
	out[n] = '\0';
	return out;
}

static void say_row(const struct deployed_item *item, const char *state, const char *path, uint64_t revision)
{
	char a[3 * PATH_MAX], b[3 * PATH_MAX], published[24] = "", found[24] = "";

	if (item != NULL && item->revision != 0)
		snprintf(published, sizeof published, "%llu", (unsigned long long)item->revision);
	if (revision != 0)
		snprintf(found, sizeof found, "%llu", (unsigned long long)revision);
	say_line("%s,%s,%s,%s,%s", item == NULL ? "" : quote(item->item, a), published, state,
		 path == NULL ? "" : quote(path, b), found);
}

static void say_file(void *arg, const struct deployed_item *item, enum deployed_state s, const char *path, uint64_t revision,
		     const char *why)
{
	struct tree *t = arg;
	json_t *o;

	t->n[s]++;
	if (t->csv) {
		say_row(item, words[s], path, revision);
	} else if (!say_json()) {
		if (revision != 0)
			say_line("  %s  %s (as in revision %llu)", words[s], path, (unsigned long long)revision);
		else
			say_line("  %s  %s%s%s", words[s], path, why != NULL ? ": " : "", why != NULL ? why : "");
	} else {
		o = json_object();
		json_put_text(o, "file", path);
		json_put_text(o, "state", words[s]);
		if (item != NULL)
			json_put_text(o, "item", item->item);
		if (revision != 0)
			json_put_number(o, "revision", revision);
		if (why != NULL)
			json_put_text(o, "why", why);
		say_object(o);
	}
}

/* One word for an item: what explains all that differs in it. */
static const char *word_of(const struct deployed_item *item, const struct deployed_tally *t)
{
	if (t->n[DEPLOYED_UNREADABLE] > 0)
		return "unreadable";
	if (item->revision == 0)
		return t->n[DEPLOYED_STALE] > 0 ? "withdrawn" : "extra";
	if (t->n[DEPLOYED_MISSING] + t->n[DEPLOYED_STALE] + t->n[DEPLOYED_CHANGED] + t->n[DEPLOYED_EXTRA] == 0)
		return "current";
	if (t->found == 0 && t->n[DEPLOYED_EXTRA] + t->n[DEPLOYED_STALE] == 0)
		return "missing";
	return t->n[DEPLOYED_STALE] > 0 && t->n[DEPLOYED_CHANGED] + t->n[DEPLOYED_EXTRA] == 0 ? "stale" : "differs";
}

static void say_item(void *arg, const struct deployed_item *item, const struct deployed_tally *n)
{
	struct tree *t = arg;
	const char *word = word_of(item, n);
	json_t *o;

	t->items++;
	t->current += strcmp(word, "current") == 0;
	if (t->csv) {
		say_row(item, word, NULL, 0);
		return;
	}
	if (!say_json()) {
		if (item->revision != 0)
			say_line("%s: revision %llu: %s", item->item, (unsigned long long)item->revision, word);
		else
			say_line("%s: %s", item->item, word);
		return;
	}
	o = json_object();
	json_put_text(o, "item", item->item);
	json_put_text(o, "state", word);
	if (item->revision != 0)
		json_put_number(o, "revision", item->revision);
	json_put_number(o, "files", n->records);
	for (int s = 0; s < DEPLOYED_STATES; s++)
		json_put_number(o, words[s], n->n[s]);
	say_object(o);
}

static const struct deployed_ops ops = {say_file, say_item};

static void say_summary(const struct tree *t, const char *dir)
{
	char when[32];
	json_t *o;

	if (t->csv)
		return;
	say_line("%s: %llu of %s as %s publishe%s them%s%s; files: %llu missing, %llu stale, %llu changed, %llu extra, "
		 "%llu unreadable", dir, (unsigned long long)t->current, num_of(t->items, "item"), t->store.config.name,
		 t->terms.dated ? "d" : "s", t->terms.dated ? " at " : "", t->terms.dated ? num_format_time(t->terms.now, when) : "",
		 (unsigned long long)t->n[DEPLOYED_MISSING], (unsigned long long)t->n[DEPLOYED_STALE],
		 (unsigned long long)t->n[DEPLOYED_CHANGED], (unsigned long long)t->n[DEPLOYED_EXTRA],
		 (unsigned long long)t->n[DEPLOYED_UNREADABLE]);
	o = json_object();
	json_put_text(o, "tree", dir);
	json_put_text(o, "store", t->store.config.name);
	json_put_text(o, "stream", t->stream);
	json_put_number(o, "items", t->items);
	json_put_number(o, "current", t->current);
	for (int s = 0; s < DEPLOYED_STATES; s++)
		json_put_number(o, words[s], t->n[s]);
	say_object(o);
}

/* ---- comparing ---- */

/* What can't be read: an item, items below it, or nothing that is published. */
static int pass_over(struct tree *t, const struct walk_entry *w, struct err *e)
{
	size_t low = 0, high = t->wares.n, len = strlen(w->path);
	bool any = false;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(t->wares.items[mid].item, w->path) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (size_t i = low; i < t->wares.n && strncmp(t->wares.items[i].item, w->path, len) == 0; i++) {
		if (t->wares.items[i].revision == 0 || !path_below(t->wares.items[i].item, w->path))
			continue;
		any = t->seen[i] = true;
		if (deployed_item(t->deployed, &t->wares.items[i], w, e) == -1)
			return -1;
	}
	return any ? 0 : deployed_other(t->deployed, w->path, strerror(w->sys), e);
}

static enum walk_verdict visit(void *arg, const struct walk_entry *w, struct err *e)
{
	struct tree *t = arg;
	struct deployed_item *item;
	bool is_dir = S_ISDIR(w->st.st_mode);

	if (w->sys != 0)
		return pass_over(t, w, e) == -1 ? WALK_STOP : WALK_SKIP;
	if (w->leaving)
		return w->entries > 0 || wares_lead(&t->wares, w->path) || deployed_other(t->deployed, w->path, NULL, e) == 0
			       ? WALK_ON : WALK_STOP;
	item = wares_find(&t->wares, w->path);
	if (item != NULL) {
		t->seen[item - t->wares.items] = true;
		return deployed_item(t->deployed, item, w, e) == -1 ? WALK_STOP : WALK_SKIP;
	}
	return is_dir || deployed_other(t->deployed, w->path, NULL, e) == 0 ? WALK_ON : WALK_STOP;
}

static int compare(struct tree *t, const char *dir, unsigned jobs, struct err *e)
{
	struct file top = FILE_CLOSED;
	struct err later = {0};
	int rc;

	if (file_open_dir(dir, &top, e) == -1)
		return -1;
	t->seen = calloc(t->wares.n + 1, sizeof *t->seen);
	if (t->seen == NULL)
		err_mem(e);
	else
		t->deployed = deployed_open(&t->store, &top, jobs, &ops, t, e);
	if (t->csv && t->deployed != NULL)
		say_line("item,revision,state,path,found");
	progress_phase("comparing", 0, 1);
	rc = t->deployed == NULL ? -1 : walk_tree(&top, PATH_MAX_DEPTH, visit, t, e);
	for (size_t i = 0; rc == 0 && i < t->wares.n; i++)
		if (!t->seen[i] && t->wares.items[i].revision != 0)
			rc = deployed_item(t->deployed, &t->wares.items[i], NULL, e);
	if (deployed_close(t->deployed, rc == 0 ? e : &later) == -1)
		rc = -1;
	progress_end();
	file_close(&top);
	return rc;
}

/* Judged by an older root: a published item counts where its list is good by that one. */
static int check_lists(const struct tree *t, const struct state *now, struct err *e)
{
	struct list_ref last = {0};

	for (size_t i = 0; t->terms.trust_max != 0 && i < now->items_n; i++) {
		const struct list_ref ref = {.epoch = now->items[i].epoch, .revision = now->items[i].list};
		struct approvals *a;

		if (state_compare(&ref, &last) == 0)
			continue;
		a = state_list_load(&t->store, t->stream, ref.epoch, ref.revision, e);
		if (a == NULL)
			return err_prefix(e, "%s is published by it", now->items[i].item);
		approvals_free(a);
		last = ref;
	}
	return 0;
}

static int load(struct tree *t, struct state **now, struct err *e)
{
	char tree = 0;

	if (t->terms.dated)
		return wares_then(&t->store, t->stream, t->terms.now, now, e);
	if (state_current(&t->store, t->stream, &tree, e) == -1 ||
	    (tree != 0 && state_load(&t->store, t->stream, tree, now, e) == -1))
		return -1;
	if (*now == NULL)
		return err_set(e, ERR_MISSING, "%s publishes nothing of the stream %s yet", t->store.config.name, t->stream);
	return check_lists(t, *now, e);
}

static int run(struct tree *t, const char *dir, unsigned jobs, struct err *e)
{
	struct state *now = NULL;
	int rc = load(t, &now, e);

	if (rc == 0)
		rc = wares_open(&t->store, t->stream, now, &t->wares, e);
	if (rc == 0)
		rc = compare(t, dir, jobs, e);
	if (rc == 0) {
		say_summary(t, dir);
		rc = t->n[DEPLOYED_MISSING] + t->n[DEPLOYED_STALE] + t->n[DEPLOYED_CHANGED] + t->n[DEPLOYED_EXTRA] > 0 ? 1
		     : t->n[DEPLOYED_UNREADABLE] > 0 ? 3 : 0;
	}
	wares_close(&t->wares);
	state_free(now);
	free(t->seen);
	return rc;
}

int tree_run(const struct args *a, struct err *e)
{
	struct tree t = {.csv = args_has(a, "csv"), .store.dir = FILE_CLOSED};
	const char *store = args_get(a, "store");
	int rc = -1;

	if (args_expect(a, 1, 1, e) == -1 || terms_parse(a, &t.terms, e) == -1)
		return -1;
	if (store == NULL)
		return err_set(e, ERR_USAGE, "--store STORE is needed: the store whose published tree it should be");
	if (t.csv && say_json())
		return err_set(e, ERR_USAGE, "--csv and --json don't go together");
	if (store_open(store, &t.store, e) == -1)
		return -1;
	t.stream = store_choose(&t.store, args_get(a, "stream"), e);
	if (t.stream != NULL && store_as_of(&t.store, t.terms.trust_max, e) == 0)
		rc = run(&t, args_at(a, 0), t.terms.jobs, e);
	store_close(&t.store);
	return rc;
}

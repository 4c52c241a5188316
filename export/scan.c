/*
 * SCAN, the first step of the path: what is new, changed and gone under the content root waits in the draft for a
 * decision. Refuses to say that all is well (exit 1) while anything there can't be carried.
 *
 * Order on disk: contents lists, then the draft that names them, then the cache that belongs to the draft. After a
 * crash in between there are lists that nothing names, or a cache that fits no draft; neither does harm.
 */
#include "export/scan.h"

#include <stdlib.h>
#include <string.h>

#include "export/collect.h"
#include "export/hooks.h"
#include "export/policy.h"
#include "export/survey.h"
#include "lib/err.h"
#include "lib/num.h"
#include "lib/path.h"
#include "lib/pool.h"
#include "lib/progress.h"
#include "lib/say.h"
#include "manifests/limits.h"
#include "manifests/reason.h"

#include "lib/banned.h"

const struct option_def scan_options[] = {
	{"rehash", 0, NULL, "read every file again, also those that seem unchanged", false},
	{"jobs", 0, "N", "number of threads that hash (default: one for each processor)", false},
	{0},
};

struct scan {
	struct station s;
	struct draft *draft;
	struct collect collect;
	struct file content;
	struct cache *old;
	bool rehash, changed;	/* changed: the draft has to be saved */
	uint64_t jobs;
	uint64_t n_new, n_changed, n_gone, n_back, n_same, refused_items;
	size_t approved;	/* by policy */
};

static void say_refused(const char *path, const char *why)
{
	json_t *o = json_object();

	json_put_text(o, "path", path);
	json_put_text(o, "state", "refused");
	json_put_text(o, "reason", reason_word(R_CONTENT_REFUSED));
	json_put_text(o, "message", why);
	say_object(o);
	say_line("refused  %s: %s", path, why);
}

/* ---- looking ---- */

static int open_content(struct scan *n, struct err *e)
{
	bool inside;

	if (file_open_dir(n->s.config.content, &n->content, e) == -1) {
		e->reason = ERR_CONFIG;
		return err_prefix(e, "content root");
	}
	if (file_is_below(&n->s.dir, &n->content, &inside, e) == -1)
		return -1;
	return inside ? err_set(e, ERR_CONFIG, "%s: the station lies in its own content root", n->s.dir.name) : 0;
}

/* The old cache, and whether it was written with this draft. */
static int open_cache(struct scan *n, struct err *e)
{
	struct digest now;
	int rc = cache_open(&n->s.dir, &n->old, e);

	if (rc != 0)
		return rc == 1 ? 0 : -1;
	if (draft_fingerprint(n->draft, &now, e) == -1)
		return -1;
	n->collect.old = !n->rehash && digest_equal(&now, cache_draft(n->old)) ? n->old : NULL;
	return 0;
}

static int look(struct scan *n, struct err *e)
{
	struct survey s = {.config = &n->s.config, .content = &n->content, .rehash = n->rehash, .jobs = (unsigned)n->jobs,
			   .take = collect_take, .arg = &n->collect};
	int rc;

	if (open_content(n, e) == -1 || open_cache(n, e) == -1)
		return -1;
	s.cache = n->old;
	n->collect.station = &n->s;
	n->collect.draft = n->draft;
	n->collect.refused = say_refused;
	n->collect.contents = shelf_open(&n->s.dir, "contents", e);
	n->collect.cache = n->collect.contents == NULL ? NULL : cache_writer_open(&n->s.dir, e);
	if (n->collect.cache == NULL)
		return -1;
	progress_phase("scanning", 0, 1);
	rc = survey_run(&s, e);
	progress_end();
	return rc;
}

/* ---- outcomes and the draft ---- */

static int by_item(const void *a, const void *b)
{
	return strcmp(((const struct outcome *)a)->item, ((const struct outcome *)b)->item);
}

static struct outcome *find(const struct scan *n, const char *item)
{
	struct outcome key = {.item = (char *)(uintptr_t)item};

	return n->collect.n == 0 ? NULL : bsearch(&key, n->collect.list, n->collect.n, sizeof key, by_item);
}

/* Nobody could look there: the item, or a directory above it, was refused. */
static bool unseen(const struct scan *n, const char *item)
{
	char path[PATH_MAX_LEN + 1];
	size_t len = strlen(item);

	memcpy(path, item, len + 1);
	for (;;) {
		const struct outcome *o = find(n, path);
		char *slash = strrchr(path, '/');

		if (o != NULL && o->kind == OUTCOME_REFUSED)
			return true;
		if (slash == NULL)
			return false;
		*slash = '\0';
	}
}

/* Whether there will be a revision of this item in the draft, and it is there. */
static bool exists(const struct scan *n, const char *item)
{
	const struct outcome *o = find(n, item);
	const struct draft_revision *r;

	if (o != NULL && (o->kind == OUTCOME_SAME || o->kind == OUTCOME_NEW))
		return true;
	r = draft_newest(n->draft, item);
	return r != NULL && !r->gone && unseen(n, item);
}

/* Of the places that links point into, the items stay. Refuses more than an approval can hold. */
static void resolve(struct scan *n)
{
	for (size_t i = 0; i < n->collect.n; i++) {
		struct outcome *o = &n->collect.list[i];
		size_t kept = 0;

		for (size_t k = 0; k < o->links_n; k++)
			if (exists(n, o->links[k]))
				o->links[kept++] = o->links[k];
		o->links_n = kept;
		if (kept > MAX_REQUIRES && (o->kind == OUTCOME_SAME || o->kind == OUTCOME_NEW)) {
			say_refused(o->item, "its links point into more than 256 other items");
			o->kind = OUTCOME_REFUSED;
			cache_writer_refuse(n->collect.cache, o->item);
			n->collect.refused_n++;
		}
	}
}

static void say_change(const char *state, const struct draft_revision *r)
{
	char size[24];
	json_t *o = json_object();

	json_put_text(o, "item", r->item);
	json_put_text(o, "state", state);
	json_put_number(o, "revision", r->revision);
	json_put_number(o, "files", r->contents.files);
	json_put_number(o, "bytes", r->contents.bytes);
	say_object(o);
	say_line("%-8s %s revision %llu, %s, %s", state, r->item, (unsigned long long)r->revision,
		 num_of(r->contents.files, "file"),
		 num_format_size(r->contents.bytes, size));
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

/* An item that is there: its newest row (or NULL, and then *out is its first). Whether *out is a new row. */
static bool judge(struct scan *n, const struct outcome *o, struct draft_revision *newest, struct draft_revision *out)
{
	if (o->kind == OUTCOME_NEW) {
		*out = (struct draft_revision){.item = newest != NULL ? newest->item : o->item, .contents = o->contents,
					       .revision = newest != NULL ? newest->revision + 1 : 1, .seen = n->s.now,
					       .requires = o->links, .requires_n = o->links_n};
		*(newest != NULL ? &n->n_changed : &n->n_new) += 1;
		n->changed = true;
		if (newest != NULL)
			newest->gone = false;
		say_change(newest != NULL ? "changed" : "new", out);
		return true;
	}
	if (newest->gone) {
		newest->gone = false;
		n->n_back++;
		n->changed = true;
		say_change("back", newest);
	} else {
		n->n_same++;
	}
	if (!same_texts(newest->requires, newest->requires_n, o->links, o->links_n)) {
		newest->requires = o->links;
		newest->requires_n = o->links_n;
		n->changed = true;
	}
	return false;
}

static void miss(struct scan *n, struct draft_revision *newest)
{
	if (newest->gone || unseen(n, newest->item))
		return;
	newest->gone = true;
	n->n_gone++;
	n->changed = true;
	say_change("gone", newest);
}

/* Both sorted by item: what was known, and what was found. */
static int merge(struct scan *n, struct err *e)
{
	struct draft *d = n->draft;
	struct outcome *o = n->collect.list, *o_end = o + n->collect.n;
	struct draft_revision *rows = arena_alloc(&d->arena, (d->revisions_n + n->collect.n + 1) * sizeof *rows);
	size_t count = 0, at = 0;

	if (rows == NULL)
		return err_mem(e);
	while (at < d->revisions_n || o < o_end) {
		int order = at == d->revisions_n ? 1 : o == o_end ? -1 : strcmp(d->revisions[at].item, o->item);
		struct draft_revision *newest = NULL;

		if (order <= 0) {
			const char *item = d->revisions[at].item;

			for (; at < d->revisions_n && strcmp(d->revisions[at].item, item) == 0; at++)
				rows[count++] = d->revisions[at];
			newest = &rows[count - 1];
		}
		if (order < 0 || (order == 0 && o->kind == OUTCOME_EMPTY))
			miss(n, newest);
		else if ((o->kind == OUTCOME_SAME || o->kind == OUTCOME_NEW) && judge(n, o, newest, &rows[count]))
			count++;
		if (order >= 0) {
			n->refused_items += o->kind == OUTCOME_REFUSED;
			o++;
		}
	}
	d->revisions = rows;
	d->revisions_n = count;
	return 0;
}

static int save(struct scan *n, struct err *e)
{
	struct cache_writer *w = n->collect.cache;
	struct digest draft;

	if (shelf_commit(n->collect.contents, e) == -1 || (n->changed && draft_save(&n->s, n->draft, e) == -1) ||
	    draft_fingerprint(n->draft, &draft, e) == -1)
		return -1;
	n->collect.cache = NULL;
	return cache_writer_commit(w, &draft, e);
}

static int report(const struct scan *n, struct err *e)
{
	json_t *o = json_object(), *s = json_object();

	json_put_number(s, "new", n->n_new);
	json_put_number(s, "changed", n->n_changed);
	json_put_number(s, "gone", n->n_gone);
	json_put_number(s, "back", n->n_back);
	json_put_number(s, "unchanged", n->n_same);
	json_put_number(s, "refused", n->refused_items);
	json_put_number(s, "files", n->collect.files);
	json_put_number(s, "approved", n->approved);
	json_put(o, "summary", s);
	say_object(o);
	say_line("%llu new, %llu changed, %llu gone, %llu back, %llu unchanged, %llu refused", (unsigned long long)n->n_new,
		 (unsigned long long)n->n_changed, (unsigned long long)n->n_gone, (unsigned long long)n->n_back,
		 (unsigned long long)n->n_same, (unsigned long long)n->refused_items);
	if (n->approved > 0) {
		say_note("%zu approved by policy", n->approved);
		station_next(&n->s, "sign");
	}
	if (n->n_new + n->n_changed > n->approved)
		station_next(&n->s, "approve ITEM... --ring RING, or --all");
	if (n->n_gone > 0)
		say_note("what is gone stays approved where it was; 'decline --gone' withdraws it, 'revoke --gone' for good");
	if (n->refused_items == 0)
		return 0;
	err_set(e, R_CONTENT_REFUSED, "%llu %s out, the reasons stand above", (unsigned long long)n->refused_items,
		n->refused_items == 1 ? "item stays" : "items stay");
	return err_hint(e, "mend what is named there, or put it under exclude: in station.yaml, and scan again");
}

static int run(struct scan *n, struct err *e)
{
	struct hooks_scanned counts;

	n->draft = draft_load(&n->s, e);
	if (n->draft == NULL || look(n, e) == -1)
		return -1;
	if (n->collect.n > 0)
		qsort(n->collect.list, n->collect.n, sizeof *n->collect.list, by_item);
	resolve(n);
	if (merge(n, e) == -1 || save(n, e) == -1 || policy_approve(&n->s, n->draft, &n->approved, e) == -1)
		return -1;
	counts = (struct hooks_scanned){n->n_new, n->n_changed, n->n_gone, n->refused_items};
	if (hooks_waiting(&n->s, n->draft, &counts, e) == -1)
		return -1;
	return report(n, e);
}

int scan_run(const struct args *a, struct err *e)
{
	struct scan n = {.content = FILE_CLOSED, .rehash = args_has(a, "rehash")};
	int rc;

	if (args_expect(a, 0, 0, e) == -1 || args_number(a, "jobs", 1, 64, pool_default_jobs(), &n.jobs, e) == -1 ||
	    station_open(a, STATION_WRITE, &n.s, e) == -1)
		return -1;
	rc = run(&n, e);
	cache_writer_abort(n.collect.cache);
	shelf_close(n.collect.contents);
	cache_close(n.old);
	collect_free(&n.collect);
	draft_free(n.draft);
	file_close(&n.content);
	station_close(&n.s);
	return rc;
}

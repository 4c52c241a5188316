/*
 * SELECT: from the list to the objects. freeze | SELECT | plan | pack.
 * Refuses items that are unknown, not approved or revoked, and lists whose contents the station lost.
 */
#include "export/select.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/confirmed.h"
#include "export/draft.h"
#include "export/select_files.h"
#include "export/station.h"
#include "lib/err.h"
#include "lib/path.h"
#include "lib/progress.h"
#include "lib/timings.h"
#include "manifests/contents.h"
#include "manifests/reason.h"

#include "lib/banned.h"

static bool matches(const char *const *patterns, size_t n, const char *item)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(patterns[i], item) == 0 || path_match(patterns[i], item))
			return true;
	return false;
}

static bool known(const struct approvals *list, const struct draft *d, const char *pattern)
{
	for (size_t i = 0; d && i < d->revisions_n; i++)
		if (matches(&pattern, 1, d->revisions[i].item))
			return true;
	for (size_t i = 0; list && i < list->items_n; i++)
		if (matches(&pattern, 1, list->items[i].item))
			return true;
	return false;
}

static void set_whom(struct select_entry *x, size_t destination)
{
	x->whom[destination / 64] |= UINT64_C(1) << destination % 64;
}

static bool is_for(const struct select_entry *x, size_t destination)
{
	return (x->whom[destination / 64] >> destination % 64 & 1) != 0;
}

/* Whether an entry is what one of the destinations takes, and which; without destinations every entry is. */
static bool for_destinations(const struct approvals *list, const struct approval *p, const struct select_wish *w,
			     struct select_entry *x)
{
	bool any = w->destinations_n == 0;

	for (size_t i = 0; i < w->destinations_n; i++) {
		const struct station_destination *d = w->destinations[i];

		if (approvals_entry(list, p->item, d->rings, d->rings_n) != p)
			continue;
		set_whom(x, i);
		any = true;
	}
	return any;
}

static int add(struct selection *s, const struct select_entry *x, struct err *e)
{
	if ((s->entries_n & (s->entries_n - 1)) == 0) {	/* full at each power of two */
		size_t cap = s->entries_n ? 2 * s->entries_n : 1;
		struct select_entry *more = realloc(s->entries, cap * sizeof *more);

		if (!more)
			return err_mem(e);
		s->entries = more;
	}
	s->entries[s->entries_n++] = *x;
	return 0;
}

/* All revisions of an item, unless they are wanted already: then they are looked at for what they require. */
static void want(size_t first, size_t count, bool *wanted, size_t *waiting, size_t *n)
{
	for (size_t i = first; i < first + count; i++)
		if (!wanted[i]) {
			wanted[i] = true;
			waiting[(*n)++] = i;
		}
}

/* Which entries --only means: those of the items named, and of all they require, for without it they would not appear. */
static int want_only(const struct approvals *list, const struct select_wish *w, bool *wanted, struct err *e)
{
	size_t *waiting = calloc(list->items_n + 1, sizeof *waiting), n = 0;

	if (waiting == NULL)
		return err_mem(e);
	for (size_t i = 0; i < list->items_n; i++)
		if (w->only_n == 0 || matches(w->only, w->only_n, list->items[i].item))
			want(i, 1, wanted, waiting, &n);
	while (n > 0) {
		const struct approval *p = &list->items[waiting[--n]];

		for (size_t k = 0; k < p->requires_n; k++) {
			size_t count, first = approvals_find(list, p->requires[k], &count);

			want(first, count, wanted, waiting, &n);
		}
	}
	free(waiting);
	return 0;
}

static int add_approved(const struct approvals *list, const struct select_wish *w, bool kept, struct selection *out,
			struct err *e)
{
	bool *wanted;
	int rc;

	if (!list)
		return 0;
	wanted = calloc(list->items_n + 1, sizeof *wanted);
	rc = wanted == NULL ? err_mem(e) : want_only(list, w, wanted, e);
	for (size_t i = 0; rc == 0 && i < list->items_n; i++) {
		const struct approval *p = &list->items[i];
		struct select_entry x = {.item = p->item, .revision = p->revision, .contents = &p->contents, .kept = kept};

		if (wanted[i] && for_destinations(list, p, w, &x))
			rc = add(out, &x, e);
	}
	free(wanted);
	return rc;
}

/* Whether a revision was declined for each of these rings. */
static bool declined_for(const struct draft_revision *r, char *const *rings, size_t n)
{
	bool all = r->declined_for_n > 0;

	for (size_t i = 0; i < n; i++)
		all = all && draft_declined(r, rings[i]);
	return r->declined || all;
}

/* Whether an item's newest revision may travel ahead, and to whom: 1; 0 where it was declined for all their rings, or the
 * station's where nobody is named; -1 revoked, gone. */
static int may_go_ahead(const struct draft *d, const struct draft_revision *r, const struct select_wish *w,
			const struct station_config *c, struct select_entry *x, struct err *e)
{
	int any = 0;

	for (size_t i = 0; i < d->revoked_n; i++)
		if (digest_equal(&d->revoked[i].contents, &r->contents.sha256))
			return err_set(e, R_REVOKED, "%s: revision %llu was revoked", r->item, (unsigned long long)r->revision);
	if (r->gone) {
		err_set(e, R_NOT_APPROVED, "%s: is no longer under the content root", r->item);
		return err_hint(e, "only what is there can travel ahead");
	}
	if (w->destinations_n == 0)
		return !declined_for(r, c->rings, c->rings_n);
	for (size_t i = 0; i < w->destinations_n; i++)
		if (!declined_for(r, w->destinations[i]->rings, w->destinations[i]->rings_n)) {
			set_whom(x, i);
			any = 1;
		}
	return any;
}

/* One pattern of --ahead. What it names by a wildcard and may not travel is passed over; by its own name it is refused. */
static int add_ahead(const struct station_config *c, const struct draft *d, const char *pattern, const struct select_wish *w,
		     struct selection *out, struct err *e)
{
	size_t found = 0;

	for (size_t i = 0; i < d->revisions_n; i++) {
		const struct draft_revision *r = &d->revisions[i];
		struct select_entry x = {.item = r->item, .revision = r->revision, .contents = &r->contents};
		struct err why = {0};
		int may;

		if (i + 1 < d->revisions_n && strcmp(d->revisions[i + 1].item, r->item) == 0)
			continue;	/* the newest only */
		if (!matches(&pattern, 1, r->item))
			continue;
		may = may_go_ahead(d, r, w, c, &x, &why);
		if (may == -1 && strcmp(pattern, r->item) == 0) {
			*e = why;
			return -1;
		}
		if (may != 1)
			continue;
		found++;
		if (add(out, &x, e) == -1)
			return -1;
	}
	if (found > 0)
		return 0;
	err_set(e, R_NOT_APPROVED, "--ahead %s: nothing that may travel: what it names was declined or revoked", pattern);
	return err_hint(e, "`satchel-export list` shows the decisions");
}

static int check_patterns(const struct approvals *list, const struct draft *d, const char *option,
			  const char *const *patterns, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (!known(list, d, patterns[i])) {
			err_set(e, R_ITEM_UNKNOWN, "--%s %s: no such item", option, patterns[i]);
			return err_hint(e, "`satchel-export list` names them");
		}
	return 0;
}

/* Every pattern of --only must have let something through. */
static int check_only(const struct select_wish *w, const struct selection *s, struct err *e)
{
	for (size_t i = 0; i < w->only_n; i++) {
		bool found = false;

		for (size_t k = 0; k < s->entries_n && !found; k++)
			found = matches(&w->only[i], 1, s->entries[k].item);
		if (!found) {
			err_set(e, R_NOT_APPROVED, "--only %s: not approved for these destinations", w->only[i]);
			return err_hint(e, "approve it and sign, or let it travel with --ahead");
		}
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct select_entry *x = a, *y = b;
	int c = strcmp(x->item, y->item);

	if (c == 0)
		c = (x->revision > y->revision) - (x->revision < y->revision);
	return c ? c : y->kept - x->kept;
}

/* By item and revision; what was approved and is named ahead as well stands there once, as approved. */
static void sort(struct selection *s)
{
	size_t n = 0;

	if (s->entries_n > 0)
		qsort(s->entries, s->entries_n, sizeof *s->entries, compare);
	for (size_t i = 0; i < s->entries_n; i++) {
		struct select_entry *x = &s->entries[i], *last = n > 0 ? &s->entries[n - 1] : NULL;

		if (!last || last->revision != x->revision || strcmp(last->item, x->item) != 0)
			s->entries[n++] = *x;
		else
			for (size_t k = 0; k < sizeof x->whom / sizeof *x->whom; k++)
				last->whom[k] |= x->whom[k];
	}
	s->entries_n = n;
}

int select_entries(const struct station *s, const struct approvals *list, const struct draft *d, const struct select_wish *w,
		   struct selection *out, struct err *e)
{
	if (check_patterns(list, d, "only", w->only, w->only_n, e) == -1 ||
	    check_patterns(NULL, d, "ahead", w->ahead, w->ahead_n, e) == -1 ||
	    add_approved(list, w, s->config.policy.keep_objects, out, e) == -1)
		return -1;
	for (size_t i = 0; i < w->ahead_n; i++)
		if (add_ahead(&s->config, d, w->ahead[i], w, out, e) == -1)
			return -1;
	sort(out);
	return check_only(w, out, e);
}

/* Where an entry's objects go. */
struct filling {
	struct cargo *cargo;
	struct confirmed *const *confirmed;	/* NULL: all is carried */
	size_t confirmed_n;
	const struct select_entry *entry;
};

/* An object, as far as one of the entry's destinations lacks it. */
static int fill(const struct filling *f, const struct digest *d, uint64_t size, const char *path, struct err *e)
{
	for (size_t i = 0; i < f->confirmed_n; i++) {
		const struct extents *lacks = is_for(f->entry, i) ? confirmed_lacks(f->confirmed[i], d) : NULL;
		bool whole;

		if (!lacks)
			continue;
		/* what speaks of another size than ours says nothing */
		whole = lacks == &confirmed_whole || lacks->list[lacks->n - 1].to > size || extents_cover(lacks, 0, size);
		if ((whole ? cargo_add(f->cargo, d, size, path, e) : cargo_add_parts(f->cargo, d, size, path, lacks, e)) == -1)
			return -1;
		if (whole)
			return 0;
	}
	return f->confirmed || cargo_add(f->cargo, d, size, path, e) != -1 ? 0 : -1;
}

static int add_part(void *arg, const struct contents_part *p, struct err *e)
{
	return fill(arg, &p->sha256, p->size, NULL, e);
}

static int add_documents(const struct station *s, struct filling *f, struct err *e)
{
	const struct select_entry *x = f->entry;

	if (fill(f, &x->contents->sha256, x->contents->size, NULL, e) == -1)
		return -1;
	return select_files_judge(x, contents_parts(x->contents, x->item, station_fetch, (void *)(uintptr_t)s, add_part, f, e), e);
}

/* select_each_file */
static int add_file(void *arg, const struct select_file *file, struct err *e)
{
	struct filling *f = arg;

	progress_add(1);
	f->entry = file->entry;
	return fill(f, &file->sha256, file->size, file->path, e);
}

int select_cargo(const struct station *s, struct confirmed *const *confirmed, struct selection *out, struct err *e)
{
	struct filling f = {.cargo = &out->cargo, .confirmed = confirmed};
	uint64_t files = 0, since = timings_now();

	while (confirmed && confirmed[f.confirmed_n])
		f.confirmed_n++;
	for (size_t i = 0; i < out->entries_n; i++) {
		f.entry = &out->entries[i];
		files += f.entry->contents->files;
		if (add_documents(s, &f, e) == -1)
			return -1;
	}
	out->cargo.documents_n = out->cargo.n;
	progress_phase("selecting files", files, 0);
	if (select_files_all(s, out->entries, out->entries_n, add_file, &f, e) == -1)
		return -1;
	progress_end();
	timings_busy("selecting files", since);
	return 0;
}

struct searching {
	const struct digest *digest;
	char *path;
	size_t size;
};

/* select_each_file */
static int found_file(void *arg, const struct select_file *file, struct err *e)
{
	struct searching *f = arg;

	(void)e;
	if (!digest_equal(f->digest, &file->sha256))
		return 0;
	snprintf(f->path, f->size, "%s", file->path);
	return 1;
}

int select_path(const struct station *s, const struct selection *sel, const struct digest *d, char *path, size_t size,
		struct err *e)
{
	struct searching f = {d, path, size};

	for (size_t i = 0; i < sel->entries_n; i++) {
		int rc = select_files_of(s, &sel->entries[i], found_file, &f, e);

		if (rc != 0)
			return rc == 1 ? 0 : -1;
	}
	return 1;
}

void select_free(struct selection *s)
{
	free(s->entries);
	cargo_free(&s->cargo);
	s->entries = NULL;
	s->entries_n = 0;
}

/*
 * From an entry of a list to the objects it lacks. Asked by update (is it ready?) and for what is told to people and
 * written into state.yaml. Refuses contents lists that contents_reader refuses.
 */
#include "import/missing.h"

#include "import/folding.h"
#include "import/objects.h"
#include "lib/buf.h"
#include "lib/distinct.h"
#include "lib/err.h"
#include "manifests/contents.h"
#include "manifests/reason.h"
#include "verify/state.h"

#include "lib/banned.h"

struct asking {
	struct objects *objects;
	const struct approval *entry;
	int (*each)(void *arg, const struct missing_object *m, struct err *e);
	void *arg;
	struct distinct seen;	/* of missing ones */
};

static int tell(struct asking *a, const struct digest *d, uint64_t size, const char *path, struct err *e)
{
	struct missing_object m = {.sha256 = *d, .size = size, .item = a->entry->item, .path = path};
	int rc = distinct_add(&a->seen, d, e);

	return rc == 1 ? a->each(a->arg, &m, e) : rc;
}

/* What was set aside as damaged is asked for too: nothing new can be published from it. */
static int ask(struct asking *a, const struct digest *d, uint64_t size, const char *path, struct err *e)
{
	int rc = objects_needed(a->objects, d, e);

	return rc == 1 ? tell(a, d, size, path, e) : rc;
}

/* A record that states another size than its object has is a lie, though its sum may be right (FORMAT 6.2). */
static int ask_record(struct asking *a, const struct record *r, struct err *e)
{
	uint64_t size;
	int rc;

	if (!r->has_file)
		return 0;
	rc = objects_has(a->objects, &r->sha256, &size, e);
	if (rc == -1)
		return -1;
	if (rc == 0 || size == UINT64_MAX)	/* not here, or set aside */
		return tell(a, &r->sha256, r->size, r->path, e);
	if (size == r->size)
		return 0;
	return err_set(e, R_DOCUMENT_FORM, "%s: a size of %llu is stated, its object has %llu (FORMAT 6.2)", r->path,
		       (unsigned long long)r->size, (unsigned long long)size);
}

static int ask_parts(struct asking *a, const struct contents_reader *r, bool *all, struct err *e)
{
	size_t n, before = a->seen.n;
	const struct contents_part *parts = contents_reader_parts(r, &n);

	for (size_t i = 0; i < n; i++)
		if (ask(a, &parts[i].sha256, parts[i].size, NULL, e) == -1)
			return -1;
	*all = a->seen.n == before;
	return 0;
}

/* contents_diff */
static int ask_changed(void *arg, const struct record *was, const struct record *is, struct err *e)
{
	if (is == NULL || (was != NULL && was->has_file && is->has_file && was->size == is->size &&
			   digest_equal(&was->sha256, &is->sha256)))
		return 0;
	return ask_record(arg, is, e);
}

/* Every record; parts that aren't there are passed over. */
static int ask_all(struct asking *a, struct contents_reader *r, struct err *e)
{
	const struct record *record;
	int got;

	while ((got = contents_reader_next(r, &record, e)) > 0)
		if (got == 1 && ask_record(a, record, e) == -1)
			return -1;
	return got;
}

/* To its end, as contents_diff demands of a list from outside: what it passes over it has to believe. */
static int read_whole(const struct asking *a, struct err *e)
{
	struct contents_reader *r = NULL;
	const struct record *record;
	int rc = contents_reader_open(&a->entry->contents, a->entry->item, objects_fetch, a->objects, &r, e);

	while (rc == 0 && (rc = contents_reader_next(r, &record, e)) > 0)
		rc = 0;
	contents_reader_close(r);
	return rc == -1 ? -1 : 0;
}

/* Whether the store can have all names of a contents list that is here whole. */
static int try_names(const struct asking *a, struct err *e)
{
	const struct file *store = objects_folding(a->objects);
	struct contents_reader *r = NULL;
	const struct record *record;
	struct folding *f;
	int got = 0, rc;

	if (store == NULL)
		return 0;
	f = folding_open(store, e);
	if (f == NULL)
		return -1;
	rc = contents_reader_open(&a->entry->contents, a->entry->item, objects_fetch, a->objects, &r, e);
	while (rc == 0 && (got = contents_reader_next(r, &record, e)) > 0)
		rc = got == 1 ? folding_try(f, record->path, e) : 0;
	contents_reader_close(r);
	if (folding_close(f, rc == -1 || got == -1 ? NULL : e) == -1 || got == -1)
		return -1;
	return rc == -1 ? -1 : 0;
}

/* Only what differs from the published contents: 1 done, 0 where these can't be read, -1. */
static int ask_difference(struct asking *a, const struct state_item *former, struct contents_reader *new, struct err *e)
{
	struct contents_ref ref = {.sha256 = former->contents, .size = former->size, .files = former->files,
				   .bytes = former->bytes};
	struct contents_reader *old = NULL;
	const struct contents_part *parts;
	size_t n;
	int rc = contents_reader_open(&ref, former->item, objects_fetch, a->objects, &old, e);

	if (rc != 0)
		return rc == -1 ? -1 : 0;
	parts = contents_reader_parts(old, &n);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = objects_needed(a->objects, &parts[i].sha256, e);	/* a part may be set aside as damaged */
	if (rc == 0)
		rc = contents_diff(old, new, ask_changed, a, e) == -1 ? -1 : 1;
	else if (rc == 1)
		rc = 0;
	contents_reader_close(old);
	return rc;
}

bool missing_is_malformed(int reason)
{
	return reason == R_NAME || reason == R_DOCUMENT_TYPE || reason == R_DOCUMENT_VERSION || reason == R_DOCUMENT_FORM ||
	       reason == R_DOCUMENT_TOO_LARGE;
}

bool missing_is_damage(int reason)
{
	return reason != ERR_IO && reason != ERR_NO_SPACE && reason != ERR_MEMORY && reason != ERR_INTERNAL;
}

int missing_pass_over(const struct err *why, struct err *e)
{
	if (why->reason == ERR_NONE || missing_is_damage(why->reason))
		return 0;
	*e = *why;
	return -1;
}

/* What an answer depends on, beside the objects. */
static int question(const struct approval *entry, const struct state_item *former, struct digest *out, struct err *e)
{
	const uint64_t numbers[] = {entry->contents.size, entry->contents.files, entry->contents.bytes, former != NULL};
	struct buf b = {0};
	int rc;

	buf_append(&b, &entry->contents.sha256, sizeof entry->contents.sha256);
	buf_append(&b, numbers, sizeof numbers);
	if (former != NULL)
		buf_append(&b, &former->contents, sizeof former->contents);
	buf_puts(&b, entry->item);
	rc = buf_ok(&b, e) == -1 ? -1 : digest_of(b.data, b.len, out, e);
	buf_free(&b);
	return rc;
}

int missing_each(struct objects *o, const struct approval *entry, const struct state_item *former,
		 int (*each)(void *arg, const struct missing_object *m, struct err *e), void *arg, struct err *e)
{
	struct asking a = {.objects = o, .entry = entry, .each = each, .arg = arg};
	struct contents_reader *r = NULL;
	struct digest asked;
	bool all = false;
	int rc;

	if (question(entry, former, &asked, e) == -1)
		return -1;
	if (objects_remembers(o, &asked))
		return 0;
	rc = contents_reader_open(&entry->contents, entry->item, objects_fetch, o, &r, e);
	if (rc == 1)
		rc = ask(&a, &entry->contents.sha256, entry->contents.size, NULL, e);
	else if (rc == 0)
		rc = ask_parts(&a, r, &all, e);
	if (rc == 0 && r != NULL && all)
		rc = try_names(&a, e);
	if (rc == 0 && r != NULL && all && former != NULL && !state_publishes(former, &entry->contents))
		rc = read_whole(&a, e);
	if (rc == 0 && r != NULL) {
		int done = all && former != NULL ? ask_difference(&a, former, r, e) : 0;

		rc = done == 0 ? ask_all(&a, r, e) : done == 1 ? 0 : -1;
	}
	if (rc == 0 && a.seen.n == 0)
		rc = objects_remember(o, &asked, e);
	if (rc == -1)
		err_prefix(e, "%s", entry->item);
	contents_reader_close(r);
	distinct_free(&a.seen);
	return rc;
}

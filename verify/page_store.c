/*
 * A store on a page (verify/page.h): what it follows, its lists and who signed them, what is published and what waits, its
 * trust and its history. Lists are judged by the roots recorded with them; objects are not hashed, which the page says.
 */
#include "verify/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/digest.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/num.h"
#include "manifests/approvals.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"
#include "verify/report.h"
#include "verify/service.h"
#include "verify/signers.h"
#include "verify/state.h"
#include "verify/store.h"
#include "verify/terms.h"

#include "lib/banned.h"

struct telling {
	struct page *page;
	const struct store *store;
	const struct store_stream *stream;
	const struct state *state;	/* NULL: nothing was published yet, */
	bool unread;			/* or what is can't be told */
	char **titles;			/* of the state's items, or NULL each */
	int64_t now;
};

/* ---- lists ---- */

/* "in effect, newest" */
static const char *role_of(const struct state *s, const struct list_ref *ref)
{
	bool complete = s != NULL && s->has_complete && state_compare(&s->complete, ref) == 0;
	bool newest = s != NULL && s->has_newest && state_compare(&s->newest, ref) == 0;

	if (complete && s->has_rollback)
		return newest ? "in effect by a rollback, newest" : "in effect by a rollback";
	return complete ? newest ? "in effect, newest" : "in effect" : newest ? "newest" : "";
}

static int take_titles(struct telling *t, const struct approvals *a, struct err *e)
{
	for (size_t i = 0; t->state != NULL && i < t->state->items_n; i++) {
		const struct state_item *is = &t->state->items[i];
		const struct approval *entry = NULL;
		size_t first, count;

		if (is->epoch != a->epoch || is->list != a->revision)
			continue;
		first = approvals_find(a, is->item, &count);
		for (size_t k = first; k < first + count; k++)
			if (a->items[k].revision == is->revision)
				entry = &a->items[k];
		if (entry == NULL || entry->title == NULL)
			continue;
		t->titles[i] = strdup(entry->title);
		if (t->titles[i] == NULL)
			return err_mem(e);
	}
	return 0;
}

static void put_list(struct telling *t, const struct list_ref *ref, const struct approvals *a, const char *signers)
{
	char from[32], to[32], hex[DIGEST_HEX + 1];

	page_row(t->page);
	page_cell(t->page, "%llu", (unsigned long long)a->epoch);
	page_cell(t->page, "%llu", (unsigned long long)a->revision);
	page_cell(t->page, "%s", role_of(t->state, ref));
	page_cell(t->page, "%s", num_format_time(a->issued, from));
	page_cell(t->page, "%s%s", num_format_time(a->expires, to), a->expires <= t->now ? " EXPIRED" : "");
	page_cell(t->page, "%zu", a->items_n);
	page_cell(t->page, "%zu", a->revoked_n);
	page_cell(t->page, "%s", signers);
	page_cell(t->page, "%s", digest_hex(&a->digest, hex));
}

/* One list kept: its row and the titles it gives, or why it is none, which is told behind the table. */
static int tell_list(struct telling *t, const struct list_ref *ref, struct err *why)
{
	struct approvals *a = state_list_load(t->store, t->stream->stream, ref->epoch, ref->revision, why);
	struct file dir = FILE_CLOSED;
	struct buf signers = {0};
	char path[MAX_NAME_LEN + 80];
	int rc = -1;

	if (a == NULL)
		return -1;
	snprintf(path, sizeof path, "streams/%s/lists/%llu-%llu", t->stream->stream, (unsigned long long)ref->epoch,
		 (unsigned long long)ref->revision);
	if (file_open_dir_at(&t->store->dir, path, &dir, why) == 0 &&
	    signers_name(&t->store->chain, &dir, NAMES_APPROVALS, a, &signers, NULL, why) == 0 && take_titles(t, a, why) == 0) {
		put_list(t, ref, a, (const char *)signers.data);
		rc = 0;
	}
	buf_free(&signers);
	file_close(&dir);
	approvals_free(a);
	return rc;
}

/* A list that the state in service names, and that is not among those kept. */
static int miss(const struct telling *t, const struct kept_lists *kept, bool named, const struct list_ref *ref, struct err *e)
{
	struct err why = {0};

	for (size_t i = 0; named && i < kept->n; i++)
		named = state_compare(&kept->refs[i], ref) != 0;
	if (!named)
		return 0;
	err_set(&why, R_STORE_DAMAGED, "streams/%s/lists/%llu-%llu: it is not there, and what is published rests on it", t->stream->stream,
		(unsigned long long)ref->epoch, (unsigned long long)ref->revision);
	return page_fault_of(t->page, &why, e);
}

static int tell_lists(struct telling *t, struct err *e)
{
	const struct state *s = t->state;
	struct kept_lists kept = {0};
	struct err *why, unread = {0};
	int rc = 0;

	if (state_lists(t->store, t->stream->stream, &kept, &unread) == -1)
		return page_fault_of(t->page, &unread, e);
	why = calloc(kept.n + 1, sizeof *why);
	if (why == NULL) {
		state_lists_free(&kept);
		return err_mem(e);
	}
	page_table(t->page, "epoch|revision|list|issued|expires|entries|revoked|signed by|SHA-256");
	for (size_t i = kept.n; i-- > 0;)
		tell_list(t, &kept.refs[i], &why[i]);
	page_table_end(t->page, kept.n);
	for (size_t i = kept.n; rc == 0 && i-- > 0;)
		if (why[i].reason != ERR_NONE)
			rc = page_fault_of(t->page, &why[i], e);
	if (rc == 0 && s != NULL)
		rc = miss(t, &kept, s->has_complete, &s->complete, e);
	if (rc == 0 && s != NULL && !(s->has_complete && state_compare(&s->complete, &s->newest) == 0))
		rc = miss(t, &kept, s->has_newest, &s->newest, e);
	free(why);
	state_lists_free(&kept);
	return rc;
}

/* ---- items ---- */

static void tell_items(const struct telling *t)
{
	uint64_t files = 0, bytes = 0;
	char size[24], hex[DIGEST_HEX + 1];

	for (size_t i = 0; i < t->state->items_n; i++) {
		files += t->state->items[i].files;
		bytes += t->state->items[i].bytes;
	}
	page_line(t->page, "Published: %s, %s, %s.", num_of(t->state->items_n, "item"), num_of(files, "file"),
		  num_format_size(bytes, size));
	page_table(t->page, "item|revision|by list|title|files|bytes|contents list (SHA-256)");
	for (size_t i = 0; i < t->state->items_n; i++) {
		const struct state_item *is = &t->state->items[i];

		page_row(t->page);
		page_cell(t->page, "%s", is->item);
		page_cell(t->page, "%llu", (unsigned long long)is->revision);
		page_cell(t->page, "%llu-%llu", (unsigned long long)is->epoch, (unsigned long long)is->list);
		page_cell(t->page, "%s", t->titles[i] != NULL ? t->titles[i] : "");
		page_cell(t->page, "%llu", (unsigned long long)is->files);
		page_cell(t->page, "%llu", (unsigned long long)is->bytes);
		page_cell(t->page, "%s", digest_hex(&is->contents, hex));
	}
	page_table_end(t->page, t->state->items_n);
}

static void tell_waiting(const struct telling *t)
{
	page_line(t->page, "Waiting: %s; %s missing in all.", num_of(t->state->waiting_n, "item"),
		  num_of(t->state->missing_total, "object"));
	page_table(t->page, "item|revision|waits for|objects missing|their bytes");
	for (size_t i = 0; i < t->state->waiting_n; i++) {
		const struct state_waiting *waits = &t->state->waiting[i];

		page_row(t->page);
		page_cell(t->page, "%s", waits->item);
		page_cell(t->page, "%llu", (unsigned long long)waits->revision);
		page_cell(t->page, "%s", waits->why);
		page_cell(t->page, "%llu", (unsigned long long)waits->objects);
		page_cell(t->page, "%llu", (unsigned long long)waits->bytes);
	}
	page_table_end(t->page, t->state->waiting_n);
}

/* ---- streams ---- */

static int tell_parts(struct telling *t, struct err *e)
{
	if (tell_lists(t, e) == -1)
		return -1;
	if (t->state == NULL) {
		page_line(t->page, t->unread ? "What is published can't be told." : "Nothing was published yet.");
		return 0;
	}
	tell_items(t);
	tell_waiting(t);
	return 0;
}

/* service_tell */
static void tell_service(void *arg, const char *place, const char *text)
{
	const struct telling *t = arg;

	page_fault(t->page, R_STORE_DAMAGED, "%s: %s; the next run of satchel-import puts it right", place, text);
}

static int load_state(const struct telling *t, char tree, struct state **out, struct err *why)
{
	err_clear(why);
	return state_load(t->store, t->stream->stream, tree, out, why);
}

static int tell_stream(struct telling *t, struct err *e)
{
	struct state *s = NULL;
	struct err why = {0};
	struct service service;
	char when[32];
	int rc = 0;

	page_heading(t->page, "Stream %s", t->stream->stream);
	for (size_t i = 0; i < t->stream->rings_n; i++)
		page_line(t->page, "Ring: %s", t->stream->rings[i]);
	/* the journal's own faults, and the state's, are told where they are read */
	if ((service_judge(t->store, t->stream->stream, &service, &why) == -1 && (report_is_fatal(&why) || service.tree == 0)) ||
	    (service.tree != 0 && load_state(t, service.tree, &s, &why) == -1))
		rc = page_fault_of(t->page, &why, e);
	service_tell(&service, tell_service, t);
	t->unread = s == NULL && (service.tree != 0 || (service.faults & SERVICE_TREE) != 0);
	t->state = s;
	t->titles = s == NULL ? NULL : calloc(s->items_n + 1, sizeof *t->titles);
	if (s != NULL && t->titles == NULL)
		rc = err_mem(e);
	if (rc == 0 && s != NULL)
		page_line(t->page, "State of the current tree, %c, of %s", service.tree, num_format_time(s->time, when));
	if (rc == 0)
		rc = tell_parts(t, e);
	for (size_t i = 0; t->titles != NULL && i < s->items_n; i++)
		free(t->titles[i]);
	free(t->titles);
	state_free(s);
	return rc;
}

int page_store(struct page *p, const struct terms *terms, const char *path, const char *trust, struct err *e)
{
	struct store store = {.dir = FILE_CLOSED};
	char what[MAX_NAME_LEN + 16];
	int rc;

	if (store_open(path, &store, e) == -1)
		return -1;
	if (store_as_of(&store, terms->trust_max, e) == -1) {
		store_close(&store);
		return -1;
	}
	snprintf(what, sizeof what, "Store %s", store.config.name);
	page_begin(p, what, path, terms->now);
	page_line(p, "Read for this page: lists with their signatures, states, trust roots and journal. Objects and published files "
		  "were not hashed: 'satchel-verify store' does that.");
	rc = page_compare_trust(p, terms, trust, &store.chain, e);
	for (size_t i = 0; rc == 0 && i < store.config.streams_n; i++) {
		struct telling t = {.page = p, .store = &store, .stream = &store.config.streams[i], .now = terms->now};

		rc = tell_stream(&t, e);
	}
	if (rc == 0) {
		page_trust(p, &store.chain, terms->now);
		rc = page_journal(p, &store.dir, "journal.jsonl", e);
	}
	if (rc == 0)
		page_end(p);
	store_close(&store);
	return rc;
}

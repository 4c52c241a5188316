/*
 * The scan hook's turn (import/inspect.h). The hook is given plain files: a tree of hard links in stage/, made like a
 * published one of just the items that are new. A verdict is kept by contents digest, durably, before anything is published.
 * Holds what the hook refuses, or can't judge; a hook that fails is asked again by the next run.
 */
#include "import/inspect.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import/hooks.h"
#include "import/outlook.h"
#include "import/publish_build.h"
#include "import/run.h"
#include "lib/err.h"
#include "lib/outfile.h"
#include "lib/path.h"
#include "lib/progress.h"
#include "lib/say.h"
#include "manifests/reason.h"
#include "manifests/schema.h"

#include "lib/banned.h"

#define STAGED "stage/scan"
#define TREE STAGED "/tree"

struct inspecting {
	struct run *run;
	const struct store_stream *stream;
	struct state_item *items;	/* to be shown */
	enum hook_answer *answers;
	size_t n;
};

int inspect_sweep(const struct store *s, struct err *e)
{
	return file_remove_tree_at(&s->dir, STAGED, e);
}

int inspect_load(struct run *r, const char *stream, struct scanned *out, struct err *e)
{
	size_t n = 0;

	if (scanned_load(&r->store, stream, out, e) == -1)
		return -1;
	for (size_t i = 0; i < out->records_n; i++)
		if (out->records[i].verdict != SCANNED_FAILED)
			out->records[n++] = out->records[i];
	out->records_n = n;
	return 0;
}

/* ---- the document ---- */

static int write_records(struct run *r, const char *stream, const struct scanned *s, struct err *e)
{
	struct scanned out = *s;
	char path[SCANNED_PATH];
	struct buf bytes = {0};
	int rc = -1;

	out.stream = (char *)(uintptr_t)stream;
	if (schema_encode(&scanned_schema, &out, &bytes, e) == 0 && run_change(r, e) == 0)
		rc = outfile_put(&r->store.dir, scanned_path(stream, path), 0644, bytes.data, bytes.len, e);
	buf_free(&bytes);
	return rc;
}

static bool is_approved(const struct outlook *l, const struct digest *contents)
{
	for (size_t i = l->lists_n; i-- > 0;)
		for (size_t k = 0; k < l->lists[i]->items_n; k++)
			if (digest_equal(&l->lists[i]->items[k].contents.sha256, contents))
				return true;
	return false;
}

/* Whether a verdict is worth keeping: what passed and is published needs none, nor what no list names any more. */
static bool is_worth(const struct outlook *l, const struct scanned_record *r)
{
	const struct state_item *now = outlook_published(l->current, r->item);

	if (now != NULL && digest_equal(&now->contents, &r->contents))
		return false;
	return is_approved(l, &r->contents);
}

static int by_contents(const void *a, const void *b)
{
	return digest_compare(&((const struct scanned_record *)a)->contents, &((const struct scanned_record *)b)->contents);
}

static int keep_verdicts(const struct inspecting *in, const struct outlook *l, struct scanned *known, struct err *e)
{
	static const int verdicts[] = {[HOOK_YES] = SCANNED_PASSED, [HOOK_NO] = SCANNED_REFUSED, [HOOK_FAILED] = SCANNED_FAILED};
	struct scanned_record *all = arena_alloc(&known->arena, (known->records_n + in->n) * sizeof *all);
	size_t n = 0;

	if (all == NULL)
		return err_mem(e);
	for (size_t i = 0; i < known->records_n; i++)
		if (is_worth(l, &known->records[i]))
			all[n++] = known->records[i];
	for (size_t i = 0; i < in->n; i++) {
		const struct state_item *it = &in->items[i];

		all[n] = (struct scanned_record){.revision = it->revision, .contents = it->contents,
						 .verdict = verdicts[in->answers[i]], .time = in->run->now};
		all[n].item = arena_strndup(&known->arena, it->item, strlen(it->item));
		if (all[n++].item == NULL)
			return err_mem(e);
	}
	qsort(all, n, sizeof *all, by_contents);
	known->records = all;
	known->records_n = n;
	return write_records(in->run, in->stream->stream, known, e);
}

/* ---- asking ---- */

static int build(const struct inspecting *in, struct err *e)
{
	struct state state = {.stream = in->stream->stream, .phase = STATE_BUILDING, .items = in->items, .items_n = in->n};
	struct file dir = FILE_CLOSED;
	int rc = -1;

	if (inspect_sweep(&in->run->store, e) == 0 && file_make_dirs_at(&in->run->store.dir, TREE, 0755, e) == 0 &&
	    file_open_dir_at(&in->run->store.dir, STAGED, &dir, e) == 0)
		rc = publish_build_run(in->run->objects, &dir, 1, &state, PUBLISH_BUILD_FIRST, e);
	file_close(&dir);
	return rc;
}

static int ask_one(const struct inspecting *in, size_t i, struct err *e)
{
	char path[sizeof TREE + PATH_MAX_LEN + 1];
	struct hook_env env = {0};

	snprintf(path, sizeof path, TREE "/%s", in->items[i].item);
	hook_put(&env, "STREAM", "%s", in->stream->stream);
	hook_put(&env, "ITEM", "%s", in->items[i].item);
	hook_put(&env, "REVISION", "%llu", (unsigned long long)in->items[i].revision);
	return hooks_ask(in->run, path, &env, &in->answers[i], e);
}

/* All at once; and one by one where that didn't please. */
static int ask(const struct inspecting *in, struct err *e)
{
	enum hook_answer all = HOOK_NO;
	struct hook_env env = {0};

	progress_phase("scanning", 0, 0);
	hook_put(&env, "STREAM", "%s", in->stream->stream);
	if (in->n == 1)
		hook_free(&env);
	else if (hooks_ask(in->run, TREE, &env, &all, e) == -1)
		return -1;
	for (size_t i = 0; i < in->n; i++) {
		in->answers[i] = all;
		if (all != HOOK_YES && ask_one(in, i, e) == -1)
			return -1;
	}
	progress_end();
	return 0;
}

static int tell_held(const struct inspecting *in, size_t i, struct err *e)
{
	const struct state_item *it = &in->items[i];
	const char *what = in->answers[i] == HOOK_NO ? "the scan hook refused it" : "the scan hook could not judge it";
	unsigned long long revision = it->revision;
	struct hook_env env = {0};
	struct err line = {0};
	json_t *o = json_object();

	err_set(&line, R_SCAN_REFUSED, "%s: revision %llu: %s; it is held, with what requires it", it->item, revision, what);
	err_hint(&line, in->answers[i] == HOOK_NO ? "`satchel-import rescan` has it scanned again" : "the next run asks again");
	say_error(&line);
	json_put_text(o, "stream", in->stream->stream);
	json_put_text(o, "item", it->item);
	json_put_number(o, "revision", it->revision);
	json_put_text(o, "reason", reason_word(R_SCAN_REFUSED));
	json_put_text(o, "text", line.text);
	hook_put(&env, "STREAM", "%s", in->stream->stream);
	hook_put(&env, "ITEM", "%s", it->item);
	hook_put(&env, "REVISION", "%llu", revision);
	hook_put(&env, "REASON", "%s", reason_word(R_SCAN_REFUSED));
	hook_put(&env, "TEXT", "%s", line.text);
	err_clear(&line);
	if (run_log(in->run, "refused", o, e) == -1) {
		hook_free(&env);
		return -1;
	}
	return hooks_notify(in->run, HOOKS_REFUSED, &env, e);
}

/* What is to be shown: not published now, and without a verdict. */
static int choose(struct inspecting *in, const struct outlook *l, const struct scanned *known, struct err *e)
{
	in->items = calloc(l->want.items_n + 1, sizeof *in->items);
	in->answers = calloc(l->want.items_n + 1, sizeof *in->answers);
	if (in->items == NULL || in->answers == NULL)
		return err_mem(e);
	for (size_t i = 0; i < l->want.items_n; i++) {
		const struct state_item *it = &l->want.items[i], *now = outlook_published(l->current, it->item);

		if ((now == NULL || !digest_equal(&now->contents, &it->contents)) && scanned_find(known, &it->contents) == NULL)
			in->items[in->n++] = *it;
	}
	return 0;
}

static int show(struct inspecting *in, const struct outlook *l, struct scanned *known, size_t *held, struct err *e)
{
	if (run_change(in->run, e) == -1 || build(in, e) == -1 || ask(in, e) == -1)
		return -1;
	for (size_t i = 0; i < in->n; i++) {
		if (in->answers[i] == HOOK_YES)
			continue;
		++*held;
		if (tell_held(in, i, e) == -1)
			return -1;
	}
	return keep_verdicts(in, l, known, e) == -1 ? -1 : inspect_sweep(&in->run->store, e);
}

int inspect_stream(struct run *r, const struct store_stream *stream, const struct outlook *look, struct scanned *known,
		   size_t *held, struct err *e)
{
	struct inspecting in = {.run = r, .stream = stream};
	int rc;

	if (!hooks_wanted(r, HOOKS_SCAN))
		return 0;
	rc = choose(&in, look, known, e);
	if (rc == 0 && in.n > 0)
		rc = show(&in, look, known, held, e) == -1 ? -1 : 1;
	free(in.items);
	free(in.answers);
	return rc;
}

/* ---- forgetting ---- */

int inspect_forget(struct run *r, const char *stream, const char *pattern, struct err *e)
{
	struct scanned s;
	size_t n = 0, forgotten = 0;
	int rc = 0;

	if (scanned_load(&r->store, stream, &s, e) == -1)
		return -1;
	for (size_t i = 0; i < s.records_n; i++)
		if (s.records[i].verdict != SCANNED_PASSED && (pattern == NULL || fnmatch(pattern, s.records[i].item, 0) == 0))
			forgotten++;
		else
			s.records[n++] = s.records[i];
	s.records_n = n;
	if (forgotten > 0)
		rc = write_records(r, stream, &s, e);
	scanned_free(&s);
	return rc == -1 ? -1 : (int)forgotten;
}

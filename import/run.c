/*
 * One call over a store, from lock to outcome. It stands around the whole path of import. Refuses a store that somebody
 * else works on, that others can write to, or that is damaged (store_open judges it).
 */
#include "import/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "import/bundles.h"
#include "import/folding.h"
#include "import/inspect.h"
#include "import/kept.h"
#include "import/lists.h"
#include "import/objects.h"
#include "import/publish.h"
#include "import/roots.h"
#include "import/update.h"
#include "lib/err.h"
#include "lib/listing.h"
#include "lib/num.h"
#include "lib/options.h"
#include "lib/outfile.h"
#include "lib/say.h"
#include "manifests/journal.h"
#include "manifests/limits.h"
#include "verify/service.h"
#include "verify/state.h"

#include "lib/banned.h"

const char *run_store_path(const struct args *a, struct err *e)
{
	const char *path = args_get(a, "store");

	if (path == NULL)
		path = getenv("SATCHEL_STORE");
	if (path != NULL && *path != '\0')
		return path;
	err_set(e, ERR_USAGE, "no store is named");
	err_hint(e, "say -C STORE or set SATCHEL_STORE");
	return NULL;
}

static int read_clock(int64_t *now, struct err *e)
{
	struct timespec t;

	if (clock_gettime(CLOCK_REALTIME, &t) == -1)
		return err_sys(e, "the clock");
	*now = t.tv_sec;
	if (*now < 0 || *now > 253402300799)	/* what a document can say */
		return err_set(e, ERR_CONFIG, "the clock stands outside the years 1970 to 9999; set it");
	return 0;
}

/* In each list: the root that judged it is written there. */
static int sweep_lists(const struct store *s, const char *stream, struct err *e)
{
	char path[MAX_NAME_LEN + 96];
	struct list_ref ref;
	struct listing l;
	const char *name;
	int rc;

	snprintf(path, sizeof path, "streams/%s/lists", stream);
	rc = listing_open_maybe(&s->dir, path, &l, e);
	while (rc == 0 && (rc = listing_next(&l, &name, e)) == 1) {
		rc = 0;
		if (!state_list_name(name, &ref) || !listing_is_dir(&l))
			continue;
		snprintf(path, sizeof path, "streams/%s/lists/%.64s", stream, name);
		rc = outfile_sweep(&s->dir, path, e);
	}
	listing_close(&l);
	return rc == -1 ? -1 : 0;
}

static int sweep_all(const struct store *s, struct err *e)
{
	static const char *const below[] = {"", "/a", "/b"};
	static const char *const top[] = {".", "trust", "stage", "stage/pieces"};

	for (size_t i = 0; i < sizeof top / sizeof *top; i++)
		if (outfile_sweep(&s->dir, top[i], e) == -1)
			return -1;
	for (size_t i = 0; i < s->config.streams_n; i++)
		for (size_t k = 0; k < sizeof below / sizeof *below; k++) {
			char path[MAX_NAME_LEN + 32];

			snprintf(path, sizeof path, "streams/%s%s", s->config.streams[i].stream, below[k]);
			if (outfile_sweep(&s->dir, path, e) == -1)
				return -1;
		}
	for (size_t i = 0; i < s->config.streams_n; i++)
		if (sweep_lists(s, s->config.streams[i].stream, e) == -1)
			return -1;
	return 0;
}

/* What a killed run was making: a name of a tree, which keeps an object from going (tree), a variant (objects_link), names tried. */
static int sweep_stage(const struct store *s, struct err *e)
{
	static const char *const left[] = {"stage/healing", "stage/variant", "stage/names"};

	for (size_t i = 0; i < sizeof left / sizeof *left; i++)
		if (file_remove_tree_at(&s->dir, left[i], e) == -1)
			return -1;
	return 0;
}

static void warn_service(void *arg, const char *place, const char *text)
{
	(void)arg;
	say_warn("%s: %s", place, text);
}

/* What servers serve must be what was published last, else it is put right, and the tree built anew from the lists kept. */
static int restore(struct run *r, size_t i, struct err *e)
{
	const char *stream = r->store.config.streams[i].stream;
	struct service v;

	if (service_judge(&r->store, stream, &v, e) == -1)
		return -1;
	service_tell(&v, warn_service, NULL);
	if ((v.faults & SERVICE_TREE) != 0) {
		say_warn("streams/%s: the tree in service is to be built anew from the lists kept", stream);
		r->rebuilt |= UINT64_C(1) << i;
	}
	r->restored = r->restored || v.faults != 0;
	return publish_restore(&r->store, &v, e);
}

/* Objects that may be torn. What links to them and is not published goes first, inspect_sweep's too: a name shields an object. */
static int recover_objects(struct run *r, struct objects_recovery *objects, struct err *e)
{
	int unsettled = objects_unsettled(r->objects, e);

	if (unsettled == -1 || inspect_sweep(&r->store, e) == -1)
		return -1;
	if (unsettled == 1 && publish_undo(&r->store, e) == -1)
		return err_prefix(e, "undoing an interrupted run");
	objects->interrupted = r->interrupted;
	objects->now = r->now;
	if (objects_recover(r->objects, objects, e) == -1)
		return -1;
	if (objects->unread > 0)
		say_warn("%s can't be read; `satchel-import check` sets aside what can't", num_of(objects->unread, "object"));
	return 0;
}

/*
 * The trees of a stream, and the end of its rollback. For want of room a tree stays unfinished: prune must be able to make some, and
 * who publishes meets the error again.
 */
static int recover_stream(struct run *r, const char *stream, bool *found, struct err *e)
{
	struct err why = {0};

	if (publish_recover(&r->store, r->objects, stream, found, &why) == -1 && why.reason != ERR_NO_SPACE) {
		*e = why;
		return err_prefix(e, "finishing an interrupted run");
	}
	if (r->interrupted && update_recover_rollback(r, stream, e) == -1)
		return err_prefix(e, "finishing an interrupted run");
	return 0;
}

/* Finishes or undoes what an interrupted run left behind. */
static int recover(struct run *r, struct err *e)
{
	struct objects_recovery objects = {.dropped = 0};
	bool found, building = false;
	json_t *members;

	r->interrupted = faccessat(r->store.dir.fd, STORE_AT_WORK, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	/* names that stand may not be durable yet: the run may have ended between a rename and its sync */
	if (r->interrupted && file_sync_fs(&r->store.dir, e) == -1)
		return -1;
	if (sweep_all(&r->store, e) == -1 || sweep_stage(&r->store, e) == -1 || lists_sweep(&r->store, e) == -1 ||
	    roots_sweep(&r->store, e) == -1 || recover_objects(r, &objects, e) == -1)
		return -1;
	for (size_t i = 0; i < r->store.config.streams_n; i++) {
		const char *stream = r->store.config.streams[i].stream;

		if (restore(r, i, e) == -1 || bundles_recover(&r->store, stream, r->now, e) == -1)
			return -1;
		if (recover_stream(r, stream, &found, e) == -1)
			return -1;
		building = building || found;
	}
	r->interrupted = r->interrupted || building || r->restored;
	if (!r->interrupted)
		return 0;
	if (!r->restored)
		say_note("an earlier run was interrupted; finishing it");
	members = json_object();
	json_put_number(members, "dropped", objects.dropped);
	if (objects.aside > 0)
		json_put_number(members, "aside", objects.aside);
	if (r->restored)
		json_put(members, "rebuilt", json_true());
	if (run_log(r, "recovered", members, e) == -1)
		return -1;
	return roots_recover(r, e);
}

/* Whoever changes a store must be its owner, or root: what another user can write to leads a run astray. */
static int open_store(const char *path, struct store *out, struct err *e)
{
	if (store_open(path, out, e) == -1 || file_check_owner(&out->dir, e) == -1 || store_check_below(out, e) == -1)
		return -1;
	return state_check_roots(out, e);
}

static int lock(const struct run_ask *ask, struct run *r, struct err *e)
{
	if (file_lock(&r->store.dir, "lock", ask->wait_seconds, &r->lock, e) == -1) {
		err_prefix(e, "%s", ask->path);
		return e->reason == ERR_BUSY ? err_hint(e, "another run is at work; --wait SECONDS waits for it") : -1;
	}
	/* what was read without the lock may be old; the time is taken now, after what may have been days of waiting, and once */
	store_close(&r->store);
	return read_clock(&r->now, e) == -1 ? -1 : open_store(ask->path, &r->store, e);
}

int run_open(const struct run_ask *ask, struct run *out, struct err *e)
{
	*out = (struct run){.dry = ask->dry, .intent_event = ask->intent == NULL ? "apply" : ask->intent,
			    .outcome_event = ask->outcome == NULL ? "applied" : ask->outcome, .lock = FILE_CLOSED, .store.dir = FILE_CLOSED};
	if (open_store(ask->path, &out->store, e) == -1)
		return -1;
	if (ask->dry ? read_clock(&out->now, e) == -1 : lock(ask, out, e) == -1)
		return -1;
	out->objects = objects_open(&out->store.dir, e);
	if (out->objects == NULL)
		return -1;
	if (ask->dry)
		return 0;
	if (folding_is(&out->store.dir))
		objects_set_folding(out->objects);
	out->journal = journal_open(&out->store.dir, "journal.jsonl", false, NULL, e);
	return out->journal == NULL ? -1 : recover(out, e);
}

struct bundles *run_bundles(struct run *r, const struct store_stream *stream, struct err *e)
{
	size_t i = (size_t)(stream - r->store.config.streams);

	if (r->bundles == NULL)
		r->bundles = calloc(r->store.config.streams_n, sizeof(struct bundles *));
	if (r->bundles == NULL) {
		err_mem(e);
		return NULL;
	}
	if (r->bundles[i] == NULL)
		r->bundles[i] = bundles_load(&r->store, stream->stream, e);
	return r->bundles[i];
}

const struct kept_past *run_past(struct run *r, const struct store_stream *stream, struct err *e)
{
	size_t i = (size_t)(stream - r->store.config.streams);

	if (r->past == NULL)
		r->past = calloc(r->store.config.streams_n, sizeof(struct kept_past *));
	if (r->past == NULL) {
		err_mem(e);
		return NULL;
	}
	if (r->past[i] == NULL)
		r->past[i] = kept_past_load(&r->store, stream->stream, e);
	return r->past[i];
}

static int note_past(struct run *r, const char *event, const json_t *members, struct err *e)
{
	for (size_t i = 0; r->past != NULL && i < r->store.config.streams_n; i++)
		if (r->past[i] != NULL && kept_past_note(r->past[i], event, members, e) == -1)
			return -1;
	return 0;
}

void run_close(struct run *r)
{
	for (size_t i = 0; r->bundles != NULL && i < r->store.config.streams_n; i++)
		bundles_free(r->bundles[i]);
	for (size_t i = 0; r->past != NULL && i < r->store.config.streams_n; i++)
		kept_past_free(r->past[i]);
	free(r->bundles);
	free(r->past);
	journal_close(r->journal);
	objects_close(r->objects);
	store_close(&r->store);
	file_close(&r->lock);
	json_decref(r->intent);
	*r = (struct run){.lock = FILE_CLOSED, .store.dir = FILE_CLOSED};
}

int run_log(struct run *r, const char *event, json_t *members, struct err *e)
{
	if (r->dry || note_past(r, event, members, e) == -1) {
		json_decref(members);
		return r->dry ? 0 : -1;
	}
	return journal_append(r->journal, r->now, event, members, e);
}

int run_note(struct run *r, const char *event, json_t *members, struct err *e)
{
	if (r->dry) {
		json_decref(members);
		return 0;
	}
	return journal_note(r->journal, r->now, event, members, e);
}

int run_change(struct run *r, struct err *e)
{
	if (r->changing)
		return 0;
	if (r->dry)
		return err_set(e, ERR_INTERNAL, "a dry run would change the store");
	if (outfile_put(&r->store.dir, STORE_AT_WORK, 0600, "", 0, e) == -1)
		return -1;
	r->changing = true;
	return run_log(r, r->intent_event, json_incref(r->intent), e);
}

int run_change_as(struct run *r, json_t *members, struct err *e)
{
	json_decref(r->intent);
	r->intent = members;
	return r->changing ? run_log(r, r->intent_event, json_incref(members), e) : run_change(r, e);
}

int run_done(struct run *r, int exit_code, struct err *e)
{
	json_t *members;

	if (!r->changing && !r->interrupted)
		return 0;
	members = json_object();
	json_put_number(members, "exit", (uint64_t)exit_code);
	if (run_log(r, r->outcome_event, members, e) == -1)
		return -1;
	if (unlinkat(r->store.dir.fd, STORE_AT_WORK, 0) == -1 && errno != ENOENT)
		return err_sys(e, "%s/" STORE_AT_WORK, r->store.dir.name);
	r->changing = false;
	return 0;
}

/*
 * The end of an import's path: stage > UPDATE > effect > publish > journal. Does nothing where nothing differs, so that
 * a bundle taken in twice leaves no trace. Refuses nothing.
 */
#include "import/update.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "import/hooks.h"
#include "import/inspect.h"
#include "import/lists.h"
#include "import/lost.h"
#include "import/objects.h"
#include "import/places.h"
#include "import/run.h"
#include "lib/digests.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/num.h"
#include "lib/say.h"
#include "lib/timings.h"
#include "manifests/reason.h"
#include "verify/rollback.h"
#include "verify/service.h"

#include "lib/banned.h"

static void put_ref(json_t *o, const char *key, const struct list_ref *ref)
{
	char hex[DIGEST_HEX + 1];
	json_t *sub = json_object();

	json_put_number(sub, "epoch", ref->epoch);
	json_put_number(sub, "revision", ref->revision);
	json_put_text(sub, "sha256", digest_hex(&ref->sha256, hex));
	json_put(o, key, sub);
}

/* The state as it is on the disk: nobody can change it then, and its tree with it, that the journal doesn't tell. */
static int put_state(const struct run *r, const char *stream, json_t *o, struct err *e)
{
	char tree, hex[DIGEST_HEX + 1];
	struct digest is;
	int rc = state_current(&r->store, stream, &tree, e);

	if (rc == 0)
		rc = tree == 0 ? 1 : state_digest(&r->store, stream, tree, &is, e);
	if (rc == 0)
		json_put_text(o, "state", digest_hex(&is, hex));
	return rc == -1 ? -1 : 0;
}

static int log_published(struct run *r, const struct update *u, struct err *e)
{
	const struct state *want = &u->outlook.want;
	json_t *o = json_object();

	json_put_text(o, "stream", want->stream);
	if (put_state(r, want->stream, o, e) == -1) {
		json_decref(o);
		return -1;
	}
	if (want->has_newest)
		put_ref(o, "newest", &want->newest);
	if (want->has_complete)
		put_ref(o, "complete", &want->complete);
	if (want->has_rollback)
		put_ref(o, "rollback", &want->rollback);
	json_put(o, "switched", json_boolean(u->result.switched));
	json_put_number(o, "items", want->items_n);
	json_put_number(o, "added", u->result.items_added);
	json_put_number(o, "changed", u->result.items_changed);
	json_put_number(o, "removed", u->result.items_removed);
	json_put_number(o, "waiting", want->waiting_n);
	json_put_number(o, "missing", want->missing_total);
	return run_log(r, "published", o, e);
}

static int remove_rollback(const struct store *s, const char *stream, struct err *e)
{
	struct file dir = FILE_CLOSED;
	char path[ROLLBACK_PATH];
	const char *name;
	int rc = -1;

	if (file_open_parent_at(&s->dir, rollback_path(stream, path), &dir, &name, e) == -1)
		return -1;
	if (unlinkat(dir.fd, name, 0) == -1 && errno != ENOENT)
		err_sys(e, "%s/%s", dir.name, name);
	else
		rc = file_sync(&dir, e);
	file_close(&dir);
	return rc;
}

int update_end_rollback(struct run *r, const struct rollback *was, const char *why, struct err *e)
{
	json_t *o = json_object();

	json_put_text(o, "stream", was->stream);
	put_ref(o, "list", &was->list);
	json_put_text(o, "why", why);
	if (run_change(r, e) == -1) {
		json_decref(o);
		return -1;
	}
	return run_log(r, "rollback-ended", o, e) == -1 ? -1 : remove_rollback(&r->store, was->stream, e);
}

int update_recover_rollback(struct run *r, const char *stream, struct err *e)
{
	char path[ROLLBACK_PATH];
	bool ended;

	if (faccessat(r->store.dir.fd, rollback_path(stream, path), F_OK, AT_SYMLINK_NOFOLLOW) == -1)
		return 0;
	if (rollback_ended(&r->store, stream, &ended, e) == -1)
		return -1;
	return ended ? remove_rollback(&r->store, stream, e) : 0;
}

static void put_numbers(const struct update *u, struct hook_env *env)
{
	const struct state *want = &u->outlook.want;

	hook_put(env, "STREAM", "%s", want->stream);
	if (want->has_complete)
		hook_put(env, "LIST", "%llu", (unsigned long long)want->complete.revision);
	if (want->has_newest)
		hook_put(env, "NEWEST", "%llu", (unsigned long long)want->newest.revision);
	hook_put(env, "ROLLBACK", "%s", want->has_rollback ? "1" : "");
	hook_put(env, "ITEMS", "%zu", want->items_n);
	hook_put(env, "ADDED", "%llu", (unsigned long long)u->result.items_added);
	hook_put(env, "CHANGED", "%llu", (unsigned long long)u->result.items_changed);
	hook_put(env, "REMOVED", "%llu", (unsigned long long)u->result.items_removed);
	hook_put(env, "WAITING", "%zu", want->waiting_n);
	hook_put(env, "MISSING", "%llu", (unsigned long long)want->missing_total);
}

/* Tells whom the administrator wants to be told: that something else is published; that something waits. */
static int notify(struct run *r, const struct update *u, struct err *e)
{
	const enum hooks_event events[] = {HOOKS_PUBLISHED, HOOKS_WAITING};
	const bool occurred[] = {u->result.switched, u->outlook.want.waiting_n > 0};

	for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
		struct hook_env env = {0};

		if (!occurred[i])
			continue;
		put_numbers(u, &env);
		if (hooks_notify(r, events[i], &env, e) == -1)
			return -1;
	}
	return 0;
}

/* What shall be published, after the scan hook has seen what is new of it. Each round shows it something that it has not
 * seen, so there is an end. */
static int open_outlook(struct run *r, const struct outlook_ask *how, struct update *out, struct err *e)
{
	struct outlook_ask ask = *how;
	struct scanned known;
	int rc = inspect_load(r, how->stream->stream, &known, e);

	ask.scanned = &known;
	while (rc == 0) {
		rc = outlook_open(&ask, &out->outlook, e);
		if (rc == 0)
			rc = inspect_stream(r, how->stream, &out->outlook, &known, &out->refused, e);
		if (rc != 1)
			break;
		outlook_free(&out->outlook);
		rc = 0;
	}
	scanned_free(&known);
	return rc;
}

/*
 * A tree that is built anew must not fall behind what was in effect, as it would where objects of it are gone or set aside:
 * the journal says what that was.
 */
static int check_rebuilt(const struct run *r, const struct store_stream *s, const struct outlook *l, struct err *e)
{
	struct service was;

	if ((r->rebuilt >> (s - r->store.config.streams) & 1) == 0)
		return 0;
	if (service_judge(&r->store, s->stream, &was, e) == -1)
		return -1;
	if (was.newest.revision != 0 &&
	    lost_newest(&r->store, s->stream, &was.newest, l->want.has_newest ? &l->want.newest : NULL, e) == -1)
		return err_prefix(e, "%s", s->stream);
	if (was.complete.revision == 0 || (l->want.has_complete && state_compare(&l->want.complete, &was.complete) >= 0))
		return 0;
	err_set(e, R_STORE_DAMAGED, "%s: the tree in service, or its state, is gone, and objects or lists that list %llu needs are, too: "
		"the tree stays as it is", l->want.stream, (unsigned long long)was.complete.revision);
	return err_hint(e, "apply a bundle that carries them; a receipt asks for just them");
}

/* An interrupted run may have switched to what is wanted, and not come to say so in the journal. */
static int find_untold(struct run *r, struct update *out, struct err *e)
{
	struct service v;

	if (!r->interrupted)
		return 0;
	if (service_judge(&r->store, out->outlook.want.stream, &v, e) == -1)
		return -1;
	out->changed = out->result.switched = v.untold;
	return v.untold ? run_change(r, e) : 0;
}

int update_stream(struct run *r, const struct store_stream *s, struct places *places, struct update *out, struct err *e)
{
	struct outlook_ask ask = {.store = &r->store, .objects = r->objects, .stream = s, .now = r->now, .places = places};
	uint64_t since;
	bool dropped;
	int same;

	*out = (struct update){0};
	since = timings_now();
	if (lists_judge_again(r, s->stream, &dropped, e) == -1 ||
	    open_outlook(r, &ask, out, e) == -1)
		return -1;
	timings_busy("what is to be published", since);
	if (check_rebuilt(r, s, &out->outlook, e) == -1)
		return -1;
	same = outlook_same(&out->outlook, e);
	if (same == -1 || (same == 1 && find_untold(r, out, e) == -1))
		return -1;
	if (same == 0) {
		if (run_change(r, e) == -1 ||
		    publish_update(&r->store, r->objects, &out->outlook.want, &out->result, e) == -1)
			return -1;
		out->changed = true;
	}
	r->rebuilt &= ~(UINT64_C(1) << (s - r->store.config.streams));	/* from here on it may go back, by a rollback say */
	if (out->changed && log_published(r, out, e) == -1)
		return -1;
	if (out->outlook.rollback_ended &&
	    update_end_rollback(r, out->outlook.rollback, "a later list is complete", e) == -1)
		return -1;
	if (out->changed && notify(r, out, e) == -1)
		return -1;
	if (!out->outlook.want.has_complete)
		return 0;
	return lists_prune(&r->store, s->stream, &out->outlook.want.complete, r->store.config.policy.keep_lists, e);
}

struct names {			/* objects whose names are to be seen to */
	struct digests list;
	size_t lost;
};

static int add_lost(void *arg, const struct digest *d, bool lost, struct err *e)
{
	struct names *l = arg;

	l->lost += lost;
	return lost ? digests_add(&l->list, d, e) : 0;
}

/* Those that are healed by now. After an interruption those that are lost, too: the run may have set them aside and been cut off
 * before it took their names away. */
static int collect(struct run *r, struct names *out, struct err *e)
{
	int rc = objects_healed(r->objects, &out->list, e);

	if (rc == 0 && r->interrupted)
		rc = objects_each(r->objects, add_lost, out, e);
	digests_sort(&out->list);
	return rc;
}

/* One pass over all streams; *lost becomes how many are. */
static int heal(struct run *r, size_t *lost, struct err *e)
{
	const struct store_config *c = &r->store.config;
	struct names names = {0};
	int rc = collect(r, &names, e);

	if (rc == 0 && names.list.n > 0)
		rc = run_change(r, e);
	for (size_t i = 0; rc == 0 && i < c->streams_n; i++)
		rc = publish_heal(&r->store, r->objects, c->streams[i].stream, names.list.list, names.list.n, NULL, e);
	*lost = names.lost;
	digests_free(&names.list);
	return rc;
}

int update_heal(struct run *r, struct err *e)
{
	size_t n = objects_healed_n(r->objects), done, lost;
	json_t *o;

	if (n == 0 && !r->interrupted)
		return 0;
	do {	/* in passing, names give other lost objects their bytes back */
		done = n;
		if (heal(r, &lost, e) == -1)
			return -1;
		n = objects_healed_n(r->objects);
	} while (n != done);
	if (lost > 0)
		say_warn("%s set aside as damaged; status says which, and a receipt asks for just them", num_of(lost, "object"));
	if (n == 0)
		return 0;
	o = json_object();
	json_put_number(o, "objects", n);
	return run_log(r, "healed", o, e) == -1 ? -1 : objects_healed_done(r->objects, e);
}

int update_all(struct run *r, const struct update_all *how, struct err *e)
{
	const struct store_config *c = &r->store.config;

	if (update_heal(r, e) == -1)
		return -1;
	for (size_t i = 0; i < c->streams_n; i++) {
		struct update u = {0};
		int rc;

		if ((how->touched == NULL || !how->touched[i]) && !r->interrupted && (r->dropped >> i & 1) == 0)
			continue;
		rc = update_stream(r, &c->streams[i], how->places, &u, e);
		if (rc == -1 && e->reason == ERR_NO_SPACE)
			err_hint(e, "make room, with `satchel-import prune` or otherwise, and run it again");
		if (rc == 0 && how->each != NULL)
			rc = how->each(how->arg, &u, e);
		update_free(&u);
		if (rc == -1)
			return -1;
	}
	return 0;
}

int update_rest(struct run *r, struct err *e)
{
	struct places places = {0};
	struct update_all rest = {.places = &places};
	int rc = r->dry ? 0 : update_all(r, &rest, e);

	places_free(&places);
	return rc;
}

void update_free(struct update *u)
{
	outlook_free(&u->outlook);
}

/*
 * satchel-import prune: drops former lists, and the objects that neither a list kept nor a tree needs. lists, needed >
 * PRUNE > objects. First everything is looked at and said, then dropped: lists before their objects, so that an
 * interruption leaves nothing that a list would miss. Objects that came ahead of their approval stay for as long as policy
 * says. Refuses to guess where a contents list can't be read.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "import/commands.h"
#include "import/kept.h"
#include "import/lists.h"
#include "import/lost.h"
#include "import/needed.h"
#include "import/objects.h"
#include "import/run.h"
#include "import/tell.h"
#include "import/update.h"
#include "lib/err.h"
#include "lib/num.h"
#include "lib/progress.h"
#include "lib/say.h"
#include "manifests/reason.h"
#include "verify/state.h"

#include "lib/banned.h"

#define DAY 86400

const struct option_def prune_options[] = {
	{.name = "keep", .value = "N", .help = "former lists to keep for rollback (policy: keep_lists, 10)"},
	{.name = "dry-run", .help = "say what would be dropped, drop nothing"},
	{.name = "wait", .value = "SECONDS", .help = "how long to wait for another run to end (0)"},
	{0},
};

struct sum {
	uint64_t objects, bytes;
};
struct pruning {
	struct run run;
	uint64_t keep;
	struct kept_lists *former, *used;	/* for each stream: lists to be dropped; to be kept for a tree's sake */
	uint64_t lists;
	struct store_stream judged;	/* the stream at hand, with the rings of the tree in service; none: not known */
	struct needed needed, formerly;	/* by what stays; by the lists that go */
	struct objects_file *group;	/* the files of one object */
	size_t group_n, group_room;
	bool dropping;		/* the second time over: what is to go goes */
	struct sum drop, ahead;
	int64_t first;		/* when the first object ahead will go */
};

/* ---- what is needed ---- */

struct lists {
	const struct kept_lists *former;	/* these go */
	struct list_ref complete;
};

static bool goes(const struct kept_lists *former, const struct list_ref *ref)
{
	for (size_t i = 0; i < former->n; i++)
		if (state_compare(&former->refs[i], ref) == 0)
			return true;
	return false;
}

/* For the store's rings, and for those that what is in effect was judged for: all of that is taken as received. */
static int add_for_rings(struct pruning *p, const struct store_stream *stream, const struct approvals *a, struct needed *to,
			 struct err *e)
{
	int rc = needed_add_list(to, p->run.objects, a, stream, e);

	return rc == 0 && p->judged.rings_n > 0 ? needed_add_list(to, p->run.objects, a, &p->judged, e) : rc;
}

/* A damaged one is passed over where it is below what is complete: nobody can go back to it as it is. */
static int add_list(struct pruning *p, const struct store_stream *stream, const struct lists *l, const struct list_ref *ref,
		    struct err *e)
{
	struct err why = {0};
	struct approvals *a = kept_load(&p->run.store, stream->stream, ref, &why);
	int rc = 0;

	if (a != NULL)
		rc = add_for_rings(p, stream, a, goes(l->former, ref) ? &p->formerly : &p->needed, e);
	else if (why.reason == R_STORE_DAMAGED && state_compare(ref, &l->complete) < 0)
		say_warn("%s: %s", stream->stream, why.text);
	else {
		*e = why;
		rc = err_prefix(e, "%s", stream->stream);
	}
	approvals_free(a);
	return rc;
}

static int add_lists(struct pruning *p, const struct store_stream *stream, const struct lists *l, struct err *e)
{
	struct kept_lists kept = {0};
	int rc = state_lists(&p->run.store, stream->stream, &kept, e);

	for (size_t i = 0; rc == 0 && i < kept.n; i++)
		rc = add_list(p, stream, l, &kept.refs[i], e);
	state_lists_free(&kept);
	return rc;
}

/* The lists that go are those below what the tree in service says is complete. */
static int add_stream(struct pruning *p, size_t i, struct err *e)
{
	const struct store_stream *stream = &p->run.store.config.streams[i];
	struct lists l = {.former = &p->former[i]};
	struct state *in_service = NULL;
	char current;
	int rc = 0;

	if (state_current(&p->run.store, stream->stream, &current, e) == -1)
		return -1;
	for (char tree = 'a'; rc == 0 && tree <= 'b'; tree++) {
		struct state *s = NULL;

		rc = state_load(&p->run.store, stream->stream, tree, &s, e);
		if (rc == 0 && tree == current && s->has_complete)
			l.complete = s->complete;
		if (rc == 0 && tree == current)
			rc = lost_check(&p->run.store, stream->stream, s, e);
		rc = rc == 0 ? needed_add_tree(&p->needed, p->run.objects, s, e) : rc == 1 ? 0 : -1;
		if (tree == current)
			in_service = s;
		else
			state_free(s);
	}
	p->judged = (struct store_stream){.stream = stream->stream, .rings = in_service == NULL ? NULL : in_service->rings,
					  .rings_n = in_service == NULL ? 0 : in_service->rings_n};
	if (rc == 0)
		rc = lists_former(&p->run.store, stream->stream, &l.complete, p->keep, &p->former[i], &p->used[i], e);
	if (rc == 0) {
		p->lists += p->former[i].n;
		rc = add_lists(p, stream, &l, e);
	}
	state_free(in_service);
	return rc;
}

/* ---- what becomes of an object ---- */

enum fate { STAYS, AHEAD, GOES };

/*
 * When an object's bytes arrived, and whether it was published since: then its time is the content's, which is older. Where
 * the file system knows no birth times, the last change of its names stands for the arrival.
 */
static int64_t arrival(const struct pruning *p, const struct objects_file *f, bool *published)
{
	char path[OBJECTS_FILE + 16];
	struct statx x;

	snprintf(path, sizeof path, "objects/%s", f->path);
	if (statx(p->run.store.dir.fd, path, AT_SYMLINK_NOFOLLOW, STATX_BTIME | STATX_MTIME, &x) == 0 &&
	    (x.stx_mask & STATX_BTIME) != 0) {
		*published = x.stx_mtime.tv_sec < x.stx_btime.tv_sec;
		return x.stx_btime.tv_sec;
	}
	*published = f->st.st_mtim.tv_sec < f->st.st_ctim.tv_sec - DAY;
	return f->st.st_ctim.tv_sec;
}

static int64_t expiry(const struct pruning *p, int64_t since)
{
	return since + (int64_t)p->run.store.config.policy.ahead_days * DAY;
}

static enum fate judge(const struct pruning *p, int64_t *until)
{
	bool published = false;

	if (needed_has(&p->needed, &p->group[0].digest))
		return STAYS;
	for (size_t i = 0; i < p->group_n; i++)
		if (p->group[i].kind != OBJECTS_LOST && p->group[i].st.st_nlink > 1)
			return STAYS;	/* some name leads to it, whoever made it */
	if (p->group[0].kind != OBJECTS_PLAIN || needed_has(&p->formerly, &p->group[0].digest))
		return GOES;
	*until = expiry(p, arrival(p, &p->group[0], &published));
	return published || p->group_n > 1 /* variants */ || *until <= p->run.now ? GOES : AHEAD;
}

static int end_group(struct pruning *p, struct err *e)
{
	struct sum *sum;
	int64_t until = 0;
	enum fate fate = p->group_n == 0 ? STAYS : judge(p, &until);

	if (p->dropping) {
		for (size_t i = p->group_n; fate == GOES && i-- > 0;)
			if (objects_remove(p->run.objects, &p->group[i], e) == -1)
				return -1;
	} else if (fate != STAYS) {
		sum = fate == GOES ? &p->drop : &p->ahead;
		sum->objects++;
		for (size_t i = 0; i < p->group_n; i++)
			sum->bytes += (uint64_t)p->group[i].st.st_size;
		if (fate == AHEAD && (p->first == 0 || until < p->first))
			p->first = until;
	}
	p->group_n = 0;
	return 0;
}

static int meet(void *arg, const struct objects_file *f, struct err *e)
{
	struct pruning *p = arg;

	progress_add(1);
	if (p->group_n > 0 && !digest_equal(&p->group[0].digest, &f->digest) && end_group(p, e) == -1)
		return -1;
	if (p->group_n == p->group_room) {
		size_t room = p->group_room == 0 ? 16 : 2 * p->group_room;
		struct objects_file *more = reallocarray(p->group, room, sizeof *more);

		if (more == NULL)
			return err_mem(e);
		p->group = more;
		p->group_room = room;
	}
	p->group[p->group_n++] = *f;
	return 0;
}

/* An object that is staged in part: nothing needs it, and its last piece came long ago. */
static int meet_piece(void *arg, const struct digest *d, struct err *e)
{
	struct pruning *p = arg;
	char path[DIGEST_HEX + 32], hex[DIGEST_HEX + 1];
	struct stat st;

	if (needed_has(&p->needed, d))
		return 0;
	snprintf(path, sizeof path, "stage/pieces/%s", digest_hex(d, hex));
	if (fstatat(p->run.store.dir.fd, path, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return 0;
	if (!needed_has(&p->formerly, d) && expiry(p, st.st_mtim.tv_sec) > p->run.now)
		return 0;
	if (p->dropping)
		return objects_remove_piece(p->run.objects, d, e);
	p->drop.objects++;
	p->drop.bytes += (uint64_t)st.st_blocks * 512;
	return 0;
}

static int each_object(struct pruning *p, struct err *e)
{
	int rc;

	progress_phase(p->dropping ? "dropping" : "looking at objects", 0, 0);
	rc = objects_each_file(p->run.objects, meet, p, e);
	if (rc == 0)
		rc = end_group(p, e);
	if (rc == 0)
		rc = objects_each_piece(p->run.objects, meet_piece, p, e);
	progress_end();
	return rc;
}

/* ---- telling and doing ---- */

static json_t *numbers(const struct pruning *p)
{
	json_t *o = json_object();

	json_put_number(o, "keep", p->keep);
	json_put_number(o, "lists", p->lists);
	json_put_number(o, "objects", p->drop.objects);
	json_put_number(o, "bytes", p->drop.bytes);
	return o;
}

static void tell_lists(const struct pruning *p)
{
	char list[TELL_LIST];

	for (size_t i = 0; i < p->run.store.config.streams_n; i++) {
		const char *stream = p->run.store.config.streams[i].stream;

		for (size_t k = 0; k < p->used[i].n; k++)
			say_line("%s  %s stays: a tree publishes items from it (the one that readers may still be on, or that is in service)",
				 stream, tell_list(p->used[i].refs[k].epoch, p->used[i].refs[k].revision, list));
		for (size_t k = 0; k < p->former[i].n; k++) {
			const struct list_ref *ref = &p->former[i].refs[k];
			json_t *o = json_object();

			json_put_text(o, "stream", stream);
			json_put_number(o, "epoch", ref->epoch);
			json_put_number(o, "revision", ref->revision);
			say_object(o);
			say_line("%s  %s %s", stream, tell_list(ref->epoch, ref->revision, list), p->run.dry ? "would go" : "goes");
		}
	}
}

static void tell(const struct pruning *p)
{
	char size[24], time[32];
	json_t *o = numbers(p);

	tell_lists(p);
	json_put(o, "dry", json_boolean(p->run.dry));
	json_put_number(o, "ahead_objects", p->ahead.objects);
	json_put_number(o, "ahead_bytes", p->ahead.bytes);
	say_object(o);
	say_line("%s, %s, that nothing needs: %s", num_of(p->drop.objects, "object"),
		 num_format_size(p->drop.bytes, size), p->run.dry ? "would go" : "going");
	if (p->ahead.objects > 0)
		say_line("%s, %s, ahead of their approval: kept for %s, the first of them until %s",
			 num_of(p->ahead.objects, "object"), num_format_size(p->ahead.bytes, size),
			 num_of(p->run.store.config.policy.ahead_days, "day"), num_format_time(p->first, time));
}

static int look(struct pruning *p, struct err *e)
{
	size_t n = p->run.store.config.streams_n;

	p->former = calloc(n + 1, sizeof *p->former);
	p->used = calloc(n + 1, sizeof *p->used);
	if (p->former == NULL || p->used == NULL)
		return err_mem(e);
	if (needed_open(&p->needed, e) == -1 || needed_open(&p->formerly, e) == -1)
		return -1;
	progress_phase("reading lists", 0, 0);
	for (size_t i = 0; i < n; i++)
		if (add_stream(p, i, e) == -1)
			return -1;
	return each_object(p, e);
}

static int drop(struct pruning *p, struct err *e)
{
	if (p->lists + p->drop.objects == 0)
		return 0;
	p->run.intent = numbers(p);
	if (run_change(&p->run, e) == -1)
		return -1;
	for (size_t i = 0; i < p->run.store.config.streams_n; i++)
		for (size_t k = 0; k < p->former[i].n; k++)
			if (lists_drop(&p->run.store, p->run.store.config.streams[i].stream, p->former[i].refs[k].epoch,
				       p->former[i].refs[k].revision, e) == -1)
				return -1;
	p->dropping = true;
	return each_object(p, e) == -1 ? -1 : file_sync_fs(&p->run.store.dir, e);
}

/*
 * What an interrupted run left is finished first. Where there is no room for that, the other way round: of the trees and lists there are
 * nothing goes that they need. Not so where a tree in service is gone, and what it needs is not known.
 */
static int prune(struct pruning *p, struct err *e)
{
	struct err full = {0};

	if (update_rest(&p->run, &full) == -1 && (full.reason != ERR_NO_SPACE || p->run.rebuilt != 0)) {
		*e = full;
		return -1;
	}
	if (look(p, e) == -1)
		return -1;
	tell(p);
	if (p->run.dry)
		return 0;
	if (drop(p, e) == -1 || (full.reason != ERR_NONE && update_rest(&p->run, e) == -1))
		return -1;
	return run_done(&p->run, 0, e);
}

int prune_run(const struct args *a, struct err *e)
{
	struct run_ask ask = {.path = run_store_path(a, e), .dry = args_has(a, "dry-run"), .intent = "prune", .outcome = "pruned"};
	struct pruning p = {.keep = 0};
	uint64_t wait;
	int rc = -1;

	if (ask.path == NULL || args_expect(a, 0, 0, e) == -1 || args_number(a, "wait", 0, 1000000, 0, &wait, e) == -1)
		return -1;
	ask.wait_seconds = (unsigned)wait;
	if (run_open(&ask, &p.run, e) == 0 &&
	    args_number(a, "keep", 0, 1000000, p.run.store.config.policy.keep_lists, &p.keep, e) == 0)
		rc = prune(&p, e);
	for (size_t i = 0; p.former != NULL && i < p.run.store.config.streams_n; i++)
		state_lists_free(&p.former[i]);
	for (size_t i = 0; p.used != NULL && i < p.run.store.config.streams_n; i++)
		state_lists_free(&p.used[i]);
	free(p.former);
	free(p.used);
	free(p.group);
	needed_free(&p.needed);
	needed_free(&p.formerly);
	run_close(&p.run);
	return rc;
}

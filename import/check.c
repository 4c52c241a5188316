/*
 * satchel-import check: every object hashed, or a part of them; what is damaged or gone is set aside, so that the next bundle
 * heals it; then both trees of every stream, name by name. objects > CHECK > publish. A damaged object is received still, but
 * nothing serves it: its names go, in both trees, until its bytes come again, unless a name still has them. A damaged variant
 * whose object is whole is made anew. Refuses nothing.
 */
#include "import/check_impl.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "import/absent.h"
#include "import/commands.h"
#include "import/kept.h"
#include "import/mend.h"
#include "import/objects.h"
#include "import/places.h"
#include "import/publish.h"
#include "import/run.h"
#include "import/update.h"
#include "lib/err.h"
#include "lib/file_hash.h"
#include "lib/pool.h"
#include "lib/progress.h"
#include "lib/timings.h"
#include "manifests/reason.h"
#include "verify/audit_objects.h"

#include "lib/banned.h"

#define BATCH 64		/* files of a task: small ones cost less than handing them over */
#define BATCH_BYTES (4u << 20)
#define PERMISSIONS 07777

const struct option_def check_options[] = {
	{.name = "sample", .value = "N/M", .help = "only part N of M; parts 1/7 to 7/7 are all"},
	{.name = "jobs", .value = "N", .help = "threads (the processors there are)"},
	{.name = "wait", .value = "SECONDS", .help = "how long to wait for another run to end (0)"},
	{0},
};

struct check_batch {
	size_t n;
	uint64_t bytes;
	struct objects_file files[BATCH];
};

/* ---- hashing, on many threads ---- */

static void *open_hash(void *arg, struct err *e)
{
	(void)arg;
	return file_hash_open(FILE_HASH_TOLD, e);
}

static void close_hash(void *arg, void *state)
{
	(void)arg;
	file_hash_close(state);
}

static int note_bad(struct checking *c, const struct check_bad *b, struct err *e)
{
	int rc = 0;

	pthread_mutex_lock(&c->lock);
	if (c->bad_n == c->bad_room) {
		size_t room = c->bad_room == 0 ? 64 : 2 * c->bad_room;
		struct check_bad *more = reallocarray(c->bad, room, sizeof *more);

		if (more == NULL)
			rc = err_mem(e);
		else {
			c->bad = more;
			c->bad_room = room;
		}
	}
	if (rc == 0)
		c->bad[c->bad_n++] = *b;
	pthread_mutex_unlock(&c->lock);
	return rc;
}

static int note_file(struct checking *c, const struct objects_file *f, int reason, struct err *e)
{
	struct check_bad b = {.digest = f->digest, .kind = f->kind, .reason = reason};

	snprintf(b.rest, sizeof b.rest, "%s", f->path + 3 + DIGEST_HEX);
	return note_bad(c, &b, e);
}

static mode_t mode_of(const char *path)
{
	return strncmp(path + 3 + DIGEST_HEX, ".x", 2) == 0 ? 0555 : 0444;
}

/* HEX.x and its like are executables, all else is not; nobody may write. */
static bool has_mode(const struct objects_file *f)
{
	return (f->st.st_mode & PERMISSIONS) == mode_of(f->path);
}

/* A file that can't be read is as good as one of other bytes; any other error is the machine's. */
static int check_file(struct checking *c, struct file_hash *h, const struct objects_file *f, struct err *e)
{
	struct file in = FILE_CLOSED;
	struct err why = {0};
	struct digest is;
	int rc = file_open_at(&c->dir, f->path, &in, &why);

	if (rc == 0)
		rc = file_hash_run(h, &in, &is, &why);
	file_close(&in);
	if (rc == 0 && digest_equal(&is, &f->digest))
		return has_mode(f) ? 0 : note_file(c, f, R_STORE_DAMAGED, e);
	if (rc == 0 || why.sys == EIO)
		return note_file(c, f, rc == 0 ? R_OBJECT_DIGEST : ERR_IO, e);
	*e = why;
	return -1;
}

static int work(void *arg, void *task, void *state, struct err *e)
{
	const struct check_batch *b = task;

	for (size_t i = 0; i < b->n; i++)
		if (check_file(arg, state, &b->files[i], e) == -1)
			return -1;
	return 0;
}

static void drop(void *arg, void *task)
{
	(void)arg;
	free(task);
}

static int send(struct checking *c, struct err *e)
{
	struct check_batch *b = c->batch;

	c->batch = NULL;
	return b == NULL ? 0 : pool_put(c->pool, b, e);
}

/* ---- what there is ---- */

static int hash(struct checking *c, const struct objects_file *f, struct err *e)
{
	if (c->batch == NULL)
		c->batch = calloc(1, sizeof *c->batch);
	if (c->batch == NULL)
		return err_mem(e);
	c->batch->files[c->batch->n++] = *f;
	c->batch->bytes += (uint64_t)f->st.st_size;
	c->files++;
	c->bytes += (uint64_t)f->st.st_size;
	return c->batch->n == BATCH || c->batch->bytes >= BATCH_BYTES ? send(c, e) : 0;
}

/* One that was lost and is there: its bytes came again, or they are those that are to go. They are hashed, to tell which. */
static int meet_lost(struct checking *c, const struct objects_file *f, struct err *e)
{
	if (!c->has_plain || !digest_equal(&c->plain.digest, &f->digest)) {
		c->waiting++;
		return digests_add(&c->names, &f->digest, e);
	}
	return digests_add(&c->marked, &f->digest, e) == -1 || (!c->plain_sent && hash(c, &c->plain, e) == -1) ? -1 : 0;
}

static int meet(void *arg, const struct objects_file *f, struct err *e)
{
	struct checking *c = arg;
	bool sent;

	if (f->kind == OBJECTS_LOST)
		return meet_lost(c, f, e);
	sent = audit_sample_has(&c->sample, &f->digest) || !has_mode(f);	/* one that could be written to is hashed */
	if (f->kind == OBJECTS_PLAIN) {
		c->plain = *f;
		c->has_plain = true;
		c->plain_sent = sent;
	}
	return sent ? hash(c, f, e) : 0;
}

static int by_path(const void *a, const void *b)
{
	const struct check_bad *x = a, *y = b;
	int order = digest_compare(&x->digest, &y->digest);

	return order != 0 ? order : strcmp(x->rest, y->rest);
}

static int look(struct checking *c, unsigned jobs, struct err *e)
{
	static const struct pool_ops ops = {.work = work, .drop = drop, .state_new = open_hash, .state_free = close_hash,
					    .putting = "listing objects", .working = "objects: digest"};
	int rc;

	if (file_open_dir_at(&c->run.store.dir, "objects", &c->dir, e) == -1)
		return -1;
	c->pool = pool_open(&ops, c, jobs, jobs * 4, e);
	if (c->pool == NULL)
		return -1;
	progress_phase("hashing objects", 0, 1);
	rc = objects_each_file(c->run.objects, meet, c, e);
	if (rc == 0)
		rc = send(c, e);
	if (pool_close(c->pool, e) == -1)
		rc = -1;
	progress_end();
	return rc;
}

/* ---- what is not there, and the trees ---- */

static int note_absent(void *arg, const struct digest *d, struct err *e)
{
	struct check_bad b = {.digest = *d, .kind = OBJECTS_PLAIN, .reason = R_OBJECT_MISSING};

	return note_bad(arg, &b, e);
}

static int look_at_streams(struct checking *c, struct err *e)
{
	const struct store_config *config = &c->run.store.config;
	struct absent a = {.objects = c->run.objects, .each = note_absent, .arg = c};
	uint64_t since = timings_now();
	int rc = 0;

	progress_phase("looking at lists", 0, 0);
	for (size_t i = 0; rc == 0 && i < config->streams_n; i++)
		rc = absent_look(&a, &c->run.store, &config->streams[i], e);
	progress_end();
	timings_busy("looking for what is gone", since);
	absent_free(&a);
	return rc;
}

/* ---- setting aside ---- */

static bool is_whole(const struct checking *c, const struct digest *d)
{
	const struct check_bad key = {.digest = *d};
	const struct check_bad *b = c->bad_n == 0 ? NULL : bsearch(&key, c->bad, c->bad_n, sizeof key, by_path);

	return b == NULL || b->reason == R_STORE_DAMAGED;
}

/* Of the lost ones that are there, those that are whole have names to be given back; the others are set aside. */
static int heal(struct checking *c, struct err *e)
{
	for (size_t i = 0; i < c->marked.n; i++)
		if (is_whole(c, &c->marked.list[i]) && objects_heal(c->run.objects, &c->marked.list[i], e) == -1)
			return -1;
	return 0;
}

/* What leads to the names is durable before the first file goes. */
static int set_aside(struct checking *c, struct err *e)
{
	struct objects_file f = {0};

	for (int go = 0; go <= 1; go++) {
		for (size_t i = 0; i < c->bad_n; i++) {
			const struct check_bad *b = &c->bad[i];

			if (b->reason == R_STORE_DAMAGED)
				continue;
			f.digest = b->digest;
			f.kind = b->kind;
			check_bad_path(b, f.path);
			if (go == 0 ? objects_leave_word(c->run.objects, &f, e) == -1
				    : objects_remove(c->run.objects, &f, e) == -1 || digests_add(&c->names, &b->digest, e) == -1 ||
					      places_ask(&c->places, &b->digest, e) == -1)
				return -1;
		}
		if (c->bad_n > 0 && file_sync_fs(&c->dir, e) == -1)
			return -1;
	}
	return 0;
}

static int set_modes(struct checking *c, struct err *e)
{
	char path[OBJECTS_FILE];

	for (size_t i = 0; i < c->bad_n; i++) {
		if (c->bad[i].reason != R_STORE_DAMAGED)
			continue;
		check_bad_path(&c->bad[i], path);
		if (fchmodat(c->dir.fd, path, mode_of(path), 0) == -1)
			return err_sys(e, "%s/%s: setting its mode", c->dir.name, path);
	}
	return 0;
}

static int see_to_names(struct checking *c, struct err *e)
{
	const struct store_config *config = &c->run.store.config;

	if (c->names.n == 0)
		return 0;
	digests_sort(&c->names);
	for (size_t i = 0; i < config->streams_n; i++)
		if (publish_heal(&c->run.store, c->run.objects, config->streams[i].stream, c->names.list, c->names.n, &c->places, e) == -1)
			return -1;
	return 0;
}

static int look_at_lists(struct checking *c, struct err *e)
{
	const struct store_config *config = &c->run.store.config;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < config->streams_n; i++)
		rc = kept_each_damaged(&c->run.store, config->streams[i].stream, check_tell_list, c, e);
	return rc;
}

/* One tree after the other: each name in it may be wrong. */
static int mend(struct checking *c, const char *stream, char tree, struct err *e)
{
	struct mend_ask ask = {.store = &c->run.store, .objects = c->run.objects, .each = check_tell_mended, .arg = c};
	struct mend_faults faults;
	int rc = mend_look(&c->run.store, stream, tree, &faults, e);

	if (rc == 0 && faults.n > 0)
		rc = run_change(&c->run, e);
	if (rc == 0)
		rc = mend_run(&ask, &faults, e);
	mend_free(&faults);
	return rc;
}

static int mend_trees(struct checking *c, struct err *e)
{
	const struct store_config *config = &c->run.store.config;
	uint64_t since = timings_now();
	int rc = 0;

	progress_phase("looking at trees", 0, 0);
	for (size_t i = 0; rc == 0 && i < 2 * config->streams_n; i++)
		rc = mend(c, config->streams[i / 2].stream, "ab"[i % 2], e);
	progress_end();
	timings_busy("looking at trees", since);
	return rc;
}

/* Lost ones now: those found before that are still, and those found now. */
static int count_lost(void *arg, const struct digest *d, bool lost, struct err *e)
{
	struct checking *c = arg;

	(void)d;
	(void)e;
	c->lost += lost;
	return 0;
}

static int repair(struct checking *c, struct err *e)
{
	struct update_all rest = {.places = &c->places};
	bool *touched = calloc(c->run.store.config.streams_n + 1, sizeof *touched);
	int rc = -1;

	if (touched == NULL)
		return err_mem(e);
	for (size_t i = 0; i < c->run.store.config.streams_n; i++)
		touched[i] = c->bad_n > 0;
	rest.touched = touched;
	if (c->bad_n + c->names.n + c->marked.n > 0 && run_change(&c->run, e) == -1)
		goto out;
	if (heal(c, e) == -1 || set_modes(c, e) == -1 || set_aside(c, e) == -1 || see_to_names(c, e) == -1)
		goto out;
	rc = 0;
	for (size_t i = 0; rc == 0 && i < c->bad_n; i++)
		rc = check_tell_bad(c, &c->bad[i], e);
	if (rc == 0)
		rc = mend_trees(c, e);
	if (rc == 0)
		rc = update_all(&c->run, &rest, e);
out:
	free(touched);
	return rc;
}

static int check(struct checking *c, unsigned jobs, struct err *e)
{
	int code;

	c->run.intent = json_object();
	if (look(c, jobs, e) == -1 || look_at_streams(c, e) == -1)
		return -1;
	if (c->bad_n > 0)
		qsort(c->bad, c->bad_n, sizeof *c->bad, by_path);
	if ((c->run.interrupted && run_change(&c->run, e) == -1) || look_at_lists(c, e) == -1 || repair(c, e) == -1 ||
	    objects_each(c->run.objects, count_lost, c, e) == -1 || check_tell_done(c, e) == -1)
		return -1;
	code = c->bad_n + c->lists + c->waiting + c->mended + c->run.restored > 0 ? 3 : 0;
	return run_done(&c->run, code, e) == -1 ? -1 : code;
}

int check_run(const struct args *a, struct err *e)
{
	struct run_ask ask = {.path = run_store_path(a, e), .intent = "check", .outcome = "check-done"};
	struct checking c = {.dir = FILE_CLOSED};
	uint64_t wait, jobs;
	int rc = -1;

	if (ask.path == NULL || args_expect(a, 0, 0, e) == -1 || args_number(a, "wait", 0, 1000000, 0, &wait, e) == -1 ||
	    args_number(a, "jobs", 1, 64, pool_default_jobs(), &jobs, e) == -1 ||
	    audit_sample_parse(args_get(a, "sample"), &c.sample, e) == -1)
		return -1;
	ask.wait_seconds = (unsigned)wait;
	pthread_mutex_init(&c.lock, NULL);
	if (run_open(&ask, &c.run, e) == 0)
		rc = check(&c, (unsigned)jobs, e);
	pthread_mutex_destroy(&c.lock);
	file_close(&c.dir);
	places_free(&c.places);
	free(c.batch);
	free(c.bad);
	digests_free(&c.names);
	digests_free(&c.marked);
	run_close(&c.run);
	return rc;
}

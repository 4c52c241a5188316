/*
 * satchel-import check: every object hashed, or a part of them; what is damaged or gone is set aside, so that the next bundle
 * heals it; then both trees of every stream, name by name. objects > CHECK > publish. A damaged object is received still, but
 * nothing serves it: its names go, in both trees, until its bytes come again, unless a name still has them. A damaged variant
 * whose object is whole is made anew. Refuses nothing.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
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
#include "import/tell.h"
#include "import/update.h"
#include "lib/err.h"
#include "lib/num.h"
#include "lib/pool.h"
#include "lib/progress.h"
#include "lib/say.h"
#include "manifests/reason.h"
#include "verify/audit_objects.h"

#include "lib/banned.h"

#define BATCH 64		/* files of a task: small ones cost less than handing them over */
#define BATCH_BYTES (4u << 20)
#define CHUNK (256u << 10)
#define PERMISSIONS 07777

const struct option_def check_options[] = {
	{.name = "sample", .value = "N/M", .help = "only part N of M; parts 1/7 to 7/7 are all"},
	{.name = "jobs", .value = "N", .help = "threads (the processors there are)"},
	{.name = "wait", .value = "SECONDS", .help = "how long to wait for another run to end (0)"},
	{0},
};

struct batch {
	size_t n;
	uint64_t bytes;
	struct objects_file files[BATCH];
};
struct bad {
	struct objects_file file;
	int reason;		/* R_OBJECT_DIGEST; ERR_IO: it can't be read; R_OBJECT_MISSING; R_STORE_DAMAGED: its mode alone */
};
struct checking {
	struct run run;
	struct audit_sample sample;
	struct file dir;	/* objects/ */
	struct pool *pool;
	struct batch *batch;
	pthread_mutex_t lock;	/* guards bad */
	struct bad *bad;
	size_t bad_n, bad_room;
	struct digest *names;	/* objects whose names are to be seen to; sorted */
	size_t names_n, names_room;
	struct digest plain;	/* the last HEX met */
	bool has_plain;
	uint64_t lists;		/* damaged ones */
	uint64_t files, bytes, waiting;	/* waiting: set aside before, not healed yet */
	struct mend_faults *faults;	/* of each stream's two trees */
	uint64_t faults_n, mended, lost;	/* lost: objects whose bytes are to come again */
	struct places places;
};

static unsigned long long ull(uint64_t n)
{
	return (unsigned long long)n;
}

/* ---- hashing, on many threads ---- */

static void *open_hash(void *arg, struct err *e)
{
	(void)arg;
	return digest_open(e);
}

static void close_hash(void *arg, void *state)
{
	(void)arg;
	digest_close(state);
}

static int hash(struct digest_ctx *h, const struct file *f, struct digest *out, struct err *e)
{
	uint8_t *chunk = malloc(CHUNK);
	int64_t n = -1;

	if (chunk == NULL)
		err_mem(e);
	while (chunk != NULL && (n = file_read(f, chunk, CHUNK, e)) > 0) {
		digest_update(h, chunk, (size_t)n);
		progress_add((uint64_t)n);
	}
	free(chunk);
	return digest_final(h, out, n == -1 ? NULL : e) == -1 || n == -1 ? -1 : 0;
}

static int note_bad(struct checking *c, const struct objects_file *f, int reason, struct err *e)
{
	int rc = 0;

	pthread_mutex_lock(&c->lock);
	if (c->bad_n == c->bad_room) {
		size_t room = c->bad_room == 0 ? 64 : 2 * c->bad_room;
		struct bad *more = reallocarray(c->bad, room, sizeof *more);

		if (more == NULL)
			rc = err_mem(e);
		else {
			c->bad = more;
			c->bad_room = room;
		}
	}
	if (rc == 0)
		c->bad[c->bad_n++] = (struct bad){*f, reason};
	pthread_mutex_unlock(&c->lock);
	return rc;
}

static mode_t mode_of(const struct objects_file *f)
{
	return strncmp(f->path + 3 + DIGEST_HEX, ".x", 2) == 0 ? 0555 : 0444;
}

/* HEX.x and its like are executables, all else is not; nobody may write. */
static bool has_mode(const struct objects_file *f)
{
	return (f->st.st_mode & PERMISSIONS) == mode_of(f);
}

/* A file that can't be read is as good as one of other bytes; any other error is the machine's. */
static int check_file(struct checking *c, struct digest_ctx *h, const struct objects_file *f, struct err *e)
{
	struct file in = FILE_CLOSED;
	struct err why = {0};
	struct digest is;
	int rc = file_open_at(&c->dir, f->path, &in, &why);

	if (rc == 0)
		rc = hash(h, &in, &is, &why);
	file_close(&in);
	if (rc == 0 && digest_equal(&is, &f->digest))
		return has_mode(f) ? 0 : note_bad(c, f, R_STORE_DAMAGED, e);
	if (rc == 0 || why.sys == EIO)
		return note_bad(c, f, rc == 0 ? R_OBJECT_DIGEST : ERR_IO, e);
	*e = why;
	return -1;
}

static int work(void *arg, void *task, void *state, struct err *e)
{
	const struct batch *b = task;

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
	struct batch *b = c->batch;

	c->batch = NULL;
	return b == NULL ? 0 : pool_put(c->pool, b, e);
}

/* ---- what there is ---- */

static int add_name(struct checking *c, const struct digest *d, struct err *e)
{
	if (c->names_n == c->names_room) {
		size_t room = c->names_room == 0 ? 64 : 2 * c->names_room;
		struct digest *more = reallocarray(c->names, room, sizeof *more);

		if (more == NULL)
			return err_mem(e);
		c->names = more;
		c->names_room = room;
	}
	c->names[c->names_n++] = *d;
	return 0;
}

/* One that was lost and is there: an earlier run was interrupted before its names were given back. */
static int meet_lost(struct checking *c, const struct objects_file *f, struct err *e)
{
	if (c->has_plain && digest_equal(&c->plain, &f->digest))
		return objects_heal(c->run.objects, &f->digest, e);
	c->waiting++;
	return add_name(c, &f->digest, e);
}

static int meet(void *arg, const struct objects_file *f, struct err *e)
{
	struct checking *c = arg;

	if (f->kind == OBJECTS_LOST)
		return meet_lost(c, f, e);
	if (f->kind == OBJECTS_PLAIN) {
		c->plain = f->digest;
		c->has_plain = true;
	}
	if (!audit_sample_has(&c->sample, &f->digest) && has_mode(f))	/* one that could be written to is hashed */
		return 0;
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

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct bad *)a)->file.path, ((const struct bad *)b)->file.path);
}

static int look(struct checking *c, unsigned jobs, struct err *e)
{
	static const struct pool_ops ops = {.work = work, .drop = drop, .state_new = open_hash, .state_free = close_hash};
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
	struct objects_file f = {.digest = *d, .kind = OBJECTS_PLAIN};
	char hex[DIGEST_HEX + 1];

	digest_hex(d, hex);
	snprintf(f.path, sizeof f.path, "%.2s/%s", hex, hex);
	return note_bad(arg, &f, R_OBJECT_MISSING, e);
}

static int look_at_streams(struct checking *c, struct err *e)
{
	const struct store_config *config = &c->run.store.config;
	struct absent a = {.objects = c->run.objects, .each = note_absent, .arg = c};
	int rc = 0;

	c->faults = calloc(2 * config->streams_n + 1, sizeof *c->faults);
	if (c->faults == NULL)
		return err_mem(e);
	progress_phase("looking at trees", 0, 0);
	for (size_t i = 0; rc == 0 && i < config->streams_n; i++) {
		rc = absent_look(&a, &c->run.store, &config->streams[i], e);
		for (size_t t = 0; rc == 0 && t < 2; t++) {
			rc = mend_look(&c->run.store, config->streams[i].stream, "ab"[t], &c->faults[2 * i + t], e);
			c->faults_n += c->faults[2 * i + t].n;
		}
	}
	progress_end();
	absent_free(&a);
	return rc;
}

/* ---- setting aside ---- */

static int by_digest(const void *a, const void *b)
{
	return digest_compare(a, b);
}

static int set_aside(struct checking *c, struct err *e)
{
	for (size_t i = 0; i < c->bad_n; i++) {
		const struct objects_file *f = &c->bad[i].file;

		if (c->bad[i].reason == R_STORE_DAMAGED) {
			if (fchmodat(c->dir.fd, f->path, mode_of(f), 0) == -1)
				return err_sys(e, "%s/%s: setting its mode", c->dir.name, f->path);
		} else if (objects_set_aside(c->run.objects, f, e) == -1 || add_name(c, &f->digest, e) == -1 ||
			   places_ask(&c->places, &f->digest, e) == -1)
			return -1;
	}
	return 0;
}

static int see_to_names(struct checking *c, struct err *e)
{
	const struct store_config *config = &c->run.store.config;

	if (c->names_n == 0)
		return 0;
	qsort(c->names, c->names_n, sizeof *c->names, by_digest);
	for (size_t i = 0; i < config->streams_n; i++)
		if (publish_heal(&c->run.store, c->run.objects, config->streams[i].stream, c->names, c->names_n, &c->places, e) == -1)
			return -1;
	return 0;
}

/* What became of it, now that the names were seen to. */
static const char *fate(const struct checking *c, const struct bad *b)
{
	struct err none = {0};

	if (b->reason == R_STORE_DAMAGED)
		return "put right";
	if (b->file.kind == OBJECTS_VARIANT)
		return "made anew";
	if (objects_needed(c->run.objects, &b->file.digest, &none) == 0)
		return "taken from a published file that has them";
	return b->reason == R_OBJECT_MISSING ? "noted as lost" : "set aside";
}

static const char *what(const struct bad *b)
{
	switch (b->reason) {
	case R_OBJECT_MISSING:
		return "it is gone, and is needed";
	case R_STORE_DAMAGED:
		return "its mode is not the one of an object";
	case ERR_IO:
		return "it can't be read";
	default:
		return "its bytes have another digest";
	}
}

static int tell_bad(struct checking *c, const struct bad *b, struct err *e)
{
	const struct place *where = places_find(&c->places, &b->file.digest);
	const char *item = where == NULL ? NULL : where->item, *path = item == NULL ? NULL : where->path;
	const char *done = fate(c, b);
	struct err line = {0};
	json_t *o = json_object();
	char file[OBJECTS_FILE + 16];

	snprintf(file, sizeof file, "objects/%s", b->file.path);
	err_set(&line, b->reason, "%s: %s: %s%s%s%s%s", file, what(b), done, item == NULL ? "" : "; ",
		item == NULL ? "" : item, path == NULL ? "" : ": ", path == NULL ? "" : path);
	say_error(&line);
	err_clear(&line);
	json_put_text(o, "file", file);
	json_put_text(o, "reason", reason_word(b->reason));
	json_put_text(o, "done", done);
	if (item != NULL)
		json_put_text(o, "item", item);
	if (path != NULL)
		json_put_text(o, "path", path);
	say_object(json_incref(o));
	return run_log(&c->run, "damaged", o, e);
}

/* kept_each_damaged: only a bundle that carries the list can heal it. */
static int tell_list_damaged(void *arg, const struct list_ref *ref, const struct err *why, struct err *e)
{
	struct checking *c = arg;
	json_t *o = json_object();

	c->lists++;
	say_error(why);
	json_put_number(o, "epoch", ref->epoch);
	json_put_number(o, "list", ref->revision);
	json_put_text(o, "reason", reason_word(why->reason));
	json_put_text(o, "text", why->text);
	say_object(json_incref(o));
	return run_change(&c->run, e) == -1 ? -1 : run_log(&c->run, "damaged", o, e);
}

static int look_at_lists(struct checking *c, struct err *e)
{
	const struct store_config *config = &c->run.store.config;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < config->streams_n; i++)
		rc = kept_each_damaged(&c->run.store, config->streams[i].stream, tell_list_damaged, c, e);
	return rc;
}

/* mend_ask.each */
static int tell_mended(void *arg, const struct mend_told *t, struct err *e)
{
	struct checking *c = arg;
	struct err line = {0};
	json_t *o = json_object();

	c->mended++;
	err_set(&line, t->reason, "%s: %s: %s", t->place, t->text, t->done);
	say_error(&line);
	err_clear(&line);
	json_put_text(o, "file", t->place);
	json_put_text(o, "reason", reason_word(t->reason));
	json_put_text(o, "done", t->done);
	say_object(json_incref(o));
	return run_log(&c->run, "damaged", o, e);
}

static int mend(struct checking *c, struct err *e)
{
	struct mend_ask ask = {.store = &c->run.store, .objects = c->run.objects, .each = tell_mended, .arg = c};

	for (size_t i = 0; i < 2 * c->run.store.config.streams_n; i++)
		if (mend_run(&ask, &c->faults[i], e) == -1)
			return -1;
	return 0;
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

static int log_checked(struct checking *c, struct err *e)
{
	char sample[48], size[24];
	json_t *o = json_object();

	snprintf(sample, sizeof sample, "%llu/%llu", ull(c->sample.n), ull(c->sample.m));
	json_put_text(o, "sample", sample);
	json_put_number(o, "files", c->files);
	json_put_number(o, "bytes", c->bytes);
	json_put_number(o, "damaged", c->bad_n);
	json_put_number(o, "not_healed", c->waiting);
	json_put_number(o, "mended", c->mended);
	say_object(json_incref(o));
	say_line("%s: %s of objects, %s, hashed: %zu damaged", c->run.store.config.name, num_of(c->files, "file"),
		 num_format_size(c->bytes, size), c->bad_n);
	if (c->waiting > 0 && c->lost > 0)
		say_line("%s set aside before and not healed yet", num_of(c->waiting, "object"));
	if (c->mended > 0)
		say_line("%s in published trees put right", num_of(c->mended, "name"));
	if (c->lost > 0)
		say_note("apply a bundle that carries these objects; a receipt asks for just them");
	return run_log(&c->run, "checked", o, e);
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
	if (c->bad_n + c->names_n + c->faults_n > 0 && run_change(&c->run, e) == -1)
		goto out;
	if (set_aside(c, e) == -1 || see_to_names(c, e) == -1)
		goto out;
	rc = 0;
	for (size_t i = 0; rc == 0 && i < c->bad_n; i++)
		rc = tell_bad(c, &c->bad[i], e);
	if (rc == 0)
		rc = mend(c, e);
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
	    objects_each(c->run.objects, count_lost, c, e) == -1 || log_checked(c, e) == -1)
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
	for (size_t i = 0; c.faults != NULL && i < 2 * c.run.store.config.streams_n; i++)
		mend_free(&c.faults[i]);
	free(c.faults);
	places_free(&c.places);
	free(c.batch);
	free(c.bad);
	free(c.names);
	run_close(&c.run);
	return rc;
}

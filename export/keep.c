/*
 * KEEP, between DECIDE and SELECT: the bytes that were scanned, and only these, come into the station before a decision
 * on them is recorded. Refuses files that changed since the scan, all of them named, and to begin where the room is
 * not enough.
 */
#include "export/keep.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/fs.h>

#include "export/cache.h"
#include "export/shelf.h"
#include "export/station.h"
#include "lib/err.h"
#include "lib/num.h"
#include "lib/opener.h"
#include "lib/pool.h"
#include "lib/progress.h"
#include "manifests/contents.h"
#include "manifests/names.h"
#include "manifests/reason.h"

#include "lib/banned.h"

#define BATCH_FILES 64
#define BATCH_BYTES (8u << 20)
#define BLOCK 4096u	/* what a file takes beside its bytes, at most */
#define SPARE (64u << 20)	/* room that stays free: the ledger and the draft must still fit */

struct wanted {
	char *item;
	struct contents_ref ref;
};
struct keep {
	struct station *station;
	void (*changed)(void *arg, const char *path, const char *why);
	void *arg;
	struct arena arena;
	struct wanted *list;
	size_t n, room;
	struct shelf *shelf;
	struct file content;
	size_t changed_n;
	char first[256];	/* of the changed ones, for the message */
};

/* One file to be kept; several make a task. */
struct copy {
	char *path;
	struct digest sha256;
	uint64_t size;
	const char *why;	/* set by work: it changed */
};
struct batch {
	struct arena arena;
	struct copy list[BATCH_FILES];
	size_t n;
	uint64_t bytes;
};

struct keep *keep_start(struct station *s, void (*changed)(void *arg, const char *path, const char *why), void *arg,
			struct err *e)
{
	struct keep *k = calloc(1, sizeof *k);

	if (k == NULL) {
		err_mem(e);
		return NULL;
	}
	*k = (struct keep){.station = s, .changed = changed, .arg = arg, .content = FILE_CLOSED};
	return k;
}

void keep_abort(struct keep *k)
{
	if (k == NULL)
		return;
	shelf_close(k->shelf);
	file_close(&k->content);
	arena_free(&k->arena);
	free(k->list);
	free(k);
}

int keep_item(struct keep *k, const char *item, const struct contents_ref *ref, struct err *e)
{
	if (k->n == k->room) {
		size_t room = k->room == 0 ? 64 : k->room * 2;
		struct wanted *list = reallocarray(k->list, room, sizeof *list);

		if (list == NULL)
			return err_mem(e);
		k->list = list;
		k->room = room;
	}
	k->list[k->n] = (struct wanted){.item = arena_strndup(&k->arena, item, strlen(item)), .ref = *ref};
	return k->list[k->n++].item == NULL ? err_mem(e) : 0;
}

/* Calls each for every file of the item that is not kept yet, until it returns other than 0, which is returned. */
static int for_missing(struct keep *k, const struct wanted *w,
		       int (*each)(void *arg, const char *item, const struct record *r, struct err *e), void *arg,
		       struct err *e)
{
	struct contents_reader *reader = NULL;
	const struct record *r;
	int rc = contents_reader_open(&w->ref, w->item, station_fetch, k->station, &reader, e), got = 0;

	if (rc == 1)
		rc = err_set(e, R_STATION_DAMAGED, "item \"%s\": its contents list is not in the station; scan again", w->item);
	while (rc == 0 && (got = contents_reader_next(reader, &r, e)) == 1)
		if (r->has_file && !shelf_has(k->shelf, &r->sha256))
			rc = each(arg, w->item, r, e);
	if (rc == 0 && got == 2)
		rc = err_set(e, R_STATION_DAMAGED, "item \"%s\": a part of its contents list is not in the station; scan again",
			     w->item);
	contents_reader_close(reader);
	return rc != 0 ? rc : got == 0 ? 0 : -1;
}

static int found(void *arg, const char *item, const struct record *r, struct err *e)
{
	(void)arg;
	(void)item;
	(void)r;
	(void)e;
	return 1;
}

/* Whether anything is not kept yet: 1, 0, -1. */
static int is_missing(struct keep *k, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < k->n && rc == 0; i++)
		rc = for_missing(k, &k->list[i], found, NULL, e);
	return rc;
}

/* ---- the forecast ---- */

struct forecast {	/* each object once */
	uint64_t bytes;
	struct digest *seen;	/* open addressing; all zeros is free */
	size_t slots, used;
};

static struct digest *find_slot(struct digest *table, size_t slots, const struct digest *d)
{
	static const struct digest none;
	size_t at;

	memcpy(&at, d->bytes, sizeof at);
	for (at &= slots - 1; !digest_equal(&table[at], &none) && !digest_equal(&table[at], d); at = (at + 1) & (slots - 1))
		;
	return &table[at];
}

static int grow(struct forecast *f, struct err *e)
{
	static const struct digest none;
	size_t slots = f->slots == 0 ? 1024 : f->slots * 2;
	struct digest *table = calloc(slots, sizeof *table);

	if (table == NULL)
		return err_mem(e);
	for (size_t i = 0; i < f->slots; i++)
		if (!digest_equal(&f->seen[i], &none))
			*find_slot(table, slots, &f->seen[i]) = f->seen[i];
	free(f->seen);
	f->seen = table;
	f->slots = slots;
	return 0;
}

static int count(void *arg, const char *item, const struct record *r, struct err *e)
{
	struct forecast *f = arg;
	struct digest *slot;

	(void)item;
	if (f->used * 2 >= f->slots && grow(f, e) == -1)
		return -1;
	slot = find_slot(f->seen, f->slots, &r->sha256);
	if (digest_equal(slot, &r->sha256))
		return 0;
	*slot = r->sha256;
	f->used++;
	if (num_add(f->bytes, r->size + BLOCK, &f->bytes))
		return err_set(e, ERR_TOO_LARGE, "sizes add up to more than can be counted");
	return 0;
}

static int sum_up(struct keep *k, uint64_t *bytes, struct err *e)
{
	struct forecast f = {.bytes = 0};
	int rc = 0;

	for (size_t i = 0; i < k->n && rc == 0; i++)
		rc = for_missing(k, &k->list[i], count, &f, e);
	free(f.seen);
	*bytes = f.bytes;
	return rc;
}

struct probe {
	struct keep *keep;
	bool done, works;
};

/* Tries the first file that isn't empty. */
static int probe(void *arg, const char *item, const struct record *r, struct err *e)
{
	struct probe *p = arg;
	const char *slash = strrchr(item, '/');
	struct file from = FILE_CLOSED;
	struct err ignored = {0};
	char *path = NULL;
	int fd;

	if (p->done || r->size == 0)
		return 0;
	p->done = true;
	fd = openat(p->keep->station->dir.fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (asprintf(&path, "%.*s%s", slash == NULL ? 0 : (int)(slash - item) + 1, item, r->path) == -1) {
		path = NULL;
		err_mem(e);
	} else if (fd != -1 && file_open_at(&p->keep->content, path, &from, &ignored) == 0) {
		p->works = ioctl(fd, FICLONE, from.fd) == 0;
	}
	if (fd != -1)
		close(fd);
	file_close(&from);
	free(path);
	return e->reason == ERR_NONE ? 0 : -1;
}

/* Whether the file systems share bytes, so that keeping takes no room. */
static int can_share(struct keep *k, bool *works, struct err *e)
{
	struct probe p = {.keep = k};
	int rc = 0;

	for (size_t i = 0; i < k->n && rc == 0 && !p.done; i++)
		rc = for_missing(k, &k->list[i], probe, &p, e);
	*works = p.works;
	return rc;
}

/* Cheap bounds first: most often there is room for everything, kept already or not. */
static int check_room(struct keep *k, struct err *e)
{
	uint64_t need = 0, room;
	char a[24], b[24];
	bool known, shares;

	if (file_free_space(&k->station->dir, &room, &known, e) == -1)
		return -1;
	for (size_t i = 0; i < k->n; i++)
		if (num_add(need, k->list[i].ref.bytes + k->list[i].ref.files * BLOCK, &need))
			need = UINT64_MAX / 2;
	if (!known || room > need + SPARE)
		return 0;
	if (sum_up(k, &need, e) == -1)
		return -1;
	if (room > need + SPARE)
		return 0;
	if (can_share(k, &shares, e) == -1)
		return -1;
	if (shares)
		return 0;
	err_set(e, ERR_NO_SPACE, "%s: keeping the approved files takes %s beside %u MiB that stay free, and there are %s",
		k->station->dir.name, num_format_size(need, a), SPARE >> 20, num_format_size(room, b));
	return err_hint(e, "make room, or approve fewer items at once");
}

/* ---- copying ---- */

/* What a thread needs for it. */
struct hand {
	struct opener opener;
	struct file_copier *copier;
};

static void free_hand(void *arg, void *state)
{
	struct hand *h = state;

	(void)arg;
	file_copier_close(h->copier);
	opener_close(&h->opener);
	free(h);
}

static void *new_hand(void *arg, struct err *e)
{
	const struct keep *k = arg;
	struct hand *h = calloc(1, sizeof *h);

	if (h == NULL) {
		err_mem(e);
		return NULL;
	}
	h->opener = (struct opener)OPENER(&k->content);
	h->copier = file_copier_open(e);
	if (h->copier != NULL)
		return h;
	free(h);
	return NULL;
}

/* 0, also where the file changed (why is set); -1 where the station can't take it. */
static int copy_one(struct keep *k, struct hand *h, struct copy *c, struct err *e)
{
	struct file from = FILE_CLOSED, to = FILE_CLOSED;
	struct err cause = {0};
	struct digest d;
	struct stat st;
	int rc = 0;

	if (opener_open(&h->opener, c->path, &from, &cause) == -1 || file_stat(&from, &st, &cause) == -1) {
		if (cause.reason == ERR_MEMORY) {
			*e = cause;
			rc = -1;
		}
		c->why = cause.reason == ERR_MISSING ? "it is gone" : "it can't be read";
		goto out;
	}
	if ((uint64_t)st.st_size != c->size) {
		c->why = "it has another size";
		goto out;
	}
	rc = shelf_create(k->shelf, &c->sha256, &to, e);
	if (rc == 1)	/* the same bytes under another path */
		rc = 0;
	else if (rc == 0 && (rc = file_copier_run(h->copier, &from, c->size, &to, &d, e)) == 0 && !digest_equal(&d, &c->sha256))
		c->why = "it has other bytes";
out:
	file_close(&to);
	file_close(&from);
	return rc;
}

static int work(void *arg, void *task, void *state, struct err *e)
{
	struct batch *b = task;

	for (size_t i = 0; i < b->n; i++) {
		if (copy_one(arg, state, &b->list[i], e) == -1)
			return -1;
		progress_add(b->list[i].size);
	}
	return 0;
}

static int finish(void *arg, void *task, struct err *e)
{
	struct keep *k = arg;
	struct batch *b = task;

	(void)e;
	for (size_t i = 0; i < b->n; i++) {
		const struct copy *c = &b->list[i];

		if (c->why == NULL)
			continue;
		if (k->changed_n++ == 0)
			snprintf(k->first, sizeof k->first, "%s", c->path);
		if (k->changed != NULL)
			k->changed(k->arg, c->path, c->why);
	}
	return 0;
}

static void drop(void *arg, void *task)
{
	struct batch *b = task;

	(void)arg;
	arena_free(&b->arena);
	free(b);
}

struct feeder {
	struct pool *pool;
	struct batch *batch;
};

static int feed(struct feeder *f, struct err *e)
{
	struct batch *b = f->batch;

	f->batch = NULL;
	return b == NULL ? 0 : pool_put(f->pool, b, e);
}

static int queue(void *arg, const char *item, const struct record *r, struct err *e)
{
	struct feeder *f = arg;
	const char *slash = strrchr(item, '/');
	size_t top = slash == NULL ? 0 : (size_t)(slash - item) + 1, len = strlen(r->path);
	struct copy *c;

	if (f->batch == NULL && (f->batch = calloc(1, sizeof *f->batch)) == NULL)
		return err_mem(e);
	c = &f->batch->list[f->batch->n];
	c->path = arena_alloc(&f->batch->arena, top + len + 1);
	if (c->path == NULL)
		return err_mem(e);
	memcpy(c->path, item, top);
	memcpy(c->path + top, r->path, len + 1);
	c->sha256 = r->sha256;
	c->size = r->size;
	f->batch->n++;
	f->batch->bytes += r->size;
	return f->batch->n == BATCH_FILES || f->batch->bytes >= BATCH_BYTES ? feed(f, e) : 0;
}

static int copy_all(struct keep *k, unsigned jobs, struct err *e)
{
	static const struct pool_ops ops = {
		.work = work, .finish = finish, .drop = drop, .state_new = new_hand, .state_free = free_hand,
		.putting = "looking what is kept", .working = "keeping",
	};
	struct feeder f = {.pool = pool_open(&ops, k, jobs, jobs * 4, e)};
	int rc = f.pool == NULL ? -1 : 0;

	for (size_t i = 0; i < k->n && rc == 0; i++)
		rc = for_missing(k, &k->list[i], queue, &f, e);
	if (rc == 0)
		rc = feed(&f, e);
	if (f.batch != NULL)
		drop(NULL, f.batch);
	if (pool_close(f.pool, e) == -1)
		rc = -1;
	return rc;
}

/* What is kept already is asked of nobody: neither the content root, which may have moved on, nor room. */
static int run(struct keep *k, unsigned jobs, struct err *e)
{
	int missing;

	k->shelf = shelf_open(&k->station->dir, "objects", e);
	missing = k->shelf == NULL ? -1 : is_missing(k, e);
	if (missing <= 0)
		return missing;
	if (file_open_dir(k->station->config.content, &k->content, e) == -1 || check_room(k, e) == -1)
		return -1;
	progress_phase("keeping", 0, 1);
	if (copy_all(k, jobs, e) == -1)
		return -1;
	progress_end();
	if (k->changed_n > 0) {
		if (k->changed_n == 1)
			err_set(e, R_CONTENT_CHANGED, "%s: is no longer what was scanned", k->first);
		else
			err_set(e, R_CONTENT_CHANGED, "%zu files are no longer what was scanned, the first is %s", k->changed_n, k->first);
		return err_hint(e, "nothing was approved; bring these bytes back, or 'scan' and approve what is there");
	}
	return shelf_commit(k->shelf, e);
}

int keep_finish(struct keep *k, unsigned jobs, struct err *e)
{
	int rc = k->n == 0 || !k->station->config.policy.keep_objects ? 0 : run(k, jobs, e);

	keep_abort(k);
	return rc;
}

/*
 * Storing: objects as files named by their digest (DESIGN 5, seam "Storing" of DESIGN 9). stage > OBJECTS > publish.
 * Whole objects are written under their final name: the marker stage/receiving, not a rename for each, tells after an
 * interruption which may be torn. Refuses bytes that do not have the digest they are named by.
 */
#include "import/objects.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "import/arrivals.h"
#include "import/objects_impl.h"
#include "lib/buf.h"
#include "lib/bulk.h"
#include "lib/err.h"
#include "lib/file_hash.h"
#include "lib/num.h"
#include "lib/outfile.h"
#include "lib/pool.h"
#include "manifests/reason.h"

#include "lib/banned.h"

#define OBJECT_MODE 0444
#define FAN_MODE 0755
#define PERMISSIONS 07777

struct objects *objects_open(const struct file *store, struct err *e)
{
	struct objects *o = calloc(1, sizeof *o);

	if (o == NULL) {
		err_mem(e);
		return NULL;
	}
	o->store = *store;
	o->dir = (struct file)FILE_CLOSED;
	o->jobs = pool_default_jobs();
	pthread_mutex_init(&o->lock, NULL);
	pthread_mutex_init(&o->making, NULL);
	o->blocks = (struct slabs)SLABS(BULK_BLOCK);
	o->fans = calloc(OBJECTS_FANS, sizeof *o->fans);
	if (o->fans == NULL) {
		err_mem(e);
		goto out;
	}
	o->arrivals = arrivals_open(e);
	if (o->arrivals == NULL)
		goto out;
	for (unsigned i = 0; i < OBJECTS_FANS; i++) {
		pthread_mutex_init(&o->fans[i].lock, NULL);
		o->fans[i].dir = (struct file)FILE_CLOSED;
	}
	if (file_open_dir_at(store, "objects", &o->dir, e) == 0)
		return o;
out:
	objects_close(o);
	return NULL;
}

void objects_close(struct objects *o)
{
	if (o == NULL)
		return;
	pool_close(o->flush, NULL);
	for (unsigned i = 0; o->fans != NULL && i < OBJECTS_FANS; i++) {
		file_close(&o->fans[i].dir);
		pthread_mutex_destroy(&o->fans[i].lock);
	}
	for (unsigned i = 0; i < OBJECTS_RUNNING; i++)
		digest_close(o->running[i].hash);
	slabs_free(&o->blocks);
	pthread_mutex_destroy(&o->making);
	pthread_mutex_destroy(&o->lock);
	file_close(&o->dir);
	distinct_free(&o->complete);
	arrivals_close(o->arrivals);
	free(o->fans);
	digests_free(&o->healed);
	free(o);
}

void objects_expect(struct objects *o, struct distinct *sizes)
{
	arrivals_expect(o->arrivals, sizes);
}

void objects_set_jobs(struct objects *o, unsigned jobs)
{
	o->jobs = jobs;
}

unsigned objects_jobs(const struct objects *o)
{
	return o->jobs;
}

void objects_set_folding(struct objects *o)
{
	o->folding = true;
}

const struct file *objects_folding(const struct objects *o)
{
	return o->folding ? &o->store : NULL;
}

uint8_t *objects_block(struct objects *o, struct err *e)
{
	return slabs_take(&o->blocks, e);
}

void objects_block_done(struct objects *o, uint8_t *block)
{
	slabs_give(&o->blocks, block);
}

void objects_blocks_free(struct objects *o)
{
	slabs_free(&o->blocks);
	o->blocks = (struct slabs)SLABS(BULK_BLOCK);
}

/* Opens a fan under its lock: 0, 1 not there, -1. */
static int open_fan(const struct objects *o, unsigned first, bool make, struct err *e)
{
	struct objects_fan *fan = &o->fans[first];
	struct err cause = {0};
	char name[3];

	if (fan->absent && !make)
		return 1;
	snprintf(name, sizeof name, "%02x", first & 0xffu);
	if (file_open_dir_at(&o->dir, name, &fan->dir, &cause) == -1) {
		if (cause.sys != ENOENT) {
			if (e != NULL && e->reason == ERR_NONE)
				*e = cause;
			return -1;
		}
		fan->absent = true;
		if (!make)
			return 1;
		if (file_make_dir_at(&o->dir, name, FAN_MODE, e) == -1 ||
		    file_open_dir_at(&o->dir, name, &fan->dir, e) == -1)
			return -1;
		fan->fresh = true;
	}
	atomic_store_explicit(&fan->open, true, memory_order_release);
	return 0;
}

int objects_fan(const struct objects *o, unsigned first, bool make, const struct file **out, struct err *e)
{
	struct objects_fan *fan = &o->fans[first];
	int rc = 0;

	if (!atomic_load_explicit(&fan->open, memory_order_acquire)) {
		if (!make && atomic_load(&fan->absent))
			return 1;
		pthread_mutex_lock(&fan->lock);
		if (!atomic_load_explicit(&fan->open, memory_order_relaxed))
			rc = open_fan(o, first, make, e);
		pthread_mutex_unlock(&fan->lock);
	}
	*out = &fan->dir;
	return rc;
}

char *objects_name(const struct digest *d, bool exec, unsigned n, char out[OBJECTS_NAME])
{
	char *end = digest_hex(d, out) + DIGEST_HEX;

	if (exec) {
		memcpy(end, ".x", 3);
		end += 2;
	}
	if (n > 0)
		snprintf(end, 12, ".%u", n);
	return out;
}

int objects_name_parse(const char *name, struct digest *d, bool *exec)
{
	size_t len = strlen(name);
	const char *rest = name + DIGEST_HEX;
	uint64_t n;

	if (len < DIGEST_HEX || digest_parse(name, DIGEST_HEX, d) == -1)
		return -1;
	*exec = strncmp(rest, ".x", 2) == 0;
	if (*exec)
		rest += 2;
	return *rest == '\0' || (*rest == '.' && num_parse(rest + 1, strlen(rest + 1), 1, UINT32_MAX, &n) == 0) ? 0 : -1;
}

char *objects_name_lost(const struct digest *d, char out[OBJECTS_NAME])
{
	memcpy(digest_hex(d, out) + DIGEST_HEX, ".lost", 6);
	return out;
}

/* lstat of a name in a fan: 1 there, 0 not, -1. */
static int look(const struct file *fan, const char *name, struct stat *st, struct err *e)
{
	if (fstatat(fan->fd, name, st, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	return errno == ENOENT ? 0 : err_sys(e, "%s/%s", fan->name, name);
}

int objects_is_lost(const struct file *fan, const struct digest *d, struct err *e)
{
	char name[OBJECTS_NAME];
	struct stat st;

	return look(fan, objects_name_lost(d, name), &st, e);
}

int objects_has(const struct objects *o, const struct digest *d, uint64_t *size, struct err *e)
{
	char name[OBJECTS_NAME];
	const struct file *fan;
	struct stat st;
	int rc;

	if (arrivals_has(o->arrivals, d, size))
		return 1;
	rc = objects_fan(o, d->bytes[0], false, &fan, e);
	if (rc != 0)
		return rc == 1 ? 0 : -1;
	rc = look(fan, objects_name(d, false, 0, name), &st, e);
	if (rc == 1 && !S_ISREG(st.st_mode))
		return err_set(e, R_STORE_DAMAGED, "%s/%s: not a regular file", fan->name, name);
	if (size != NULL)
		*size = rc == 1 ? (uint64_t)st.st_size : UINT64_MAX;
	return rc == 0 && !o->fans[d->bytes[0]].fresh ? objects_is_lost(fan, d, e) : rc;
}

int objects_needed(const struct objects *o, const struct digest *d, struct err *e)
{
	uint64_t size;
	int rc = objects_has(o, d, &size, e);

	return rc == -1 ? -1 : rc == 0 || size == UINT64_MAX;
}

int objects_remember(struct objects *o, const struct digest *what, struct err *e)
{
	return distinct_add(&o->complete, what, e) == -1 ? -1 : 0;
}

bool objects_remembers(const struct objects *o, const struct digest *what)
{
	return distinct_has(&o->complete, what);
}

int objects_add_healed(struct objects *o, const struct digest *d, struct err *e)
{
	int rc;

	pthread_mutex_lock(&o->lock);
	rc = digests_add(&o->healed, d, e);
	pthread_mutex_unlock(&o->lock);
	return rc;
}

int objects_void_healed(struct objects *o, const struct digest *d, struct err *e)
{
	char path[sizeof OBJECTS_HEALED + OBJECTS_NAME], hex[OBJECTS_NAME];

	pthread_mutex_lock(&o->lock);
	digests_remove(&o->healed, d);
	pthread_mutex_unlock(&o->lock);
	snprintf(path, sizeof path, OBJECTS_HEALED "/%s", objects_name(d, false, 0, hex));
	if (unlinkat(o->store.fd, path, 0) == -1 && errno != ENOENT)
		return err_sys(e, "%s/%s", o->store.name, path);
	return 0;
}

int objects_note_healed(struct objects *o, const struct file *fan, const struct digest *d, struct err *e)
{
	int rc = objects_is_lost(fan, d, e);

	return rc == 1 ? objects_heal(o, d, e) : rc;
}

int objects_heal(struct objects *o, const struct digest *d, struct err *e)
{
	char path[sizeof OBJECTS_HEALED + OBJECTS_NAME], hex[OBJECTS_NAME];
	int fd;

	if (file_make_dir_at(&o->store, OBJECTS_HEALED, 0700, e) == -1)
		return -1;
	snprintf(path, sizeof path, OBJECTS_HEALED "/%s", objects_name(d, false, 0, hex));
	/* all that leads to the names after an interruption: the sync that makes the object durable covers it */
	fd = openat(o->store.fd, path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1)
		return err_sys(e, "%s/%s", o->store.name, path);
	close(fd);
	return objects_add_healed(o, d, e);
}

/* The first file of a fan shows whether a umask or a default ACL takes from the mode. */
static int set_mode(struct objects_fan *fan, const struct file *f, struct err *e)
{
	struct stat st;

	if (atomic_load_explicit(&fan->exact, memory_order_relaxed))
		return 0;
	if (file_stat(f, &st, e) == -1)
		return -1;
	if ((st.st_mode & PERMISSIONS) == OBJECT_MODE)
		atomic_store_explicit(&fan->exact, true, memory_order_relaxed);
	else if (fchmod(f->fd, OBJECT_MODE) == -1)
		return err_sys(e, "%s: setting its mode", f->name);
	return 0;
}

/* Fills a file just made and closes it. */
static int fill(struct objects_fan *fan, struct file *f, const void *data, size_t len, struct err *e)
{
	struct bulk way = BULK(f);
	int rc = set_mode(fan, f, e) == -1 ? -1 : bulk_write(&way, data, len, 0, e);

	if (close(f->fd) == -1 && rc == 0)
		rc = err_sys(e, "%s: closing", f->name);
	return rc;
}

int objects_put(struct objects *o, const struct digest *d, const void *data, size_t len, bool *new, struct err *e)
{
	char name[OBJECTS_NAME];
	const struct file *fan;
	struct digest is;
	struct file f;

	if (new != NULL)
		*new = false;
	objects_name(d, false, 0, name);
	if (digest_of(data, len, &is, e) == -1)
		return -1;
	if (!digest_equal(&is, d))
		return err_set(e, R_OBJECT_DIGEST, "object %s: its bytes have another digest", name);
	if (objects_fan(o, d->bytes[0], true, &fan, e) == -1)
		return -1;
	f.name = name;
	f.fd = openat(fan->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, OBJECT_MODE);
	if (f.fd == -1)
		return errno == EEXIST ? 0 : err_sys(e, "%s/%s", fan->name, name);
	if (fill(&o->fans[d->bytes[0]], &f, data, len, e) == -1) {
		unlinkat(fan->fd, name, 0);
		return err_prefix(e, "%s", fan->name);
	}
	if (new != NULL)
		*new = true;
	arrivals_put(o->arrivals, d, len);
	return o->fans[d->bytes[0]].fresh ? 0 : objects_note_healed(o, fan, d, e);
}

/* A file of another size than a document states: what the document says is not so, or the file was cut. Its digest tells. */
static int other_size(const struct file *f, const struct digest *d, uint64_t has, uint64_t stated, struct err *e)
{
	struct digest is;

	if (file_hash_once(f, FILE_HASH_QUIET, &is, e) == -1)
		return -1;
	if (digest_equal(&is, d))
		return err_set(e, R_DOCUMENT_FORM, "it has %llu bytes, and %llu are stated (FORMAT 6.1, 6.7)", (unsigned long long)has,
			       (unsigned long long)stated);
	err_set(e, R_STORE_DAMAGED, "%s: has %llu bytes, not %llu", f->name, (unsigned long long)has, (unsigned long long)stated);
	return err_hint(e, "run `satchel-import check`, which sets damaged objects aside");
}

int objects_fetch(void *arg, const struct digest *d, uint64_t size, struct buf *out, struct err *e)
{
	const struct objects *o = arg;
	char name[OBJECTS_NAME];
	const struct file *fan;
	struct file f = FILE_CLOSED;
	struct err cause = {0};
	struct stat st;
	int rc = objects_fan(o, d->bytes[0], false, &fan, e);

	if (rc != 0)
		return rc;
	if (file_open_at(fan, objects_name(d, false, 0, name), &f, &cause) == -1) {
		if (cause.sys == ENOENT)
			return 1;
		if (e != NULL && e->reason == ERR_NONE)
			*e = cause;
		return -1;
	}
	rc = file_stat(&f, &st, e);
	if (rc == 0 && (uint64_t)st.st_size != size)
		rc = other_size(&f, d, (uint64_t)st.st_size, size, e);
	if (rc == 0)
		rc = file_read_all(&f, size, out, e);
	if (rc == -1 && e != NULL && e->sys == EIO)
		err_hint(e, "run `satchel-import check`, which sets aside what can't be read");
	file_close(&f);
	return rc;
}

/* Each once: there may be a mark of a former run, and this run's. */
size_t objects_healed_n(struct objects *o)
{
	size_t n;

	pthread_mutex_lock(&o->lock);
	digests_sort(&o->healed);
	n = o->healed.n;
	pthread_mutex_unlock(&o->lock);
	return n;
}

int objects_healed(struct objects *o, struct digests *out, struct err *e)
{
	int rc;

	pthread_mutex_lock(&o->lock);
	rc = digests_add_all(out, &o->healed, e);
	pthread_mutex_unlock(&o->lock);
	digests_sort(out);
	return rc;
}

static int take_lost_mark(struct objects *o, const struct digest *d, struct err *e)
{
	const struct file *fan;
	char name[OBJECTS_NAME];

	if (objects_fan(o, d->bytes[0], true, &fan, e) == -1)
		return -1;
	if (unlinkat(fan->fd, objects_name_lost(d, name), 0) == -1 && errno != ENOENT)
		return err_sys(e, "%s/%s", fan->name, name);
	return 0;
}

static int take_note(struct objects *o, const struct digest *d, struct err *e)
{
	char path[sizeof OBJECTS_HEALED + OBJECTS_NAME], name[OBJECTS_NAME];

	snprintf(path, sizeof path, OBJECTS_HEALED "/%s", objects_name(d, false, 0, name));
	if (unlinkat(o->store.fd, path, 0) == -1 && errno != ENOENT)
		return err_sys(e, "%s/%s", o->store.name, path);
	return 0;
}

/* First the lost marks, then the notes that lead to them. */
int objects_healed_done(struct objects *o, struct err *e)
{
	for (size_t i = 0; i < o->healed.n; i++)
		if (take_lost_mark(o, &o->healed.list[i], e) == -1)
			return -1;
	if (o->healed.n > 0 && file_sync_fs(&o->dir, e) == -1)
		return -1;
	for (size_t i = 0; i < o->healed.n; i++)
		if (take_note(o, &o->healed.list[i], e) == -1)
			return -1;
	o->healed.n = 0;
	return 0;
}

/*
 * Storing of the station: stage, sync once, rename. Used by SCAN for contents lists and by KEEP for objects, and looked
 * through by PRUNE. Refuses to put anything on the shelf before it is synced.
 */
#include "export/shelf.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/listing.h"
#include "manifests/names.h"
#include "manifests/reason.h"

#include "lib/banned.h"

#define FOLDERS 256

struct shelf {
	struct file dir, stage;
	pthread_mutex_t lock;
	struct file folders[FOLDERS];	/* of the stage, as they were needed */
	atomic_size_t staged;
};

struct shelf *shelf_open(const struct file *station, const char *name, struct err *e)
{
	struct shelf *s = calloc(1, sizeof *s);
	char stage[64];

	if (s == NULL) {
		err_mem(e);
		return NULL;
	}
	s->dir = s->stage = (struct file)FILE_CLOSED;
	pthread_mutex_init(&s->lock, NULL);
	for (size_t i = 0; i < FOLDERS; i++)
		s->folders[i] = (struct file)FILE_CLOSED;
	snprintf(stage, sizeof stage, "stage/%s", name);
	if (file_open_dir_at(station, name, &s->dir, e) == 0 && file_make_dir_at(station, "stage", 0700, e) == 0 &&
	    file_remove_tree_at(station, stage, e) == 0 && file_make_dir_at(station, stage, 0700, e) == 0 &&
	    file_open_dir_at(station, stage, &s->stage, e) == 0)
		return s;
	shelf_close(s);
	return NULL;
}

/* Whether the directory entry is one of ours: a name of 64 digits. */
static bool is_digest(const char *name, struct digest *d)
{
	return digest_parse(name, strlen(name), d) == 0;
}

/* The stage's folder for this digest, made when it is first needed; many threads creating in one would wait for each other. */
static struct file *folder_of(struct shelf *s, const struct digest *d, struct err *e)
{
	struct file *f = &s->folders[d->bytes[0]];
	char name[3];
	int rc = 0;

	snprintf(name, sizeof name, "%02x", d->bytes[0]);
	pthread_mutex_lock(&s->lock);
	if (f->fd == -1 && (rc = file_make_dir_at(&s->stage, name, 0755, e)) == 0)
		rc = file_open_dir_at(&s->stage, name, f, e);
	pthread_mutex_unlock(&s->lock);
	return rc == 0 ? f : NULL;
}

/* Empties the stage. */
static void sweep(struct shelf *s)
{
	struct err ignored = {0};

	for (unsigned i = 0; i < FOLDERS; i++) {
		char name[3];

		snprintf(name, sizeof name, "%02x", i);
		if (s->folders[i].fd != -1)
			file_remove_tree_at(&s->stage, name, &ignored);
		file_close(&s->folders[i]);
	}
}

void shelf_close(struct shelf *s)
{
	if (s == NULL)
		return;
	sweep(s);
	file_close(&s->stage);
	file_close(&s->dir);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

bool shelf_has(const struct shelf *s, const struct digest *d)
{
	char name[80];

	return faccessat(s->dir.fd, names_object(d, name), F_OK, 0) == 0;
}

int shelf_read_staged(const struct shelf *s, const struct digest *d, uint64_t size, struct buf *out, struct err *e)
{
	char name[80];
	struct err cause = {0};
	size_t before = out->len;

	if (file_read_all_at(&s->stage, names_object(d, name), (size_t)size, out, &cause) == 0)
		return out->len - before == size ? 0 : err_set(e, R_STATION_DAMAGED, "%s/%s: is not whole", s->stage.name, name);
	if (cause.reason == ERR_MISSING)
		return 1;
	*e = cause;
	return -1;
}

int shelf_create(struct shelf *s, const struct digest *d, struct file *out, struct err *e)
{
	const struct file *folder = folder_of(s, d, e);
	char hex[DIGEST_HEX + 1];
	struct err cause = {0};

	if (folder == NULL)
		return -1;
	if (file_create_at(folder, digest_hex(d, hex), 0444, out, &cause) == 0) {
		s->staged++;
		return 0;
	}
	if (cause.sys == EEXIST)
		return 1;
	*e = cause;
	return -1;
}

void shelf_discard(struct shelf *s, const struct digest *d)
{
	char name[80];

	unlinkat(s->stage.fd, names_object(d, name), 0);
}

int shelf_put(struct shelf *s, const struct digest *d, const void *data, size_t len, struct err *e)
{
	struct file f = FILE_CLOSED;
	int rc = shelf_has(s, d) ? 1 : shelf_create(s, d, &f, e);

	if (rc == 0)
		rc = file_write(&f, data, len, e);
	file_close(&f);
	return rc == -1 ? -1 : 0;
}

/* ---- what stands there ---- */

static char *path_of(const char *name, const struct digest *d, char out[128])
{
	char object[80];

	snprintf(out, 128, "%s/%s", name, names_object(d, object));
	return out;
}

bool shelf_stands(const struct file *station, const char *name, const struct digest *d)
{
	char path[128];

	return faccessat(station->fd, path_of(name, d, path), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int shelf_remove(const struct file *station, const char *name, const struct digest *d, struct err *e)
{
	char path[128];

	path_of(name, d, path);
	return unlinkat(station->fd, path, 0) == 0 || errno == ENOENT ? 0 : err_sys(e, "%s/%s", station->name, path);
}

/* One of the 256 folders; one that was never needed isn't there. */
static int each_in(const struct file *station, const char *folder,
		   int (*each)(void *arg, const struct digest *d, uint64_t size, struct err *e), void *arg, struct err *e)
{
	struct digest digest;
	struct listing l;
	const char *object;
	struct stat st;
	int rc = listing_open_maybe(station, folder, &l, e);

	while (rc == 0 && (rc = listing_next(&l, &object, e)) == 1) {
		rc = 0;
		if (!is_digest(object, &digest))
			continue;
		if (fstatat(l.dir.fd, object, &st, AT_SYMLINK_NOFOLLOW) == -1)
			rc = err_sys(e, "%s/%s", l.dir.name, object);
		else
			rc = each(arg, &digest, (uint64_t)st.st_size, e);
	}
	listing_close(&l);
	return rc;
}

int shelf_each(const struct file *station, const char *name,
	       int (*each)(void *arg, const struct digest *d, uint64_t size, struct err *e), void *arg, struct err *e)
{
	char folder[64];
	int rc = 0;

	for (unsigned i = 0; i < FOLDERS && rc == 0; i++) {
		snprintf(folder, sizeof folder, "%s/%02x", name, i);
		rc = each_in(station, folder, each, arg, e);
	}
	return rc;
}

static int move(void *arg, const struct digest *d, uint64_t size, struct err *e)
{
	const struct shelf *s = arg;
	char name[80];

	(void)size;
	names_object(d, name);
	return renameat(s->stage.fd, name, s->dir.fd, name) == 0 ? 0 : err_sys(e, "%s/%s", s->dir.name, name);
}

/* A folder that the shelf doesn't have yet is moved as a whole: the first time there may be a million files. */
static int move_folder(struct shelf *s, unsigned i, struct err *e)
{
	char name[3];

	snprintf(name, sizeof name, "%02x", i);
	file_close(&s->folders[i]);
	if (renameat(s->stage.fd, name, s->dir.fd, name) == 0)
		return 0;
	if (errno != ENOTEMPTY && errno != EEXIST)
		return err_sys(e, "%s/%s", s->dir.name, name);
	if (each_in(&s->stage, name, move, s, e) == -1)
		return -1;
	return unlinkat(s->stage.fd, name, AT_REMOVEDIR) == 0 ? 0 : err_sys(e, "%s/%s", s->stage.name, name);
}

int shelf_commit(struct shelf *s, struct err *e)
{
	if (s->staged == 0)
		return 0;
	if (file_sync_fs(&s->stage, e) == -1)
		return -1;
	for (unsigned i = 0; i < FOLDERS; i++)
		if (s->folders[i].fd != -1 && move_folder(s, i, e) == -1)
			return -1;
	if (file_sync_fs(&s->dir, e) == -1)
		return -1;
	s->staged = 0;
	return 0;
}

/*
 * Storing of the station: stage, sync once, rename. Used by SCAN for contents lists and by KEEP for objects, and looked
 * through by PRUNE. Refuses to put anything on the shelf before it is synced.
 */
#include "export/shelf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "manifests/names.h"
#include "manifests/reason.h"

#include "lib/banned.h"

struct shelf {
	struct file dir, stage;
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

/* Calls each for every staged digest. */
static int for_staged(struct shelf *s, int (*each)(struct shelf *s, const struct digest *d, struct err *e), struct err *e)
{
	int fd = dup(s->stage.fd), rc = -1;
	DIR *d = fd == -1 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	struct digest digest;

	if (d == NULL) {
		err_sys(e, "%s", s->stage.name);
		if (fd != -1)
			close(fd);
		return -1;
	}
	rewinddir(d);
	while (errno = 0, (entry = readdir(d)) != NULL)
		if (is_digest(entry->d_name, &digest) && each(s, &digest, e) == -1)
			goto out;
	rc = errno == 0 ? 0 : err_sys(e, "%s", s->stage.name);
out:
	closedir(d);
	return rc;
}

static int drop(struct shelf *s, const struct digest *d, struct err *e)
{
	(void)e;
	shelf_discard(s, d);
	return 0;
}

void shelf_close(struct shelf *s)
{
	struct err ignored = {0};

	if (s == NULL)
		return;
	if (s->stage.fd != -1 && s->staged > 0)
		for_staged(s, drop, &ignored);
	file_close(&s->stage);
	file_close(&s->dir);
	free(s);
}

bool shelf_has(const struct shelf *s, const struct digest *d)
{
	char name[80];

	return faccessat(s->dir.fd, names_object(d, name), F_OK, 0) == 0;
}

int shelf_read_staged(const struct shelf *s, const struct digest *d, uint64_t size, struct buf *out, struct err *e)
{
	char hex[DIGEST_HEX + 1];
	struct err cause = {0};
	size_t before = out->len;

	if (file_read_all_at(&s->stage, digest_hex(d, hex), (size_t)size, out, &cause) == 0)
		return out->len - before == size ? 0 : err_set(e, R_STATION_DAMAGED, "%s/%s: is not whole", s->stage.name, hex);
	if (cause.reason == ERR_MISSING)
		return 1;
	*e = cause;
	return -1;
}

int shelf_create(struct shelf *s, const struct digest *d, struct file *out, struct err *e)
{
	char hex[DIGEST_HEX + 1];
	struct err cause = {0};

	if (file_create_at(&s->stage, digest_hex(d, hex), 0444, out, &cause) == 0) {
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
	char hex[DIGEST_HEX + 1];

	unlinkat(s->stage.fd, digest_hex(d, hex), 0);
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

static int move(struct shelf *s, const struct digest *d, struct err *e)
{
	char name[80], hex[DIGEST_HEX + 1], sub[3] = {0};

	names_object(d, name);
	digest_hex(d, hex);
	memcpy(sub, name, 2);
	if (renameat(s->stage.fd, hex, s->dir.fd, name) == 0)
		return 0;
	if (errno != ENOENT)
		return err_sys(e, "%s/%s", s->dir.name, name);
	if (file_make_dir_at(&s->dir, sub, 0755, e) == -1)
		return -1;
	return renameat(s->stage.fd, hex, s->dir.fd, name) == 0 ? 0 : err_sys(e, "%s/%s", s->dir.name, name);
}

int shelf_commit(struct shelf *s, struct err *e)
{
	if (s->staged == 0)
		return 0;
	if (file_sync_fs(&s->stage, e) == -1 || for_staged(s, move, e) == -1 || file_sync_fs(&s->dir, e) == -1)
		return -1;
	s->staged = 0;
	return 0;
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
	int fd = openat(station->fd, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), rc = 0;
	DIR *d = fd == -1 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	struct digest digest;
	struct stat st;

	if (d == NULL) {
		rc = fd == -1 && errno == ENOENT ? 0 : err_sys(e, "%s/%s", station->name, folder);
		if (fd != -1)
			close(fd);
		return rc;
	}
	while (errno = 0, rc == 0 && (entry = readdir(d)) != NULL) {
		if (!is_digest(entry->d_name, &digest))
			continue;
		if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == -1)
			rc = err_sys(e, "%s/%s/%s", station->name, folder, entry->d_name);
		else
			rc = each(arg, &digest, (uint64_t)st.st_size, e);
	}
	if (rc == 0 && errno != 0)
		rc = err_sys(e, "%s/%s", station->name, folder);
	closedir(d);
	return rc;
}

int shelf_each(const struct file *station, const char *name,
	       int (*each)(void *arg, const struct digest *d, uint64_t size, struct err *e), void *arg, struct err *e)
{
	char folder[64];
	int rc = 0;

	for (unsigned i = 0; i < 256 && rc == 0; i++) {
		snprintf(folder, sizeof folder, "%s/%02x", name, i);
		rc = each_in(station, folder, each, arg, e);
	}
	return rc;
}

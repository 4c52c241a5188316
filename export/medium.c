/*
 * MEDIUM: where a bundle is written. seal | MEDIUM.
 * Refuses media that hold the station or lie in it, are read-only, or have a link or a file where it writes.
 */
#include "export/medium.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/listing.h"
#include "lib/num.h"
#include "manifests/limits.h"
#include "manifests/reason.h"

#include "lib/banned.h"

/* An error of a system call on the medium is its own kind: exit 3, and the words say that it's the medium. */
static int wrong(struct err *e)
{
	if (e->reason == ERR_IO || e->reason == ERR_MISSING)
		e->reason = R_MEDIUM_WRITE;
	if (e->sys == EROFS)
		err_hint(e, "is it mounted read-only, or has it a switch against writing?");
	if (e->sys == EFBIG)
		err_hint(e, "its file system takes no file of this size: a smaller --volume-size; the default is right for FAT32");
	return -1;
}

#define NAME_TAKES 256	/* a file's name in its directory: at most eight entries of FAT, of 32 bytes each */
#define INDIRECT 1024	/* of so many blocks one more is gone to say where they are (ext2; others need fewer) */
#define DIRECTORIES 2	/* satchel, and the bundle's */

static int check_place(const struct file *dir, const struct file *station, struct err *e)
{
	bool below, above;

	if (file_is_below(station, dir, &below, e) == -1 || file_is_below(dir, station, &above, e) == -1)
		return -1;
	if (!below && !above)
		return 0;
	err_set(e, R_STORE_ON_MEDIUM, "%s: %s", dir->name, below ? "the station lies on it" : "it lies in the station");
	return err_hint(e, "name the medium itself, and keep the station elsewhere");
}

int medium_check_place(const struct file *dir, const struct file *station, struct err *e)
{
	struct stat st;

	if (fstatat(dir->fd, NAMES_MEDIUM_DIR, &st, AT_SYMLINK_NOFOLLOW) == -1 || !S_ISDIR(st.st_mode))
		return 0;
	return check_place(dir, station, e);
}

/* A bundle in a bundle would make the outer one wrong, and is found by nobody. */
static int check_kind(const struct medium *m, struct err *e)
{
	char volume[32];

	if (faccessat(m->dir.fd, NAMES_MANIFEST, F_OK, AT_SYMLINK_NOFOLLOW) == -1 &&
	    faccessat(m->dir.fd, names_volume(1, volume), F_OK, AT_SYMLINK_NOFOLLOW) == -1)
		return 0;
	err_set(e, R_MEDIUM_MISSING, "%s: is a bundle, and no medium", m->dir.name);
	return err_hint(e, "name the medium itself: the directory that `satchel` lies in, or shall lie in");
}

static int check_writable(const struct medium *m, struct err *e)
{
	const struct file *d = m->satchel.fd != -1 ? &m->satchel : &m->dir;
	struct statvfs v;

	if (fstatvfs(d->fd, &v) == 0 && (v.f_flag & ST_RDONLY) != 0)
		errno = EROFS;
	else if (faccessat(d->fd, ".", W_OK | X_OK, AT_EACCESS) == 0)
		return 0;
	err_sys(e, "%s: can't be written", d->name);
	return wrong(e);
}

/* What its file system allocates: 4 KiB as a rule, 32 KiB and more on large FAT and exFAT. */
static int find_unit(struct medium *m, struct err *e)
{
	struct statvfs v;

	if (fstatvfs(m->dir.fd, &v) == -1) {
		err_sys(e, "%s", m->dir.name);
		return wrong(e);
	}
	m->unit = v.f_frsize > MEDIUM_UNIT ? v.f_frsize : MEDIUM_UNIT;
	return 0;
}

int medium_open(const char *path, const struct file *station, enum medium_use use, struct medium *out, struct err *e)
{
	struct err missing = {0};

	*out = (struct medium)MEDIUM_CLOSED;
	if (file_open_dir(path, &out->dir, e) == -1) {
		if (e->reason == ERR_MISSING || e->reason == ERR_FILE_TYPE) {
			e->reason = R_MEDIUM_MISSING;
			err_hint(e, "is the medium mounted there?");
		}
		return -1;
	}
	if (check_place(&out->dir, station, e) == -1 || check_kind(out, e) == -1 || find_unit(out, e) == -1)
		goto fail;
	if (file_open_dir_at(&out->dir, NAMES_MEDIUM_DIR, &out->satchel, &missing) == -1 && missing.reason != ERR_MISSING) {
		*e = missing;
		err_hint(e, "look at it and remove it: nothing is written through it");
		goto fail;
	}
	if (use == MEDIUM_LOOK || check_writable(out, e) == 0)
		return 0;
fail:
	medium_close(out);
	return -1;
}

void medium_close(struct medium *m)
{
	file_close(&m->bundle);
	file_close(&m->satchel);
	file_close(&m->dir);
}

int medium_room(const struct medium *m, uint64_t *bytes, bool *known, struct err *e)
{
	if (file_free_space(&m->dir, bytes, known, e) == -1)
		return -1;
	*bytes -= *bytes / INDIRECT;
	return 0;
}

uint64_t medium_takes(const struct medium *m, uint64_t files, uint64_t bytes)
{
	return bytes + files * (m->unit - 1 + NAME_TAKES) + DIRECTORIES * m->unit;
}

uint64_t medium_file_takes(const struct medium *m, uint64_t size)
{
	return NAME_TAKES + (size + m->unit - 1) / m->unit * m->unit;
}

int medium_has(const struct medium *m, const char *bundle, struct err *e)
{
	struct file f = FILE_CLOSED;
	struct err why = {0};
	int rc;

	if (m->satchel.fd == -1)
		return 0;
	rc = file_open_dir_at(&m->satchel, bundle, &f, &why);
	file_close(&f);
	if (rc == 0)
		return 1;
	if (why.reason == ERR_MISSING)
		return 0;
	*e = why;
	return wrong(e);
}

/* The room that the regular files of a directory take. */
static int add_sizes(struct listing *l, uint64_t *bytes, struct err *e)
{
	const char *name;
	struct stat st;
	int rc;

	while ((rc = listing_next(l, &name, e)) == 1)
		if (fstatat(l->dir.fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
			*bytes += (uint64_t)st.st_blocks * 512;
	return rc;
}

int medium_bytes(const struct medium *m, const char *bundle, uint64_t *bytes, struct err *e)
{
	int rc = medium_has(m, bundle, e);
	struct listing l;

	*bytes = 0;
	if (rc != 1)
		return rc;
	rc = listing_open_at(&m->satchel, bundle, &l, e);
	if (rc == 0)
		rc = add_sizes(&l, bytes, e);
	listing_close(&l);
	return rc == 0 ? 0 : wrong(e);
}

static int sync_directory(const struct file *dir, struct err *e)
{
	return file_sync_dir(dir, e) == 0 ? 0 : wrong(e);
}

int medium_sync(struct medium *m, struct err *e)
{
	if (sync_directory(&m->bundle, e) == -1 || sync_directory(&m->satchel, e) == -1)
		return -1;
	return sync_directory(&m->dir, e);
}

/* The manifest and its signatures go: without them nobody takes the directory for a bundle. */
static int unmake_bundle(struct medium *m, struct err *e)
{
	struct listing l;
	const char *name;
	bool gone = false;
	int rc = listing_open(&m->bundle, &l, e);

	while (rc == 0 && (rc = listing_next(&l, &name, e)) == 1) {
		rc = 0;
		if (strncmp(name, NAMES_MANIFEST, sizeof NAMES_MANIFEST - 1) != 0)
			continue;
		gone = true;
		if (unlinkat(l.dir.fd, name, 0) == -1 && errno != ENOENT)
			rc = err_sys(e, "%s: removing the former manifest", l.dir.name);
	}
	listing_close(&l);
	if (rc == -1)
		return wrong(e);
	return gone ? sync_directory(&m->bundle, e) : 0;
}

static int make_satchel(struct medium *m, struct err *e)
{
	if (m->satchel.fd != -1)
		return 0;
	if (file_make_dir_at(&m->dir, NAMES_MEDIUM_DIR, 0755, e) == -1)
		return wrong(e);
	m->made_satchel = true;
	return file_open_dir_at(&m->dir, NAMES_MEDIUM_DIR, &m->satchel, e) == -1 ? wrong(e) : 0;
}

int medium_enter(const struct medium *m, const char *bundle, struct medium *out, struct err *e)
{
	*out = (struct medium)MEDIUM_CLOSED;
	out->unit = m->unit;
	out->limit = m->limit;
	return file_open_dir_at(&m->satchel, bundle, &out->bundle, e) == -1 ? wrong(e) : 0;
}

int medium_begin(struct medium *m, const char *bundle, bool resume, struct err *e)
{
	int there;

	if (make_satchel(m, e) == -1)
		return -1;
	there = medium_has(m, bundle, e);
	if (there == -1)
		return -1;
	if (there == 1 && !resume) {
		err_set(e, R_MEDIUM_WRITE, "%s/%s is there already", m->satchel.name, bundle);
		return err_hint(e, "it is not this station's to change");
	}
	if (there == 0 && file_make_dir_at(&m->satchel, bundle, 0755, e) == -1)
		return wrong(e);
	if (file_open_dir_at(&m->satchel, bundle, &m->bundle, e) == -1)
		return wrong(e);
	memcpy(m->name, bundle, strlen(bundle) + 1);
	m->taken = DIRECTORIES * m->unit;
	return there == 1 ? unmake_bundle(m, e) : 0;
}

int medium_remove(struct medium *m, struct err *e)
{
	int rc = 0;

	if (m->bundle.fd != -1) {
		rc = unmake_bundle(m, e);
		if (rc == 0 && file_remove_tree_at(&m->satchel, m->name, e) == -1)
			rc = wrong(e);
		file_close(&m->bundle);
		if (sync_directory(&m->satchel, e) == -1)
			rc = -1;
	}
	if (m->made_satchel && unlinkat(m->dir.fd, NAMES_MEDIUM_DIR, AT_REMOVEDIR) == 0)
		sync_directory(&m->dir, e);
	return rc;
}

/* ---- files ---- */

/*
 * What an interrupted run of ours left there is used again: a regular file with no other name (through another name the
 * bytes of something else would be changed). Everything else that has the name goes away first.
 */
static int reuse(const struct medium *m, const char *name, struct medium_file *f)
{
	struct stat st;
	int fd = openat(m->bundle.fd, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

	if (fd == -1)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 &&
	    asprintf(&f->file.name, "%s/%s", m->bundle.name, name) != -1) {
		f->file.fd = fd;
		f->left = (uint64_t)st.st_size;
		f->same = true;
		/* compared with what the device holds: a page whose writing failed may look well in the cache */
		(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		return 0;
	}
	f->file.name = NULL;
	close(fd);
	return -1;
}

/* Takes room for a file of that size, which is no smaller than it was. */
static int take(struct medium_file *f, uint64_t size, struct err *e)
{
	struct medium *m = f->medium;
	uint64_t takes = medium_file_takes(m, size), more = takes - f->takes;
	char limit[24];

	f->takes = takes;
	if (more == 0 || atomic_fetch_add(&m->taken, more) + more <= m->limit || m->limit == 0)
		return 0;
	err_set(e, ERR_NO_SPACE, "%s: with it the bundle takes more than %s", f->file.name, num_format_size(m->limit, limit));
	return err_hint(e, "it compresses less than expected: give a larger --medium-size, or carry less with --only");
}

int medium_create(struct medium *m, const char *name, struct medium_file *out, struct err *e)
{
	*out = (struct medium_file)MEDIUM_FILE_CLOSED;
	out->medium = m;
	out->out.bulk.file = &out->file;
	if (reuse(m, name, out) == 0) {
		out->compare = malloc(MAX_FRAME_STORED);
		if (out->compare)
			return 0;
		medium_abort(out);
		return err_mem(e);
	}
	if (unlinkat(m->bundle.fd, name, 0) == -1 && errno != ENOENT) {
		err_sys(e, "%s/%s: is in the way", m->bundle.name, name);
		return wrong(e);
	}
	return file_create_at(&m->bundle, name, 0644, &out->file, e) == 0 ? 0 : wrong(e);
}

/* Whether the next len bytes stand there already. Where they can't be read they are written. */
static bool same(struct medium_file *f, const uint8_t *data, size_t len)
{
	struct err ignore = {0};

	if (f->left < f->at + len)
		return false;
	for (size_t done = 0, n; done < len; done += n) {
		n = len - done < MAX_FRAME_STORED ? len - done : MAX_FRAME_STORED;
		if (file_pread(&f->file, f->compare, n, f->at + done, &ignore) == -1 || memcmp(f->compare, data + done, n) != 0)
			return false;
	}
	return true;
}

int medium_write(struct medium_file *f, const void *data, size_t len, struct err *e)
{
	if (take(f, f->at + len, e) == -1)
		return -1;
	f->same = f->same && same(f, data, len);
	if (!f->same && bulk_buffer_write(&f->out, data, len, f->at, e) == -1)
		return wrong(e);
	f->at += len;
	return 0;
}

int medium_sync_early(struct medium_file *f, struct err *e)
{
	return file_sync(&f->file, e) == 0 ? 0 : wrong(e);
}

int medium_finish(struct medium_file *f, struct err *e)
{
	int rc = bulk_buffer_flush(&f->out, e);

	if (rc == 0 && f->left > f->at && ftruncate(f->file.fd, (off_t)f->at) == -1)
		rc = err_sys(e, "%s: cutting off what was longer", f->file.name);
	if (rc == 0)
		rc = file_sync(&f->file, e);
	medium_abort(f);
	return rc == 0 ? 0 : wrong(e);
}

void medium_abort(struct medium_file *f)
{
	file_close(&f->file);
	bulk_buffer_free(&f->out);
	free(f->compare);
	f->compare = NULL;
}

int medium_put(struct medium *m, const char *name, const void *data, size_t len, struct err *e)
{
	struct medium_file f = MEDIUM_FILE_CLOSED;

	if (medium_create(m, name, &f, e) == -1)
		return -1;
	if (medium_write(&f, data, len, e) == 0)
		return medium_finish(&f, e);
	medium_abort(&f);
	return -1;
}

/* ---- reading back ---- */

static int unreadable(struct err *e)
{
	if (e->reason != ERR_MEMORY)
		e->reason = R_READ_BACK;
	return -1;
}

int medium_reopen(const struct medium *m, const char *name, struct file *out, struct err *e)
{
	if (file_open_at(&m->bundle, name, out, e) == -1)
		return unreadable(e);
	/* only clean pages go: the file was synced; a file system that can't drop them answers with an error, which is fine */
	(void)posix_fadvise(out->fd, 0, 0, POSIX_FADV_DONTNEED);
	(void)posix_fadvise(out->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return 0;
}

int medium_check(const struct medium *m, const char *name, const void *data, size_t len, struct err *e)
{
	struct file f = FILE_CLOSED;
	struct buf got = {0};
	int rc = medium_reopen(m, name, &f, e);

	if (rc == 0 && file_read_all(&f, len, &got, e) == -1)
		rc = unreadable(e);
	if (rc == 0 && (got.len != len || memcmp(got.data, data, len) != 0))
		rc = err_set(e, R_READ_BACK, "%s: reads back differently from what was written", f.name);
	if (rc == -1)
		err_hint(e, "use another medium");
	file_close(&f);
	buf_free(&got);
	return rc;
}

/*
 * Files and directories by descriptor. Refuses links on the way, whatever leaves the directory it was given, and
 * everything that is no regular file or directory.
 */
#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/openat2.h>

#include "lib/buf.h"
#include "lib/err.h"

#include "lib/banned.h"

#define RACES 64	/* how often openat2 is tried again while somebody renames directories on the way */

/* DIR/PATH; not by printf, which is felt where small files are opened. */
static char *join(const struct file *dir, const char *path)
{
	size_t above = dir == NULL ? 0 : strlen(dir->name) + 1, len = strlen(path);
	char *name = malloc(above + len + 1);

	if (name == NULL)
		return NULL;
	if (above > 0) {
		memcpy(name, dir->name, above - 1);
		name[above - 1] = '/';
	}
	memcpy(name + above, path, len + 1);
	return name;
}

/* out takes fd over; its name is made of dir's and path's. */
static int adopt(int fd, const struct file *dir, const char *path, struct file *out, struct err *e)
{
	char *name = join(dir, path);

	if (name == NULL) {
		close(fd);
		return err_mem(e);
	}
	out->fd = fd;
	out->name = name;
	return 0;
}

static int beneath(const struct file *dir, const char *path, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
		.mode = mode,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long fd;
	int races = 0;

	do
		fd = syscall(SYS_openat2, dir->fd, path, &how, sizeof how);
	while (fd == -1 && (errno == EINTR || (errno == EAGAIN && ++races < RACES)));
	return (int)fd;
}

static int fail(const struct file *dir, const char *path, struct err *e)
{
	int sys = errno;

	if (sys == EXDEV)
		return err_set(e, ERR_FILE_TYPE, "%s/%s: leads out of %s", dir->name, path, dir->name);
	if (sys == ELOOP)
		return err_set(e, ERR_FILE_TYPE, "%s/%s: a symbolic link, or beyond one", dir->name, path);
	errno = sys;
	err_sys(e, "%s/%s", dir->name, path);
	if (sys == ENOSYS)
		err_hint(e, "Linux 5.6 or newer is needed, and its call openat2 must be allowed");
	return -1;
}

/* "Not a directory" has two causes: something on the way is none (missing), or the thing itself. */
static int fail_dir(const struct file *dir, const char *path, struct err *e)
{
	int sys = errno, fd = -1;

	if (sys == ENOTDIR)
		fd = dir == NULL ? open(path, O_PATH | O_CLOEXEC) : beneath(dir, path, O_PATH, 0);
	if (fd != -1) {
		close(fd);
		return err_set(e, ERR_FILE_TYPE, "%s%s%s: not a directory", dir == NULL ? "" : dir->name,
			       dir == NULL ? "" : "/", path);
	}
	errno = sys;
	return dir == NULL ? err_sys(e, "%s", path) : fail(dir, path, e);
}

int file_open_dir(const char *path, struct file *out, struct err *e)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd == -1 ? fail_dir(NULL, path, e) : adopt(fd, NULL, path, out, e);
}

int file_open_dir_at(const struct file *dir, const char *path, struct file *out, struct err *e)
{
	int fd = beneath(dir, path, O_RDONLY | O_DIRECTORY, 0);

	return fd == -1 ? fail_dir(dir, path, e) : adopt(fd, dir, path, out, e);
}

/* Hands fd over to out when it is a regular file. */
static int adopt_regular(int fd, const struct file *dir, const char *path, struct file *out, struct err *e)
{
	struct stat st;

	if (adopt(fd, dir, path, out, e) == -1)
		return -1;
	if (fstat(fd, &st) == -1)
		err_sys(e, "%s", out->name);
	else if (!S_ISREG(st.st_mode))
		err_set(e, ERR_FILE_TYPE, "%s: not a regular file", out->name);
	else
		return 0;
	file_close(out);
	return -1;
}

static int open_beneath(const struct file *dir, const char *path)
{
	const int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY;
	int fd = beneath(dir, path, flags | O_NOATIME, 0);

	if (fd == -1 && errno == EPERM)	/* somebody else's file */
		fd = beneath(dir, path, flags, 0);
	return fd;
}

int file_open_at(const struct file *dir, const char *path, struct file *out, struct err *e)
{
	int fd = open_beneath(dir, path);

	return fd == -1 ? fail(dir, path, e) : adopt_regular(fd, dir, path, out, e);
}

int file_open_unseen_at(const struct file *dir, const char *path, struct file *out, struct err *e)
{
	int fd = open_beneath(dir, path);

	return fd == -1 ? fail(dir, path, e) : adopt(fd, dir, path, out, e);
}

int file_open(const char *path, struct file *out, struct err *e)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

	return fd == -1 ? err_sys(e, "%s", path) : adopt_regular(fd, NULL, path, out, e);
}

int file_open_parent_at(const struct file *dir, const char *path, struct file *out, const char **last, struct err *e)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;
	char *parent;
	int rc;

	if (*name == '\0' || slash == path || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return err_set(e, ERR_NAME, "%s/%s: no name of a file", dir->name, path);
	*last = name;
	if (slash == NULL) {
		int fd = beneath(dir, ".", O_RDONLY | O_DIRECTORY, 0);

		return fd == -1 ? fail(dir, ".", e) : adopt(fd, NULL, dir->name, out, e);
	}
	parent = strndup(path, (size_t)(slash - path));
	if (parent == NULL)
		return err_mem(e);
	rc = file_open_dir_at(dir, parent, out, e);
	free(parent);
	return rc;
}

void file_close(struct file *f)
{
	if (f == NULL)
		return;
	if (f->fd != -1)
		close(f->fd);
	free(f->name);
	*f = (struct file)FILE_CLOSED;
}

/* An error, or the end. */
static int cut_short(const struct file *f, ssize_t got, uint64_t at, struct err *e)
{
	if (got == -1)
		return err_sys(e, "%s: reading at %llu", f->name, (unsigned long long)at);
	return err_set(e, ERR_FORM, "%s: shorter than expected: ends at %llu", f->name, (unsigned long long)at);
}

int file_pread(const struct file *f, void *data, size_t len, uint64_t at, struct err *e)
{
	uint8_t *p = data;

	while (len > 0) {
		ssize_t n = pread(f->fd, p, len, (off_t)at);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return cut_short(f, n, at, e);
		p += n;
		len -= (size_t)n;
		at += (uint64_t)n;
	}
	return 0;
}

/* What n bytes filled is passed over; the first place that is left. */
static struct iovec *pass_over(struct iovec *p, size_t n)
{
	for (; n > 0 && n >= p->iov_len; p++)
		n -= p->iov_len;
	if (n > 0) {
		p->iov_base = (uint8_t *)p->iov_base + n;
		p->iov_len -= n;
	}
	return p;
}

int file_preadv(const struct file *f, struct iovec *places, size_t n, uint64_t at, struct err *e)
{
	const struct iovec *end = places + n;

	while (places < end) {
		ssize_t got = preadv(f->fd, places, (int)(end - places), (off_t)at);

		if (got == -1 && errno == EINTR)
			continue;
		if (got <= 0)
			return cut_short(f, got, at, e);
		places = pass_over(places, (size_t)got);
		at += (uint64_t)got;
	}
	return 0;
}

int file_pwrite(const struct file *f, const void *data, size_t len, uint64_t at, struct err *e)
{
	const uint8_t *p = data;

	while (len > 0) {
		ssize_t n = pwrite(f->fd, p, len, (off_t)at);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_sys(e, "%s: writing at %llu", f->name, (unsigned long long)at);
		p += n;
		len -= (size_t)n;
		at += (uint64_t)n;
	}
	return 0;
}

int64_t file_read(const struct file *f, void *data, size_t len, struct err *e)
{
	ssize_t n;

	do
		n = read(f->fd, data, len);
	while (n == -1 && errno == EINTR);
	return n == -1 ? err_sys(e, "%s: reading", f->name) : n;
}

int file_write(const struct file *f, const void *data, size_t len, struct err *e)
{
	const uint8_t *p = data;

	while (len > 0) {
		ssize_t n = write(f->fd, p, len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_sys(e, "%s: writing", f->name);
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int file_sync(const struct file *f, struct err *e)
{
	return fsync(f->fd) == -1 ? err_sys(e, "%s: syncing", f->name) : 0;
}

int file_sync_fs(const struct file *f, struct err *e)
{
	return syncfs(f->fd) == -1 ? err_sys(e, "%s: syncing its file system", f->name) : 0;
}

int file_sync_dir(const struct file *dir, struct err *e)
{
	if (fsync(dir->fd) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
		return err_sys(e, "%s: syncing", dir->name);
	return file_sync_fs(dir, e);
}

int file_sync_parent_at(const struct file *dir, const char *path, struct err *e)
{
	struct file parent = FILE_CLOSED;
	const char *last;
	int rc = file_open_parent_at(dir, path, &parent, &last, e);

	if (rc == 0)
		rc = file_sync(&parent, e);
	file_close(&parent);
	return rc;
}

int file_stat(const struct file *f, struct stat *st, struct err *e)
{
	return fstat(f->fd, st) == -1 ? err_sys(e, "%s", f->name) : 0;
}

bool file_same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

int file_read_all(const struct file *f, size_t max, struct buf *out, struct err *e)
{
	struct stat st;
	size_t done = 0;

	if (file_stat(f, &st, e) == -1)
		return -1;
	if (st.st_size < 0 || (uint64_t)st.st_size > max)
		return err_set(e, ERR_TOO_LARGE, "%s: %lld bytes, at most %zu are allowed", f->name,
			       (long long)st.st_size, max);
	for (;;) {
		/* one byte more than there should be, so that the end is seen in the first read */
		size_t room = done <= (size_t)st.st_size ? (size_t)st.st_size - done + 1 : 4096;
		ssize_t n;

		if (buf_reserve(out, room) == -1)
			return buf_ok(out, e);
		n = pread(f->fd, out->data + out->len, room, (off_t)done);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_sys(e, "%s: reading", f->name);
		if (n == 0)
			break;
		done += (size_t)n;
		if (done > max)
			return err_set(e, ERR_TOO_LARGE, "%s: grew beyond %zu bytes", f->name, max);
		out->len += (size_t)n;
	}
	buf_append(out, "", 0);	/* the NUL behind it, also when the file is empty */
	return buf_ok(out, e);
}

int file_read_all_at(const struct file *dir, const char *path, size_t max, struct buf *out, struct err *e)
{
	struct file f = FILE_CLOSED;
	int rc = file_open_at(dir, path, &f, e);

	if (rc == 0)
		rc = file_read_all(&f, max, out, e);
	file_close(&f);
	return rc;
}

int file_free_space(const struct file *dir, uint64_t *bytes, bool *known, struct err *e)
{
	struct statvfs v;

	if (fstatvfs(dir->fd, &v) == -1)
		return err_sys(e, "%s: free space", dir->name);
	*known = v.f_blocks > 0;
	if (__builtin_mul_overflow((uint64_t)v.f_bavail, (uint64_t)v.f_frsize, bytes))
		*bytes = UINT64_MAX;
	return 0;
}

static int check_writers(const struct stat *st, const char *name, uid_t owner, struct err *e)
{
	if (st->st_uid != 0 && st->st_uid != owner)
		return err_set(e, ERR_UNSAFE, "%s: belongs to user %u, who is neither %s nor root", name, (unsigned)st->st_uid,
			       owner == geteuid() ? "you" : "its owner");
	if ((st->st_mode & 022) != 0)
		return err_set(e, ERR_UNSAFE, "%s: others than its owner may write here; chmod go-w it", name);
	return 0;
}

int file_check_writers(const struct file *dir, uid_t owner, struct err *e)
{
	struct stat st;

	return file_stat(dir, &st, e) == -1 ? -1 : check_writers(&st, dir->name, owner, e);
}

int file_check_entries(const struct file *dir, const char *const *names, uid_t owner, struct err *e)
{
	struct stat st;

	for (; *names != NULL; names++) {
		if (fstatat(dir->fd, *names, &st, AT_SYMLINK_NOFOLLOW) == -1) {
			if (errno != ENOENT)
				return err_sys(e, "%s/%s", dir->name, *names);
		} else if (!S_ISLNK(st.st_mode) && check_writers(&st, *names, owner, e) == -1) {
			return err_prefix(e, "%s", dir->name);
		}
	}
	return 0;
}

int file_check_owner(const struct file *dir, struct err *e)
{
	return file_check_writers(dir, geteuid(), e);
}

int file_is_below(const struct file *a, const struct file *b, bool *out, struct err *e)
{
	struct stat want, here, before = {0};
	int fd = -1, rc = -1;

	if (file_stat(b, &want, e) == -1 || file_stat(a, &here, e) == -1)
		return -1;
	for (;;) {
		int up;

		if (here.st_dev == want.st_dev && here.st_ino == want.st_ino) {
			*out = true;
			break;
		}
		if (here.st_dev == before.st_dev && here.st_ino == before.st_ino) {	/* ".." of the root is the root */
			*out = false;
			break;
		}
		before = here;
		up = openat(fd == -1 ? a->fd : fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (up == -1 || fstat(up, &here) == -1) {
			err_sys(e, "%s: directories above it", a->name);
			if (up != -1)
				close(up);
			goto out;
		}
		if (fd != -1)
			close(fd);
		fd = up;
	}
	rc = 0;
out:
	if (fd != -1)
		close(fd);
	return rc;
}

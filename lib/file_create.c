/*
 * Making files beneath a directory (lib/file.h): new ones, and those that are locked. In a file of its own, so that
 * programs which only read don't link it. Refuses to write through a link or over what is there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/file.h"

#include "lib/banned.h"

#define PERMISSIONS 07777

/* Opens the last component of path in its directory, which is found without following links. */
static int open_last(const struct file *dir, const char *path, int flags, mode_t mode, struct file *out, struct err *e)
{
	struct file parent = FILE_CLOSED;
	const char *last = path;
	int fd = -1;

	/* the directory itself is open already, which is worth it where a million files are made */
	if (strchr(path, '/') != NULL && file_open_parent_at(dir, path, &parent, &last, e) == -1)
		return -1;
	fd = openat(parent.fd != -1 ? parent.fd : dir->fd, last, flags | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, mode);
	if (fd == -1)
		err_sys(e, "%s/%s", dir->name, path);
	file_close(&parent);
	if (fd == -1)
		return -1;
	if (asprintf(&out->name, "%s/%s", dir->name, path) == -1) {
		out->name = NULL;
		close(fd);
		return err_mem(e);
	}
	out->fd = fd;
	return 0;
}

/*
 * The mode whatever the umask is. File systems without modes (FAT) can't keep one, which is fine unless the caller
 * wants to shut others out.
 */
static int set_mode(const struct file *f, mode_t mode, struct err *e)
{
	struct stat st;

	if (file_stat(f, &st, e) == -1)
		return -1;
	if ((st.st_mode & PERMISSIONS) == mode || fchmod(f->fd, mode) == 0)
		return 0;
	if ((errno == EPERM || errno == ENOSYS || errno == EOPNOTSUPP || errno == EINVAL) && (mode & 077) != 0)
		return 0;
	return err_sys(e, "%s: mode %o", f->name, (unsigned)mode);
}

int file_create_at(const struct file *dir, const char *path, mode_t mode, struct file *out, struct err *e)
{
	if (open_last(dir, path, O_RDWR | O_CREAT | O_EXCL, mode, out, e) == -1)
		return -1;
	if (set_mode(out, mode, e) == 0)
		return 0;
	file_close(out);
	(void)unlinkat(dir->fd, path, 0);	/* it was made a moment ago, in a directory of ours */
	return -1;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* flock has no time limit of its own, so it is tried ten times a second. */
static int wait_lock(const struct file *f, unsigned wait_seconds, struct err *e)
{
	const struct timespec pause = {.tv_nsec = 100000000};
	int64_t end = now_ms() + (int64_t)wait_seconds * 1000;

	while (flock(f->fd, LOCK_EX | LOCK_NB) == -1) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_sys(e, "%s: locking", f->name);
		if (now_ms() >= end)
			return err_set(e, ERR_BUSY, "%s: somebody else is at work here", f->name);
		nanosleep(&pause, NULL);
	}
	return 0;
}

int file_lock(const struct file *dir, const char *path, unsigned wait_seconds, struct file *out, struct err *e)
{
	struct stat st;

	if (open_last(dir, path, O_RDWR | O_CREAT | O_NONBLOCK, 0600, out, e) == -1)
		return -1;
	if (file_stat(out, &st, e) == -1)
		goto out;
	if (!S_ISREG(st.st_mode)) {
		err_set(e, ERR_FILE_TYPE, "%s: not a regular file", out->name);
		goto out;
	}
	if (wait_lock(out, wait_seconds, e) == 0)
		return 0;
out:
	file_close(out);
	return -1;
}

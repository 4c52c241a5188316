/*
 * Making directories beneath a directory (lib/file.h). Refuses a file or a link where a directory should be.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/file.h"

#include "lib/banned.h"

#define PERMISSIONS 07777

/* A new directory's mode whatever the umask is; FAT keeps none, see file_create_at. */
static int set_mode(const struct file *parent, const char *name, mode_t mode, struct err *e)
{
	struct stat st;

	if (fstatat(parent->fd, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return err_sys(e, "%s/%s", parent->name, name);
	if ((st.st_mode & PERMISSIONS) == mode || fchmodat(parent->fd, name, mode, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (errno == EOPNOTSUPP || errno == ENOSYS) {	/* an older kernel, and /proc isn't mounted */
		int fd = openat(parent->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (fd == -1)
			return err_sys(e, "%s/%s", parent->name, name);
		if (fchmod(fd, mode) == 0) {
			close(fd);
			return 0;
		}
		close(fd);
	}
	if ((errno == EPERM || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS) && (mode & 077) != 0)
		return 0;
	return err_sys(e, "%s/%s: mode %o", parent->name, name, (unsigned)mode);
}

static int make(const struct file *parent, const char *name, mode_t mode, struct err *e)
{
	struct stat st;

	if (mkdirat(parent->fd, name, mode) == 0)
		return set_mode(parent, name, mode, e);
	if (errno != EEXIST)
		return err_sys(e, "%s/%s", parent->name, name);
	if (fstatat(parent->fd, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return err_sys(e, "%s/%s", parent->name, name);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ERR_FILE_TYPE, "%s/%s: not a directory", parent->name, name);
	return 0;
}

int file_make_dir_at(const struct file *dir, const char *path, mode_t mode, struct err *e)
{
	struct file parent = FILE_CLOSED;
	const char *last;
	int rc = file_open_parent_at(dir, path, &parent, &last, e);

	if (rc == 0)
		rc = make(&parent, last, mode, e);
	file_close(&parent);
	return rc;
}

int file_make_dirs_at(const struct file *dir, const char *path, mode_t mode, struct err *e)
{
	const char *slash = strrchr(path, '/');
	struct err cause = {0};
	char *parent;
	int rc = file_make_dir_at(dir, path, mode, &cause);

	if (rc == 0)
		return 0;
	if (cause.sys != ENOENT || slash == NULL || slash == path) {
		if (e != NULL && e->reason == ERR_NONE)
			*e = cause;
		return -1;
	}
	parent = strndup(path, (size_t)(slash - path));
	if (parent == NULL)
		return err_mem(e);
	rc = file_make_dirs_at(dir, parent, mode, e);
	free(parent);
	return rc == 0 ? file_make_dir_at(dir, path, mode, e) : -1;
}

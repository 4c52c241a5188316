/*
 * Removing a tree beneath a directory (lib/file.h). Never follows a link; refuses trees deeper than MAX_DEPTH, since
 * each level holds a descriptor.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/file.h"

#include "lib/banned.h"

#define MAX_DEPTH 256
#define MAX_PASSES 100	/* some file systems skip entries while others are being removed */

static int remove_at(int at, const char *name, unsigned depth, const char *top, struct err *e);

/* One pass over a directory's entries. */
static int empty(DIR *d, unsigned depth, const char *top, struct err *e)
{
	struct dirent *entry;

	rewinddir(d);
	while (errno = 0, (entry = readdir(d)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (remove_at(dirfd(d), entry->d_name, depth + 1, top, e) == -1)
			return -1;
	}
	return errno == 0 ? 0 : err_sys(e, "%s: reading a directory below it", top);
}

static int remove_dir(int at, const char *name, unsigned depth, const char *top, struct err *e)
{
	int fd, rc = -1;
	DIR *d;

	if (depth > MAX_DEPTH)
		return err_set(e, ERR_TOO_LARGE, "%s: directories deeper than %d", top, MAX_DEPTH);
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return errno == ENOENT ? 0 : err_sys(e, "%s: removing \"%s\"", top, name);
	d = fdopendir(fd);
	if (d == NULL) {
		close(fd);
		return err_mem(e);
	}
	for (int pass = 0; pass < MAX_PASSES; pass++) {
		if (empty(d, depth, top, e) == -1)
			goto out;
		if (unlinkat(at, name, AT_REMOVEDIR) == 0 || errno == ENOENT) {
			rc = 0;
			goto out;
		}
		if (errno != ENOTEMPTY && errno != EEXIST)
			break;
	}
	err_sys(e, "%s: removing \"%s\"", top, name);
out:
	closedir(d);
	return rc;
}

static int remove_at(int at, const char *name, unsigned depth, const char *top, struct err *e)
{
	if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return err_sys(e, "%s: removing \"%s\"", top, name);
	return remove_dir(at, name, depth, top, e);
}

int file_remove_tree_at(const struct file *dir, const char *path, struct err *e)
{
	struct file parent = FILE_CLOSED;
	struct err cause = {0};
	const char *last;
	int rc;

	if (file_open_parent_at(dir, path, &parent, &last, &cause) == -1) {
		if (cause.sys == ENOENT)
			return 0;
		if (e != NULL && e->reason == ERR_NONE)
			*e = cause;
		return -1;
	}
	rc = remove_at(parent.fd, last, 0, parent.name, e);
	file_close(&parent);
	return rc;
}

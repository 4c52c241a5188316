/*
 * The names in one directory (lib/listing.h). Refuses links and everything else that is no directory; an end that comes of
 * an error is never taken for the end.
 */
#include "lib/listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/err.h"

#include "lib/banned.h"

/* Its descriptor becomes the stream's, and stays in l->dir for who looks at what has the names. */
static int start(struct listing *l, struct err *e)
{
	l->stream = fdopendir(l->dir.fd);
	if (l->stream != NULL)
		return 0;
	err_sys(e, "%s: listing", l->dir.name);
	file_close(&l->dir);
	return -1;
}

int listing_open(const struct file *dir, struct listing *l, struct err *e)
{
	*l = (struct listing)LISTING_CLOSED;
	l->dir.name = strdup(dir->name);
	if (l->dir.name == NULL)
		return err_mem(e);
	l->dir.fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->dir.fd != -1)
		return start(l, e);
	err_sys(e, "%s: listing", dir->name);
	file_close(&l->dir);
	return -1;
}

int listing_open_at(const struct file *dir, const char *path, struct listing *l, struct err *e)
{
	*l = (struct listing)LISTING_CLOSED;
	return file_open_dir_at(dir, path, &l->dir, e) == -1 ? -1 : start(l, e);
}

int listing_open_maybe(const struct file *dir, const char *path, struct listing *l, struct err *e)
{
	struct err cause = {0};

	if (listing_open_at(dir, path, l, &cause) == 0 || cause.reason == ERR_MISSING)
		return 0;
	if (e != NULL && e->reason == ERR_NONE)
		*e = cause;
	return -1;
}

int listing_next(struct listing *l, const char **name, struct err *e)
{
	const struct dirent *x;

	if (l->stream == NULL)
		return 0;
	do {
		errno = 0;
		x = readdir(l->stream);
	} while (x != NULL && (strcmp(x->d_name, ".") == 0 || strcmp(x->d_name, "..") == 0));
	l->entry = x;
	if (x == NULL)
		return errno == 0 ? 0 : err_sys(e, "%s: listing", l->dir.name);
	*name = x->d_name;
	return 1;
}

bool listing_is_dir(const struct listing *l)
{
	const struct dirent *x = l->entry;
	struct stat st;

	if (x->d_type != DT_UNKNOWN)
		return x->d_type == DT_DIR;
	return fstatat(l->dir.fd, x->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

void listing_close(struct listing *l)
{
	if (l->stream != NULL) {
		closedir(l->stream);	/* and with it the descriptor */
		l->dir.fd = -1;
	}
	file_close(&l->dir);
	*l = (struct listing)LISTING_CLOSED;
}

int listing_check_writers(const struct file *dir, const char *path, unsigned depth, uid_t owner, struct err *e)
{
	struct listing l;
	struct err unsaid = {0};
	const char *name;
	int rc = 0;

	if (listing_open_at(dir, path, &l, &unsaid) == -1) {
		err_clear(&unsaid);
		return 0;
	}
	while (rc == 0 && listing_next(&l, &name, &unsaid) == 1) {
		const char *const one[] = {name, NULL};

		rc = file_check_entries(&l.dir, one, owner, e);
		if (rc == 0 && depth > 1 && listing_is_dir(&l))
			rc = listing_check_writers(&l.dir, name, depth - 1, owner, e);
	}
	err_clear(&unsaid);
	listing_close(&l);
	return rc;
}

int listing_is_empty(const struct file *dir, const char *path, struct err *e)
{
	struct listing l;
	const char *name;
	int rc = listing_open_at(dir, path, &l, e);

	if (rc == 0)
		rc = listing_next(&l, &name, e);
	listing_close(&l);
	return rc == -1 ? -1 : rc == 0;
}

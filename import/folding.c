/*
 * Names are tried on the store's file system (import/folding.h): intake, update > missing > FOLDING. Each becomes an empty directory. Refuses
 * a name that is there already, though it was not tried before.
 */
#include "import/folding.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/err.h"
#include "lib/file.h"
#include "lib/path.h"
#include "manifests/reason.h"

#include "lib/banned.h"

#define PLACE "stage/names"

struct folding {
	struct file store;	/* the caller's */
	struct file dir;
	char last[PATH_MAX_LEN + 1];
};

bool folding_is(const struct file *store)
{
	struct stat small, large;

	return fstatat(store->fd, "stage", &small, AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstatat(store->fd, "STAGE", &large, AT_SYMLINK_NOFOLLOW) == 0 && small.st_ino == large.st_ino &&
	       small.st_dev == large.st_dev;
}

struct folding *folding_open(const struct file *store, struct err *e)
{
	struct folding *f = calloc(1, sizeof *f);

	if (f == NULL) {
		err_mem(e);
		return NULL;
	}
	f->store = *store;
	f->dir = (struct file)FILE_CLOSED;
	if (file_remove_tree_at(store, PLACE, e) == 0 && file_make_dir_at(store, PLACE, 0700, e) == 0 &&
	    file_open_dir_at(store, PLACE, &f->dir, e) == 0)
		return f;
	free(f);
	return NULL;
}

/* Bytes of the directories that two paths have in common. */
static size_t common(const char *a, const char *b)
{
	size_t at = 0;

	for (size_t i = 0; a[i] == b[i] && a[i] != '\0'; i++)
		if (a[i] == '/')
			at = i + 1;
	return at;
}

static int make(struct folding *f, struct err *e)
{
	if (mkdirat(f->dir.fd, f->last, 0700) == 0)
		return 0;
	if (errno != EEXIST)
		return err_sys(e, "%s/%s", f->dir.name, f->last);
	err_set(e, R_NAME, "%s: the store's file system takes it for another name, which differs in case or composition alone", f->last);
	return err_hint(e, "put the store on a file system that tells them apart; portable_names at the station keeps them out");
}

int folding_try(struct folding *f, const char *path, struct err *e)
{
	size_t at = common(f->last, path), len = strlen(path);
	const char *slash;

	if (len > PATH_MAX_LEN)
		return err_set(e, ERR_INTERNAL, "\"%s\": too long to be tried", path);
	while ((slash = strchr(path + at, '/')) != NULL) {
		memcpy(f->last, path, (size_t)(slash - path));
		f->last[slash - path] = '\0';
		if (make(f, e) == -1)
			return -1;
		at = (size_t)(slash - path) + 1;
	}
	memcpy(f->last, path, len + 1);
	return make(f, e);
}

int folding_close(struct folding *f, struct err *e)
{
	int rc;

	if (f == NULL)
		return 0;
	rc = file_remove_tree_at(&f->store, PLACE, e);
	file_close(&f->dir);
	free(f);
	return rc;
}

/*
 * Which objects a store has, in order (import/objects.h). objects > receipt. Refuses nothing: names that are no object's
 * are the auditor's to report.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "import/objects_impl.h"
#include "lib/err.h"

#include "lib/banned.h"

struct name {			/* of an object: its bytes, or the mark that they are lost */
	struct digest digest;
	bool lost;
};
struct names {
	struct name *list;
	size_t n, room;
};

/* HEX and the suffix, and nothing else. */
static bool reads(const char *name, const char *suffix, struct digest *out)
{
	return strlen(name) >= DIGEST_HEX && digest_parse(name, DIGEST_HEX, out) == 0 && strcmp(name + DIGEST_HEX, suffix) == 0;
}

static int add(struct names *l, const struct digest *d, bool lost, struct err *e)
{
	if (l->n == l->room) {
		size_t room = l->room == 0 ? 256 : 2 * l->room;
		struct name *more = reallocarray(l->list, room, sizeof *more);

		if (more == NULL)
			return err_mem(e);
		l->list = more;
		l->room = room;
	}
	l->list[l->n++] = (struct name){*d, lost};
	return 0;
}

/* Names of dir with one of the suffixes; `lost` may be NULL. */
static int list(const struct file *dir, const char *suffix, const char *lost, struct names *out, struct err *e)
{
	int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *d = fd == -1 ? NULL : fdopendir(fd);
	const struct dirent *x;
	struct digest digest;

	if (d == NULL) {
		err_sys(e, "%s", dir->name);
		if (fd != -1)
			close(fd);
		return -1;
	}
	while (errno = 0, rc == 0 && (x = readdir(d)) != NULL)
		if (reads(x->d_name, suffix, &digest))
			rc = add(out, &digest, false, e);
		else if (lost != NULL && reads(x->d_name, lost, &digest))
			rc = add(out, &digest, true, e);
	if (rc == 0 && errno != 0)
		rc = err_sys(e, "%s: listing", dir->name);
	closedir(d);
	return rc;
}

/* By digest; bytes come before the mark that they are lost (a healed object has both). */
static int compare(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	int c = digest_compare(&x->digest, &y->digest);

	return c != 0 ? c : x->lost - y->lost;
}

static void sort(struct names *l)
{
	if (l->n > 0)
		qsort(l->list, l->n, sizeof *l->list, compare);
}

int objects_each(const struct objects *o, int (*each)(void *arg, const struct digest *d, bool lost, struct err *e), void *arg,
		 struct err *e)
{
	struct names l = {0};
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < OBJECTS_FANS; i++) {
		const struct file *fan;

		l.n = 0;
		rc = objects_fan(o, i, false, &fan, e);
		if (rc == 0)
			rc = list(fan, "", ".lost", &l, e);
		if (rc == -1)
			break;
		rc = 0;
		sort(&l);
		for (size_t k = 0; rc == 0 && k < l.n; k++)
			if (k == 0 || !digest_equal(&l.list[k - 1].digest, &l.list[k].digest))
				rc = each(arg, &l.list[k].digest, l.list[k].lost, e);
	}
	free(l.list);
	return rc;
}

int objects_each_piece(const struct objects *o, int (*each)(void *arg, const struct digest *d, struct err *e), void *arg,
		       struct err *e)
{
	struct file dir = FILE_CLOSED;
	struct err cause = {0};
	struct names l = {0};
	int rc;

	if (file_open_dir_at(&o->store, OBJECTS_PIECES, &dir, &cause) == -1) {
		if (cause.sys == ENOENT)
			return 0;
		*e = cause;
		return -1;
	}
	rc = list(&dir, ".map", NULL, &l, e);
	sort(&l);
	for (size_t k = 0; rc == 0 && k < l.n; k++)
		rc = each(arg, &l.list[k].digest, e);
	free(l.list);
	file_close(&dir);
	return rc;
}

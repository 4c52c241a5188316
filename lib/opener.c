/*
 * Opening many files that lie near each other. Refuses what lib/file refuses. A directory that is renamed meanwhile is still
 * the one that was opened.
 */
#include "lib/opener.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"

#include "lib/banned.h"

static int enter(struct opener *o, const char *path, size_t len, struct err *e)
{
	char *parent = strndup(path, len);
	int rc;

	opener_close(o);
	if (parent == NULL)
		return err_mem(e);
	rc = file_open_dir_at(o->root, parent, &o->dir, e);
	free(parent);
	o->len = len;
	return rc;
}

int opener_open(struct opener *o, const char *path, struct file *out, struct err *e)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash == NULL ? 0 : (size_t)(slash - path), top = strlen(o->root->name) + 1;

	if (slash == NULL || slash == path)
		return file_open_at(o->root, path, out, e);
	/* the directory's name is the root's, a slash and the path it was opened by */
	if ((o->dir.fd == -1 || o->len != len || memcmp(o->dir.name + top, path, len) != 0) && enter(o, path, len, e) == -1)
		return -1;
	return file_open_at(&o->dir, slash + 1, out, e);
}

void opener_close(struct opener *o)
{
	file_close(&o->dir);
	o->len = 0;
}

/*
 * Where pack reads an object from. keep | SOURCE | volumes.
 * Refuses what is neither kept nor, as it was scanned, under the content root.
 */
#include "export/source.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "export/cache.h"
#include "export/select.h"
#include "export/station.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/path.h"
#include "lib/progress.h"
#include "manifests/names.h"
#include "manifests/reason.h"

#include "lib/banned.h"

int source_blame(const struct station *s, const struct selection *sel, size_t i, int reason, const char *text, struct err *e)
{
	const struct cargo_object *o = cargo_at(&sel->cargo, i);
	char path[2 * PATH_MAX_LEN + 2], name[80];
	struct err ignore = {0};

	if (o->path)
		err_set(e, reason, "%s: %s", o->path, text);
	else if (i >= sel->cargo.documents_n && select_path(s, sel, &o->sha256, path, sizeof path, &ignore) == 0)
		err_set(e, reason, "%s: %s (objects/%s)", path, text, names_object(&o->sha256, name));
	else
		err_set(e, reason, "%s/contents/%s: %s", s->dir.name, names_object(&o->sha256, name), text);
	if (o->path)
		return err_hint(e, "scan again, and approve what is there now");
	return err_hint(e, "the station's copy is lost or damaged: remove what is there, and approve the item again by its name");
}

static int open_document(const struct station *s, const struct cargo_object *o, struct file *out, struct err *e)
{
	char name[80], path[96];

	snprintf(path, sizeof path, "contents/%s", names_object(&o->sha256, name));
	if (file_open_at(&s->dir, path, out, e) == 0)
		return 0;
	return e->reason == ERR_MISSING ? 1 : -1;
}

/* Whether the file is still the one that was hashed, as far as the cache knows. */
static bool unchanged(const struct station *s, const char *path, const struct digest *d, const struct stat *st)
{
	const struct cache_entry *c = NULL;
	struct err ignored = {0};
	bool same = true;

	pthread_mutex_lock(&s->sums->lock);
	if (s->sums->cache != NULL || cache_open(&s->dir, &s->sums->cache, &ignored) == 0)
		c = cache_find(s->sums->cache, path);
	if (c != NULL)
		same = c->kind == CACHE_FILE && digest_equal(&c->sha256, d) &&
		       (!c->trusted || (c->size == (uint64_t)st->st_size && c->inode == st->st_ino &&
					file_same_time(&c->mtime, &st->st_mtim) && file_same_time(&c->ctime, &st->st_ctim)));
	pthread_mutex_unlock(&s->sums->lock);
	return same;
}

static int open_content(const struct station *s, const struct digest *d, uint64_t size, const char *path,
			struct file *out, struct err *e)
{
	struct file root = FILE_CLOSED;
	struct err cause = {0};
	struct stat st;
	int rc = file_open_dir(s->config.content, &root, e);

	if (rc == 0)
		rc = file_open_at(&root, path, out, &cause);
	file_close(&root);
	if (cause.reason == ERR_MISSING)
		return 1;
	if (cause.reason != ERR_NONE)
		*e = cause;
	if (rc == -1 || file_stat(out, &st, e) == -1)
		return -1;
	if ((uint64_t)st.st_size == size && unchanged(s, path, d, &st))
		return 0;
	file_close(out);
	err_set(e, R_CONTENT_CHANGED, "%s: is no longer what was scanned", path);
	return err_hint(e, "run 'scan' and approve what you find");
}

/*
 * An object from STATION/objects; with keep_objects: false, or for what is not approved (--ahead), from the content root at
 * `path`. 0; 1 where it is nowhere; -1. Whoever reads it must hash it: nothing here is trusted.
 */
static int open_object(const struct station *s, const struct digest *d, uint64_t size, const char *path, struct file *out, struct err *e)
{
	char object[96] = "objects/";
	struct err cause = {0};

	names_object(d, object + strlen(object));
	if (file_open_unseen_at(&s->dir, object, out, &cause) == 0)
		return 0;
	if (cause.reason != ERR_MISSING) {
		*e = cause;
		return -1;
	}
	return path == NULL ? 1 : open_content(s, d, size, path, out, e);
}

int source_open(const struct station *s, const struct selection *sel, size_t i, struct file *out, struct err *e)
{
	const struct cargo_object *o = cargo_at(&sel->cargo, i);
	struct err why = {0};
	int rc;

	if (i < sel->cargo.documents_n)
		rc = open_document(s, o, out, &why);
	else
		rc = open_object(s, &o->sha256, o->size, o->path, out, &why);
	if (rc == 0)
		return 0;
	if (rc == 1)
		return source_blame(s, sel, i, o->path ? R_CONTENT_CHANGED : R_STATION_DAMAGED, "is no longer there", e);
	if (e->reason == ERR_NONE)
		*e = why;
	return -1;
}

int source_check(const struct station *s, const struct selection *sel, struct err *e)
{
	struct err all = {0};
	uint64_t n = 0;

	progress_phase("checking files", sel->cargo.n - sel->cargo.documents_n, 0);
	for (size_t i = sel->cargo.documents_n; i < sel->cargo.n; i++) {
		struct file f = FILE_CLOSED;
		struct err why = {0};

		progress_add(1);
		if (!cargo_at(&sel->cargo, i)->path || source_open(s, sel, i, &f, &why) == 0) {
			file_close(&f);
			continue;
		}
		if (n++ == 0)
			all = why;
		else if (n <= 10)
			err_hint(&all, "%s", why.text);
	}
	progress_end();
	if (n == 0)
		return 0;
	if (n > 10)
		err_hint(&all, "and %" PRIu64 " more", n - 10);
	if (e->reason == ERR_NONE)
		*e = all;
	return -1;
}

/*
 * Where pack reads an object from. keep | SOURCE | volumes.
 * Refuses what is neither kept nor, as it was scanned, under the content root.
 */
#include "export/source.h"

#include <inttypes.h>
#include <stdio.h>

#include "export/keep.h"
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
	return err_hint(e, "the station's copy is damaged: remove it, scan and approve the item again");
}

static int open_document(const struct station *s, const struct cargo_object *o, struct file *out, struct err *e)
{
	char name[80], path[96];

	snprintf(path, sizeof path, "contents/%s", names_object(&o->sha256, name));
	if (file_open_at(&s->dir, path, out, e) == 0)
		return 0;
	return e->reason == ERR_MISSING ? 1 : -1;
}

int source_open(const struct station *s, const struct selection *sel, size_t i, struct file *out, struct err *e)
{
	const struct cargo_object *o = cargo_at(&sel->cargo, i);
	struct err why = {0};
	int rc;

	if (i < sel->cargo.documents_n)
		rc = open_document(s, o, out, &why);
	else
		rc = keep_open(s, &o->sha256, o->size, o->path, out, &why);
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

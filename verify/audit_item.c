/*
 * One published item against its contents list (verify/audit_item.h): the records, sorted, beside the walk, sorted, so that
 * memory does not grow with the item. A file is right when it is an object's own inode, whose bytes are judged with the
 * objects, or else when its bytes have the digest. Reports what is missing, of another kind, size, mode, target or digest,
 * and what no record names.
 */
#include "verify/audit_item.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/file_hash.h"
#include "lib/path.h"
#include "lib/progress.h"
#include "lib/walk.h"
#include "manifests/contents.h"
#include "manifests/names.h"
#include "manifests/reason.h"
#include "verify/report.h"
#include "verify/state.h"

#include "lib/banned.h"

#define PERMISSIONS 07777

/*
 * Records come in order of their paths, and so does the walk: a directory that holds something where its entries stand, an
 * empty one where a record of it would.
 */
struct merge {
	struct audit_item *a;
	const struct state_item *item;
	size_t above;		/* length of the item's path without its last component */
	struct contents_reader *reader;
	const struct record *next;	/* NULL: no more */
	bool blind;		/* the list can't be read any further: nothing more is judged */
	char unread[2 * PATH_MAX];	/* what the walk could not read last: whether its records are there can't be told */
};

static void find(struct merge *m, int reason, const char *path, const char *text)
{
	char place[2 * PATH_MAX];

	snprintf(place, sizeof place, "%s/%.*s%s", m->a->place, (int)m->above, m->item->item, path);
	report_finding(m->a->report, reason, place, "%s", text);
}

/* ---- records ---- */

static int advance(struct merge *m, struct err *e)
{
	struct err cause = {0};
	int rc = contents_reader_next(m->reader, &m->next, &cause);

	if (rc == 1)
		return 0;
	m->next = NULL;
	if (rc == 0)
		return 0;
	if (rc == -1 && report_is_fatal(&cause))
		return err_set(e, cause.reason, "%s", cause.text);
	m->blind = true;
	if (rc == 2)
		find(m, R_OBJECT_MISSING, m->item->item + m->above, "a part of its contents list is not in the store");
	else
		find(m, cause.reason, m->item->item + m->above, cause.text);
	return 0;
}

/* ---- one file ---- */

static bool same_inode(const struct audit_item *a, const char *object, const struct stat *st)
{
	struct stat is;

	return fstatat(a->objects->fd, object, &is, AT_SYMLINK_NOFOLLOW) == 0 && is.st_ino == st->st_ino &&
	       is.st_dev == st->st_dev;
}

/* HEX itself must be there whatever the file is: without it nothing can be healed, linked or rolled back to. */
static void check_object(struct merge *m, const struct record *r)
{
	char object[80];
	struct stat st;

	names_object(&r->sha256, object);
	/* what can't be read in objects/ is told once, with the objects */
	if (fstatat(m->a->objects->fd, object, &st, AT_SYMLINK_NOFOLLOW) == -1 && (errno == ENOENT || errno == ENOTDIR))
		find(m, R_OBJECT_MISSING, r->path, "its object is not in the store");
}

/* Whether a file is the inode of HEX or of one of its variants. */
static bool is_object(const struct audit_item *a, const struct record *r, const struct stat *st)
{
	char object[80], variant[112];
	struct stat is;

	names_object(&r->sha256, object);
	snprintf(variant, sizeof variant, "%s%s", object, r->exec ? ".x" : "");
	if (same_inode(a, variant, st))
		return true;
	for (unsigned n = 1; st->st_nlink > 1; n++) {
		snprintf(variant, sizeof variant, "%s%s.%u", object, r->exec ? ".x" : "", n);
		if (fstatat(a->objects->fd, variant, &is, AT_SYMLINK_NOFOLLOW) == -1)
			return false;
		if (is.st_ino == st->st_ino && is.st_dev == st->st_dev)
			return true;
	}
	return false;
}

static int hash_file(const struct walk_entry *w, struct digest *d, struct err *e)
{
	struct file f = FILE_CLOSED;
	int rc = file_open_at(w->parent, w->name, &f, e) == -1 ? -1 : file_hash_once(&f, FILE_HASH_QUIET, d, e);

	file_close(&f);
	return rc;
}

static int judge_file(struct merge *m, const struct record *r, const struct walk_entry *w, struct err *e)
{
	unsigned mode = w->st.st_mode & PERMISSIONS, must = r->exec ? 0555 : 0444;
	struct err cause = {0};
	struct digest d;
	char text[64];

	m->a->files++;
	if (mode != must) {
		snprintf(text, sizeof text, "its mode is %04o, and must be %04o", mode, must);
		find(m, R_STORE_DAMAGED, r->path, text);
	}
	if ((uint64_t)w->st.st_size != r->size) {
		find(m, R_OBJECT_DIGEST, r->path, "its size is not the approved one");
		return 0;
	}
	check_object(m, r);
	if (!is_object(m->a, r, &w->st)) {
		m->a->hashed++;
		if (hash_file(w, &d, &cause) == -1) {
			if (report_is_fatal(&cause))
				return err_set(e, cause.reason, "%s", cause.text);
			find(m, cause.reason, r->path, cause.text);
		} else if (!digest_equal(&d, &r->sha256)) {
			find(m, R_OBJECT_DIGEST, r->path, "its bytes are not the approved ones");
		}
	}
	return 0;
}

static void judge_link(struct merge *m, const struct record *r, const struct walk_entry *w)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(w->parent->fd, w->name, target, sizeof target);

	m->a->links++;
	if (n < 0 || (size_t)n != strlen(r->link) || memcmp(target, r->link, (size_t)n) != 0)
		find(m, R_STORE_DAMAGED, r->path, "the link's target is not the approved one");
}

static int judge(struct merge *m, const struct walk_entry *w, struct err *e)
{
	const struct record *r = m->next;

	if (r->has_file ? !S_ISREG(w->st.st_mode) : !S_ISLNK(w->st.st_mode)) {
		find(m, R_STORE_DAMAGED, r->path, r->has_file ? "it is no regular file" : "it is no link");
		return 0;
	}
	if (r->has_file)
		return judge_file(m, r, w, e);
	judge_link(m, r, w);
	return 0;
}

/* ---- the merge ---- */

static void judge_dir(struct merge *m, const char *path, const struct walk_entry *w)
{
	if ((w->st.st_mode & PERMISSIONS) != 0755)
		find(m, R_STORE_DAMAGED, path, "the directory's mode is not 0755");
}

static bool is_empty(const struct walk_entry *w)
{
	int fd = openat(w->parent->fd, w->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd == -1 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	bool empty = d != NULL;

	if (d == NULL && fd != -1)
		close(fd);
	while (empty && (entry = readdir(d)) != NULL)
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	if (d != NULL)
		closedir(d);
	return empty;
}

/*
 * Whether a record comes before an entry of the walk. Between "a" and "a/" ("a.b" lies there) it depends on whether the
 * directory holds something, and only there that is looked at.
 */
static bool comes_before(const char *record, const char *path, const struct walk_entry *w)
{
	size_t len = strlen(path);

	if (!S_ISDIR(w->st.st_mode) || strncmp(record, path, len) != 0)
		return strcmp(record, path) < 0;
	if (record[len] == '\0')
		return true;	/* a file or link where there is a directory */
	return (unsigned char)record[len] < '/' && !is_empty(w);
}

/* The next record was not met. */
static int lack(struct merge *m, struct err *e)
{
	if (m->unread[0] == '\0' || !path_below(m->next->path, m->unread))
		find(m, R_STORE_DAMAGED, m->next->path, "it is not there");
	return advance(m, e);
}

/* Whether a record speaks for a directory: by listing it, or by lying in it. */
static bool speaks_for(const struct record *r, const char *path)
{
	return path_below(r->path, path) && (r->dir || strcmp(r->path, path) != 0);
}

static enum walk_verdict meet(struct merge *m, const char *path, const struct walk_entry *w, struct err *e)
{
	bool is_dir = S_ISDIR(w->st.st_mode);
	char text[STORE_STRANGER];

	if (store_stranger(m->a->store, &w->st, text))
		find(m, ERR_UNSAFE, path, text);
	while (m->next != NULL) {
		bool same = strcmp(m->next->path, path) == 0;

		if (is_dir && speaks_for(m->next, path)) {
			judge_dir(m, path, w);
			return same && advance(m, e) == -1 ? WALK_STOP : WALK_ON;
		}
		if (!is_dir && !m->next->dir && same)
			return judge(m, w, e) == -1 || advance(m, e) == -1 ? WALK_STOP : WALK_ON;
		if (!same && !comes_before(m->next->path, path, w))
			break;
		if (lack(m, e) == -1)
			return WALK_STOP;
	}
	if (!m->blind)
		find(m, R_STORE_DAMAGED, path, "nothing approved has this name");
	return WALK_SKIP;
}

static enum walk_verdict visit(void *arg, const struct walk_entry *w, struct err *e)
{
	struct merge *m = arg;
	char path[2 * PATH_MAX];

	if (w->leaving)
		return WALK_ON;
	progress_add(1);
	snprintf(path, sizeof path, "%s/%s", m->item->item + m->above, w->path);
	if (w->sys != 0) {
		while (m->next != NULL && strcmp(m->next->path, path) < 0)
			if (lack(m, e) == -1)
				return WALK_STOP;
		find(m, ERR_IO, path, strerror(w->sys));
		snprintf(m->unread, sizeof m->unread, "%s", path);
		return WALK_SKIP;
	}
	return meet(m, path, w, e);
}

static int walk_item(struct merge *m, const struct walk_entry *top, struct err *e)
{
	struct file dir = FILE_CLOSED;
	enum walk_verdict v;
	int rc = 0;

	if (advance(m, e) == -1)
		return -1;
	v = meet(m, m->item->item + m->above, top, e);
	if (v == WALK_STOP)
		return -1;
	if (v == WALK_ON && S_ISDIR(top->st.st_mode)) {
		rc = file_open_dir_at(top->parent, top->name, &dir, e);
		if (rc == 0)
			rc = walk_tree(&dir, PATH_MAX_DEPTH, visit, m, e);
		file_close(&dir);
	}
	return rc;
}

/* What the walk never met is missing. */
static int finish(struct merge *m, struct err *e)
{
	while (m->next != NULL)
		if (lack(m, e) == -1)
			return -1;
	return 0;
}

int audit_item(struct audit_item *a, const struct state_item *item, const struct walk_entry *top, struct err *e)
{
	struct contents_ref ref = {item->contents, item->size, item->files, item->bytes};
	struct merge m = {.a = a, .item = item, .above = (size_t)(path_last(item->item) - item->item)};
	struct err cause = {0};
	int rc;

	rc = contents_reader_open(&ref, item->item, store_fetch, (void *)(uintptr_t)a->store, &m.reader, &cause);
	if (rc == 0) {
		rc = walk_item(&m, top, e) == -1 || finish(&m, e) == -1 ? -1 : 0;
		contents_reader_close(m.reader);
	} else if (rc == 1) {
		find(&m, R_OBJECT_MISSING, item->item + m.above, "its contents list is not in the store");
		rc = 0;
	} else if (report_is_fatal(&cause)) {
		rc = err_set(e, cause.reason, "%s", cause.text);
	} else {
		find(&m, cause.reason, item->item + m.above, cause.text);
		rc = 0;
	}
	return rc;
}

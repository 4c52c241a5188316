/*
 * One published item against its contents list (verify/audit_item.h): the records, sorted, beside the walk, sorted, so that
 * memory does not grow with the item. A file is right when it is an object's own inode, whose bytes are judged with the
 * objects, or else when its bytes have the digest. Reports what is missing, of another kind, size, mode, target or digest,
 * and what no record names.
 */
#include "verify/audit_item.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "lib/file.h"
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
 * Records come in order of their raw paths, the walk in order of paths where a directory's ends in '/'. They differ for
 * listed (empty) directories only: "a" comes as a record before "a.b", as a directory "a/" after it. So a listed
 * directory waits on a stack until its turn; those that wait are prefixes of one another, the longest is next.
 */
struct merge {
	struct audit_item *a;
	const struct state_item *item;
	size_t above;		/* length of the item's path without its last component */
	struct contents_reader *reader;
	const struct record *next;	/* NULL: no more */
	char *waiting[PATH_MAX_LEN];
	size_t waiting_n;
	bool blind;		/* the list can't be read any further: nothing more is judged */
	struct err fatal;
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

/* How a comes before b, where each may stand for a directory (ends in '/'). */
static int order(const char *a, bool a_dir, const char *b, bool b_dir)
{
	size_t n = 0;
	unsigned char x, y;

	while (a[n] != '\0' && a[n] == b[n])
		n++;
	x = (unsigned char)(a[n] == '\0' && a_dir ? '/' : a[n]);
	y = (unsigned char)(b[n] == '\0' && b_dir ? '/' : b[n]);
	return (x > y) - (x < y);
}

/* The path that is expected next in order of the walk, or NULL (none, or m->fatal); *dir: whether it is a listed directory. */
static const char *expected(struct merge *m, bool *dir)
{
	for (;;) {
		const char *top = m->waiting_n > 0 ? m->waiting[m->waiting_n - 1] : NULL;

		*dir = top != NULL && (m->next == NULL || order(top, true, m->next->path, false) < 0);
		if (*dir)
			return top;
		if (m->next == NULL || !m->next->dir)
			return m->next == NULL ? NULL : m->next->path;
		m->waiting[m->waiting_n] = strdup(m->next->path);
		if (m->waiting[m->waiting_n] == NULL) {
			err_mem(&m->fatal);
			return NULL;
		}
		m->waiting_n++;
		if (advance(m, &m->fatal) == -1)
			return NULL;
	}
}

static int consume(struct merge *m, bool dir, struct err *e)
{
	if (dir)
		free(m->waiting[--m->waiting_n]);
	return dir ? 0 : advance(m, e);
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
	if (fstatat(m->a->objects->fd, object, &st, AT_SYMLINK_NOFOLLOW) == -1)
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
	struct digest_ctx *ctx = digest_open(e);
	uint8_t *chunk = malloc(256u << 10);
	int64_t n = -1;

	if (chunk == NULL)
		err_mem(e);
	if (ctx != NULL && chunk != NULL && file_open_at(w->parent, w->name, &f, e) == 0)
		while ((n = file_read(&f, chunk, 256u << 10, e)) > 0)
			digest_update(ctx, chunk, (size_t)n);
	if (n == 0 && digest_final(ctx, d, e) == -1)
		n = -1;
	file_close(&f);
	free(chunk);
	digest_close(ctx);
	return n == 0 ? 0 : -1;
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

static enum walk_verdict meet(struct merge *m, const char *path, const struct walk_entry *w, struct err *e)
{
	bool is_dir = S_ISDIR(w->st.st_mode), dir;
	const char *next;

	while (!m->blind && (next = expected(m, &dir)) != NULL) {
		int c = order(next, dir, path, is_dir);

		if (is_dir && path_below(next, path) && (dir || strcmp(next, path) != 0)) {
			bool listed = strcmp(next, path) == 0;

			judge_dir(m, path, w);
			return listed && consume(m, true, e) == -1 ? WALK_STOP : WALK_ON;
		}
		if (c > 0)
			break;
		if (c == 0)
			return judge(m, w, e) == -1 || consume(m, false, e) == -1 ? WALK_STOP : WALK_ON;
		find(m, R_STORE_DAMAGED, next, "it is not there");
		if (consume(m, dir, e) == -1)
			return WALK_STOP;
	}
	if (m->fatal.reason != ERR_NONE) {
		err_set(e, m->fatal.reason, "%s", m->fatal.text);
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
		find(m, ERR_IO, path, strerror(w->sys));
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
	const char *next;
	bool dir;

	while (!m->blind && (next = expected(m, &dir)) != NULL) {
		find(m, R_STORE_DAMAGED, next, "it is not there");
		if (consume(m, dir, e) == -1)
			return -1;
	}
	return m->fatal.reason == ERR_NONE ? 0 : err_set(e, m->fatal.reason, "%s", m->fatal.text);
}

int audit_item(struct audit_item *a, const struct state_item *item, const struct walk_entry *top, struct err *e)
{
	struct contents_ref ref = {item->contents, item->size, item->files, item->bytes};
	struct merge *m = calloc(1, sizeof *m);
	struct err cause = {0};
	int rc;

	if (m == NULL)
		return err_mem(e);
	m->a = a;
	m->item = item;
	m->above = (size_t)(path_last(item->item) - item->item);
	rc = contents_reader_open(&ref, item->item, store_fetch, (void *)(uintptr_t)a->store, &m->reader, &cause);
	if (rc == 0) {
		rc = walk_item(m, top, e) == -1 || finish(m, e) == -1 ? -1 : 0;
		contents_reader_close(m->reader);
	} else if (rc == 1) {
		find(m, R_OBJECT_MISSING, item->item + m->above, "its contents list is not in the store");
		rc = 0;
	} else if (report_is_fatal(&cause)) {
		rc = err_set(e, cause.reason, "%s", cause.text);
	} else {
		find(m, cause.reason, item->item + m->above, cause.text);
		rc = 0;
	}
	while (m->waiting_n > 0)
		free(m->waiting[--m->waiting_n]);
	free(m);
	return rc;
}

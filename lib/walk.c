/*
 * A walk over a tree in the order of its paths' bytes. Refuses to follow links and to go deeper than it is told; what
 * changes its type while it is looked at is an error of that entry.
 */
#include "lib/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/listing.h"

#include "lib/banned.h"

struct walk {
	enum walk_verdict (*visit)(void *arg, const struct walk_entry *w, struct err *e);
	void *arg;
	unsigned max_depth;
	struct buf path;	/* of the entry at hand */
};

struct name {
	uint32_t at;		/* in names */
	uint16_t len;
	bool is_dir;
};

/* One open directory and its entries in order. */
struct level {
	DIR *stream;
	struct file dir;	/* the stream's descriptor */
	struct buf names;	/* each with its NUL; a directory's with '/' before it, until it is sorted */
	struct name *list;
	size_t count, room;
	struct stat st;
};

static int add(struct level *l, const char *name, bool is_dir, struct err *e)
{
	struct name *n;

	if (l->count == l->room) {
		size_t room = l->room == 0 ? 32 : l->room * 2;
		struct name *list = reallocarray(l->list, room, sizeof *list);

		if (list == NULL)
			return err_mem(e);
		l->list = list;
		l->room = room;
	}
	n = &l->list[l->count++];
	n->at = (uint32_t)l->names.len;	/* buf's limit is below 4 GiB */
	n->len = (uint16_t)strlen(name);
	n->is_dir = is_dir;
	buf_append(&l->names, name, n->len);
	buf_append(&l->names, is_dir ? "/" : "", is_dir ? 2 : 1);
	return buf_ok(&l->names, e);
}

/* Names are compared with their '/' and, before anything longer, their end. */
static int compare(const void *a, const void *b, void *names)
{
	const struct name *x = a, *y = b;

	return strcmp((const char *)names + x->at, (const char *)names + y->at);
}

static bool is_directory(const struct level *l, const struct dirent *d)
{
	struct stat st;

	if (d->d_type != DT_UNKNOWN)
		return d->d_type == DT_DIR;
	return fstatat(l->dir.fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* Whether the directory holds nothing; what can't be read is not called empty. */
static bool is_empty(const struct level *l, const char *name, size_t len)
{
	char own[256];	/* NAME_MAX and a NUL */

	if (len >= sizeof own)
		return false;
	memcpy(own, name, len);
	own[len] = '\0';
	return listing_is_empty(&l->dir, own, NULL) == 1;
}

/*
 * An empty directory is nothing but its own name, and so comes before "NAME.b", where one with entries comes behind.
 * Only those are opened to look that have such a neighbour, which stands right before them. Whether any was found.
 */
static bool settle_empty(struct level *l)
{
	char *names = (char *)l->names.data;
	bool any = false;

	for (size_t i = 1; i < l->count; i++) {
		const struct name *n = &l->list[i];
		const char *before = names + l->list[i - 1].at;

		if (n->is_dir && strncmp(before, names + n->at, n->len) == 0 && (unsigned char)before[n->len] < '/' &&
		    is_empty(l, names + n->at, n->len)) {
			names[n->at + n->len] = '\0';
			any = true;
		}
	}
	return any;
}

/* Reads all names. 0, an errno, or -1 with e set. */
static int list(struct level *l, struct err *e)
{
	struct dirent *d;

	while (errno = 0, (d = readdir(l->stream)) != NULL) {
		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		if (add(l, d->d_name, is_directory(l, d), e) == -1)
			return -1;
	}
	if (errno != 0)
		return errno;
	if (l->count > 0)
		qsort_r(l->list, l->count, sizeof *l->list, compare, l->names.data);
	if (settle_empty(l))
		qsort_r(l->list, l->count, sizeof *l->list, compare, l->names.data);
	return 0;
}

static void leave(struct level *l)
{
	if (l->stream != NULL)
		closedir(l->stream);	/* and with it dir.fd */
	free(l->dir.name);
	free(l->list);
	buf_free(&l->names);
}

static char *join(const char *parent, const char *name)
{
	size_t parent_len = strlen(parent), len = strlen(name);
	char *both;

	if (strcmp(name, ".") == 0)	/* the top itself */
		return strdup(parent);
	both = malloc(parent_len + 1 + len + 1);
	if (both == NULL)
		return NULL;
	memcpy(both, parent, parent_len);
	both[parent_len] = '/';
	memcpy(both + parent_len + 1, name, len + 1);
	return both;
}

/* Opens `name` in parent and lists it. 0, an errno, or -1 with e set; l is to be left in any case. */
static int enter(struct level *l, const struct file *parent, const char *name, struct err *e)
{
	int fd = openat(parent->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	*l = (struct level){.dir = FILE_CLOSED};
	if (fd == -1)
		return errno;
	l->stream = fdopendir(fd);
	if (l->stream == NULL) {
		close(fd);
		return err_mem(e);
	}
	l->dir.fd = fd;
	l->dir.name = join(parent->name, name);
	if (l->dir.name == NULL)
		return err_mem(e);
	if (fstat(fd, &l->st) == -1)
		return errno;
	return list(l, e);
}

static int run(struct walk *w, struct level *l, unsigned depth, unsigned *entries, struct err *e);

/* A directory: listed first, so that one call says whether it can be read; then visited, walked and left. */
static int go_into(struct walk *w, const struct file *parent, struct walk_entry *entry, unsigned depth, struct err *e)
{
	enum walk_verdict verdict;
	struct level l = {.dir = FILE_CLOSED};
	int sys = depth > w->max_depth ? ELOOP : enter(&l, parent, entry->name, e), rc = -1;
	size_t path_len = w->path.len, name_len = strlen(entry->name);
	unsigned entries = 0;

	if (sys == -1)
		goto out;
	entry->sys = sys;
	if (sys == 0)
		entry->st = l.st;
	verdict = w->visit(w->arg, entry, e);
	if (verdict == WALK_STOP)
		goto out;
	if (verdict == WALK_ON && sys == 0) {
		if (run(w, &l, depth, &entries, e) == -1)
			goto out;
		w->path.len = path_len;
		w->path.data[path_len] = '\0';
		entry->path = (const char *)w->path.data;
		entry->name = entry->path + path_len - name_len;
		entry->leaving = true;
		entry->entries = entries;
		if (w->visit(w->arg, entry, e) == WALK_STOP)
			goto out;
	}
	rc = 0;
out:
	leave(&l);
	return rc;
}

/* Visits every entry of l; w->path holds l's own path (nothing at the top) and is changed. */
static int run(struct walk *w, struct level *l, unsigned depth, unsigned *entries, struct err *e)
{
	size_t top = w->path.len;

	for (size_t i = 0; i < l->count; i++) {
		const struct name *n = &l->list[i];
		struct walk_entry entry = {.parent = &l->dir};

		w->path.len = top;
		if (top > 0)
			buf_putc(&w->path, '/');
		buf_append(&w->path, l->names.data + n->at, n->len);
		if (buf_ok(&w->path, e) == -1)
			return -1;
		entry.path = (const char *)w->path.data;
		entry.name = entry.path + w->path.len - n->len;
		(*entries)++;
		if (n->is_dir) {
			if (go_into(w, &l->dir, &entry, depth + 1, e) == -1)
				return -1;
			continue;
		}
		if (fstatat(l->dir.fd, entry.name, &entry.st, AT_SYMLINK_NOFOLLOW) == -1)
			entry.sys = errno;
		else if (S_ISDIR(entry.st.st_mode))	/* was none a moment ago */
			entry.sys = ESTALE;
		if (entry.sys != 0)
			entry.st = (struct stat){0};
		if (w->visit(w->arg, &entry, e) == WALK_STOP)
			return -1;
	}
	return 0;
}

int walk_tree(const struct file *dir, unsigned max_depth,
	      enum walk_verdict (*visit)(void *arg, const struct walk_entry *w, struct err *e), void *arg, struct err *e)
{
	struct walk w = {.visit = visit, .arg = arg, .max_depth = max_depth};
	struct level l;
	unsigned entries = 0;
	int rc = enter(&l, dir, ".", e);

	if (rc > 0) {
		errno = rc;
		rc = err_sys(e, "%s", dir->name);
	} else if (rc == 0) {
		rc = run(&w, &l, 0, &entries, e);
	}
	leave(&l);
	buf_free(&w.path);
	return rc;
}

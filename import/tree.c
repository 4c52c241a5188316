/*
 * A published tree being changed: publish > TREE > objects. Every step is one component beneath an open directory, never
 * through a link. Refuses paths that no contents list may have.
 */
#include "import/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "import/objects.h"
#include "lib/err.h"
#include "lib/path.h"

#include "lib/banned.h"

#define DIR_MODE 0755
#define PERMISSIONS 07777
#define HEALING "healing"

struct level {
	int fds[TREE_TWINS];
	uint64_t which;		/* tells it from all other directories entered */
	size_t end;	/* its path is path[0..end) */
};
struct tree {
	enum tree_pass pass;
	struct objects *o;
	size_t twins;		/* trees that all get the same */
	struct file roots[TREE_TWINS];
	struct level levels[PATH_MAX_DEPTH + 1];	/* levels[0] is the roots, whose fds belong to `roots` */
	size_t depth;
	uint64_t entered;	/* directories so far */
	struct links *links;	/* NULL: names are given at once */
	char path[PATH_MAX_LEN + 1];	/* of the deepest level */
};

struct tree *tree_open(const struct file *dirs, size_t n, enum tree_pass pass, struct objects *o, struct err *e)
{
	struct tree *t = malloc(sizeof *t);

	if (t == NULL) {
		err_mem(e);
		return NULL;
	}
	t->pass = pass;
	t->o = o;
	t->depth = 0;
	t->entered = 0;
	t->links = NULL;
	t->path[0] = '\0';
	t->levels[0] = (struct level){.end = 0};
	for (t->twins = 0; t->twins < n; t->twins++) {
		struct file *root = &t->roots[t->twins];

		*root = (struct file)FILE_CLOSED;
		if (file_open_dir_at(&dirs[t->twins], "tree", root, e) == -1) {
			tree_close(t, e);
			return NULL;
		}
		t->levels[0].fds[t->twins] = root->fd;
	}
	return t;
}

int tree_spread(struct tree *t, struct err *e)
{
	t->links = links_open(t->o, t->twins, e);
	return t->links == NULL ? -1 : 0;
}

/* The directory that work goes on in, of one of the trees, with a name for messages. */
static struct file here(struct tree *t, size_t twin)
{
	return (struct file){t->levels[t->depth].fds[twin], t->depth == 0 ? t->roots[twin].name : t->path};
}

/* Steps up. What removals emptied goes: always tried, since an interrupted run may have removed the entries. */
static int leave(struct tree *t, struct err *e)
{
	struct level *above = &t->levels[t->depth - 1];
	const char *name = t->path + above->end + (above->end > 0);
	int rc = 0;

	for (size_t i = 0; i < t->twins; i++)
		close(t->levels[t->depth].fds[i]);
	if (t->pass == TREE_REMOVE && unlinkat(above->fds[0], name, AT_REMOVEDIR) == -1 && errno != ENOTEMPTY &&
	    errno != EEXIST && errno != ENOENT)
		rc = err_sys(e, "%s/%s", t->roots[0].name, t->path);
	t->depth--;
	t->path[above->end] = '\0';
	return rc;
}

int tree_close(struct tree *t, struct err *e)
{
	int rc = 0;

	if (t == NULL)
		return 0;
	if (links_close(t->links, e) == -1)
		rc = -1;
	while (t->depth > 0)
		if (leave(t, e) == -1)
			rc = -1;
	while (t->twins > 0)
		file_close(&t->roots[--t->twins]);
	free(t);
	return rc;
}

/* Something that is no directory stands where one must be, or another file where a file must be: not the tree that
 * state.yaml speaks of, or an interrupted build of another kind. This tree is not current, so it is put right. */
static int clear(const struct file *dir, const char *name, struct err *e)
{
	return file_remove_tree_at(dir, name, e);
}

static int open_dir(int at, const char *name)
{
	return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Opens a directory, makes it when missing, with its exact mode whatever the umask was: fd or -1. */
static int make_dir(const struct file *dir, const char *name, struct err *e)
{
	struct stat st;
	int fd = open_dir(dir->fd, name);

	if (fd == -1 && (errno == ENOTDIR || errno == ELOOP) && clear(dir, name, e) == -1)
		return -1;
	if (fd == -1) {
		if (mkdirat(dir->fd, name, DIR_MODE) == -1)
			return err_sys(e, "%s/%s", dir->name, name);
		fd = open_dir(dir->fd, name);
	}
	if (fd == -1)
		return err_sys(e, "%s/%s", dir->name, name);
	if (fstat(fd, &st) == 0 && ((st.st_mode & PERMISSIONS) == DIR_MODE || fchmod(fd, DIR_MODE) == 0))
		return fd;
	err_sys(e, "%s/%s: setting its mode", dir->name, name);
	close(fd);
	return -1;
}

/* Opens what is stepped into, of one of the trees: 0; 1 not there (removing only); -1. */
static int open_step(struct tree *t, size_t twin, const char *name, int *fd, struct err *e)
{
	struct file dir = here(t, twin);

	if (t->pass == TREE_ADD) {
		*fd = make_dir(&dir, name, e);
		return *fd == -1 ? -1 : 0;
	}
	*fd = open_dir(dir.fd, name);
	if (*fd != -1)
		return 0;
	return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 1 : err_sys(e, "%s/%s", dir.name, name);
}

/* Steps down into name, which is path[..end) of the tree: 0; 1 not there (removing only); -1. */
static int step(struct tree *t, const char *path, size_t start, size_t end, struct err *e)
{
	struct level next = {.which = t->entered + 1, .end = end};
	char name[PATH_MAX_COMPONENT + 1];

	if (t->depth >= PATH_MAX_DEPTH || end - start > PATH_MAX_COMPONENT || end > PATH_MAX_LEN || end == start)
		return err_set(e, ERR_INTERNAL, "\"%s\": not a path for a published tree", path);
	memcpy(name, path + start, end - start);
	name[end - start] = '\0';
	for (size_t i = 0; i < t->twins; i++) {
		int rc = open_step(t, i, name, &next.fds[i], e);

		if (rc == 0)
			continue;
		while (i > 0)
			close(next.fds[--i]);
		return rc;
	}
	memcpy(t->path, path, end);
	t->path[end] = '\0';
	t->levels[++t->depth] = next;
	t->entered++;
	return 0;
}

static bool within(const struct tree *t, const char *path, size_t len)
{
	size_t end = t->levels[t->depth].end;

	return end == 0 || (end <= len && memcmp(t->path, path, end) == 0 && (end == len || path[end] == '/'));
}

/* Goes to the directory path[..len): 0; 1 not there (removing only); -1. */
static int enter(struct tree *t, const char *path, size_t len, struct err *e)
{
	while (!within(t, path, len))
		if (leave(t, e) == -1)
			return -1;
	for (;;) {
		size_t end = t->levels[t->depth].end, start = end + (end > 0);
		const char *slash;
		int rc;

		if (end >= len)
			return 0;
		slash = memchr(path + start, '/', len - start);
		rc = step(t, path, start, slash == NULL ? len : (size_t)(slash - path), e);
		if (rc != 0)
			return rc;
	}
}

/* Goes to the directory that path's last component stands in. */
static int enter_parent(struct tree *t, const char *path, const char **last, struct err *e)
{
	*last = path_last(path);
	return enter(t, path, *last == path ? 0 : (size_t)(*last - path) - 1, e);
}

/* Whether a failed removal means that something else stands there by now, put there before an interruption. */
static bool replaced(int sys)
{
	return sys == ENOENT || sys == EISDIR || sys == ENOTDIR || sys == ENOTEMPTY || sys == EEXIST;
}

int tree_remove(struct tree *t, const char *path, const struct record *was, struct err *e)
{
	const char *name;
	int rc = enter_parent(t, path, &name, e);

	if (rc != 0)
		return rc == 1 ? 0 : -1;
	if (unlinkat(t->levels[t->depth].fds[0], name, was->dir ? AT_REMOVEDIR : 0) == 0 || replaced(errno))
		return 0;
	return err_sys(e, "%s/%s", t->roots[0].name, path);
}

int tree_remove_all(struct tree *t, const char *path, struct err *e)
{
	const char *name;
	struct file dir;
	int rc = enter_parent(t, path, &name, e);

	if (rc != 0)
		return rc == 1 ? 0 : -1;
	dir = here(t, 0);
	return file_remove_tree_at(&dir, name, e);
}

static int add_file(struct tree *t, const char *name, const struct record *is, struct err *e)
{
	struct file dirs[TREE_TWINS];

	for (size_t i = 0; i < t->twins; i++)
		dirs[i] = here(t, i);
	if (t->links == NULL)
		return links_now(t->o, dirs, t->twins, name, is, e);
	return links_add(t->links, t->levels[t->depth].which, dirs, name, is, e);
}

static bool is_link(const struct file *dir, const char *name, const char *target)
{
	char is[PATH_MAX_LEN + 1];
	ssize_t n = readlinkat(dir->fd, name, is, sizeof is);

	return n >= 0 && (size_t)n == strlen(target) && memcmp(is, target, (size_t)n) == 0;
}

static int add_link(const struct file *dir, const char *name, const char *target, struct err *e)
{
	if (symlinkat(target, dir->fd, name) == 0)
		return 0;
	if (errno == EEXIST) {
		if (is_link(dir, name, target))
			return 0;
		if (clear(dir, name, e) == -1)
			return -1;
		if (symlinkat(target, dir->fd, name) == 0)
			return 0;
	}
	return err_sys(e, "%s/%s", dir->name, name);
}

int tree_add(struct tree *t, const char *path, const struct record *is, struct err *e)
{
	const char *name;

	if (is->dir)
		return enter(t, path, strlen(path), e);
	if (enter_parent(t, path, &name, e) == -1)
		return -1;
	for (size_t i = 0; is->link != NULL && i < t->twins; i++) {
		struct file dir = here(t, i);

		if (add_link(&dir, name, is->link, e) == -1)
			return -1;
	}
	return is->link != NULL ? 0 : add_file(t, name, is, e);
}

/* Puts what was made as via/HEALING under its name, whatever stands there. */
static int put(const struct file *via, const struct file *dir, const char *name, struct err *e)
{
	if (renameat(via->fd, HEALING, dir->fd, name) == 0)
		return 1;
	if (errno != EISDIR && errno != ENOTEMPTY && errno != EEXIST)
		return err_sys(e, "%s/%s", dir->name, name);
	if (clear(dir, name, e) == -1)
		return -1;
	return renameat(via->fd, HEALING, dir->fd, name) == -1 ? err_sys(e, "%s/%s", dir->name, name) : 1;
}

static int clear_healing(const struct file *via, struct err *e)
{
	return unlinkat(via->fd, HEALING, 0) == -1 && errno != ENOENT ? err_sys(e, "%s/" HEALING, via->name) : 0;
}

int tree_heal(struct tree *t, const char *path, const struct record *is, const struct file *via, struct err *e)
{
	const char *name;
	struct file dir;
	struct stat st;
	bool there;
	int rc;

	if (enter_parent(t, path, &name, e) == -1)
		return -1;
	dir = here(t, 0);
	there = fstatat(dir.fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
	if (there) {
		rc = objects_link_is(t->o, &is->sha256, is->exec, &st, e);
		if (rc != 0)
			return rc == 1 ? 0 : -1;
	} else if (errno != ENOENT)
		return err_sys(e, "%s/%s", dir.name, name);
	if (clear_healing(via, e) == -1)
		return -1;
	rc = objects_link(t->o, &is->sha256, is->exec, is->mtime, via, 1, HEALING, e);
	if (rc == 1)	/* damaged bytes are not to be served */
		return clear(&dir, name, e) == -1 ? -1 : there;
	return rc == -1 ? -1 : put(via, &dir, name, e);
}

static int mend_link(struct tree *t, const char *path, const char *target, const struct file *via, struct err *e)
{
	const char *name;
	struct file dir;

	if (enter_parent(t, path, &name, e) == -1)
		return -1;
	dir = here(t, 0);
	if (is_link(&dir, name, target))
		return 0;
	if (clear_healing(via, e) == -1)
		return -1;
	if (symlinkat(target, via->fd, HEALING) == -1)
		return err_sys(e, "%s/" HEALING, via->name);
	return put(via, &dir, name, e);
}

int tree_mend(struct tree *t, const char *path, const struct record *is, const struct file *via, struct err *e)
{
	if (is->dir)
		return enter(t, path, strlen(path), e) == -1 ? -1 : 1;	/* asked for where something was wrong with it */
	return is->link != NULL ? mend_link(t, path, is->link, via, e) : tree_heal(t, path, is, via, e);
}

/*
 * The files of objects, one by one: for checking and for throwing away (import/objects.h). objects > CHECK, PRUNE. A mark is
 * made before what it stands for goes, so that an interruption never loses that an object was received.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "import/arrivals.h"
#include "import/objects_impl.h"
#include "lib/err.h"
#include "lib/listing.h"

#include "lib/banned.h"

struct files {
	struct objects_file *list;
	size_t n, room;
};

/* 0 where the name is none of an object's. */
static bool parse(const char *name, struct objects_file *f)
{
	char lost[OBJECTS_NAME];
	bool exec;

	if (objects_name_parse(name, &f->digest, &exec) == 0) {
		f->kind = name[DIGEST_HEX] == '\0' ? OBJECTS_PLAIN : OBJECTS_VARIANT;
		return true;
	}
	f->kind = OBJECTS_LOST;
	return strlen(name) > DIGEST_HEX && digest_parse(name, DIGEST_HEX, &f->digest) == 0 &&
	       strcmp(name, objects_name_lost(&f->digest, lost)) == 0;
}

static int add(struct files *l, const struct file *fan, unsigned first, const char *name, struct err *e)
{
	struct objects_file f = {0};

	if (!parse(name, &f) || f.digest.bytes[0] != first)
		return 0;
	if (fstatat(fan->fd, name, &f.st, AT_SYMLINK_NOFOLLOW) == -1)
		return err_sys(e, "%s/%s", fan->name, name);
	if (!S_ISREG(f.st.st_mode))
		return 0;
	snprintf(f.path, sizeof f.path, "%02x/%.*s", first & 0xffu, (int)sizeof f.path - 4, name);
	if (l->n == l->room) {
		size_t room = l->room == 0 ? 256 : 2 * l->room;
		struct objects_file *more = reallocarray(l->list, room, sizeof *more);

		if (more == NULL)
			return err_mem(e);
		l->list = more;
		l->room = room;
	}
	l->list[l->n++] = f;
	return 0;
}

static int list(struct files *l, const struct file *fan, unsigned first, struct err *e)
{
	struct listing names;
	const char *name;
	int rc = listing_open(fan, &names, e);

	while (rc == 0 && (rc = listing_next(&names, &name, e)) == 1)
		rc = add(l, fan, first, name, e);
	listing_close(&names);
	return rc;
}

static int compare(const void *a, const void *b)
{
	const struct objects_file *x = a, *y = b;
	int c = digest_compare(&x->digest, &y->digest);

	if (c == 0)
		c = (int)x->kind - (int)y->kind;
	return c != 0 ? c : strcmp(x->path, y->path);
}

int objects_each_file(const struct objects *o, int (*each)(void *arg, const struct objects_file *f, struct err *e), void *arg,
		      struct err *e)
{
	struct files l = {0};
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < OBJECTS_FANS; i++) {
		const struct file *fan;

		l.n = 0;
		rc = objects_fan(o, i, false, &fan, e);
		if (rc == 0)
			rc = list(&l, fan, i, e);
		if (rc == -1)
			break;
		rc = 0;
		if (l.n > 0)
			qsort(l.list, l.n, sizeof *l.list, compare);
		for (size_t k = 0; rc == 0 && k < l.n; k++)
			rc = each(arg, &l.list[k], e);
	}
	free(l.list);
	return rc;
}

static const char *name_of(const struct objects_file *f)
{
	return f->path + 3;
}

int objects_remove(struct objects *o, const struct objects_file *f, struct err *e)
{
	const struct file *fan;

	distinct_free(&o->complete);
	arrivals_forget(o->arrivals);
	if (objects_fan(o, f->digest.bytes[0], true, &fan, e) == -1)
		return -1;
	return unlinkat(fan->fd, name_of(f), 0) == -1 && errno != ENOENT ? err_sys(e, "%s/%s", fan->name, name_of(f)) : 0;
}

/* There may be one already, which nobody may write. */
static int mark(const struct file *fan, const struct digest *d, struct err *e)
{
	char lost[OBJECTS_NAME];
	int fd = openat(fan->fd, objects_name_lost(d, lost), O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0444);

	if (fd == -1)
		return err_sys(e, "%s/%s", fan->name, lost);
	close(fd);
	return 0;
}

int objects_leave_word(struct objects *o, const struct objects_file *f, struct err *e)
{
	const struct file *fan;
	int lost, needed;

	o->fans[f->digest.bytes[0]].fresh = false;
	if (objects_fan(o, f->digest.bytes[0], true, &fan, e) == -1)
		return -1;
	if (f->kind == OBJECTS_PLAIN)
		return mark(fan, &f->digest, e) == -1 ? -1 : objects_void_healed(o, &f->digest, e);
	lost = objects_is_lost(fan, &f->digest, e);
	if (lost != 0)
		return lost == -1 ? -1 : 0;
	needed = objects_needed(o, &f->digest, e);
	return needed == 0 ? objects_heal(o, &f->digest, e) : needed == -1 ? -1 : 0;
}

int objects_remove_piece(struct objects *o, const struct digest *d, struct err *e)
{
	char path[sizeof OBJECTS_PIECES + OBJECTS_NAME], hex[DIGEST_HEX + 1];

	digest_hex(d, hex);
	for (int map = 1; map >= 0; map--) {	/* without its map it is nothing */
		snprintf(path, sizeof path, OBJECTS_PIECES "/%s%s", hex, map ? ".map" : "");
		if (unlinkat(o->store.fd, path, 0) == -1 && errno != ENOENT)
			return err_sys(e, "%s/%s", o->store.name, path);
	}
	return 0;
}

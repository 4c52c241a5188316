/*
 * Storing, names for published files (import/objects.h): OBJECTS > publish. A tree's file is a hard link to an object's
 * inode. Executables, and names beyond what the file system allows for one inode, need inodes of their own: variants
 * HEX.x, HEX.N, HEX.x.N, copied from HEX and hashed while copied. Refuses to pass a damaged object on to a variant.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "import/arrivals.h"
#include "import/objects_impl.h"
#include "lib/err.h"
#include "lib/file_hash.h"
#include "manifests/reason.h"

#include "lib/banned.h"

#define VARIANT "stage/variant"

struct request {		/* what a caller of objects_link wants */
	struct objects *o;
	const struct digest *d;
	bool exec;
	int64_t mtime;
	const struct file *fan;
	const struct file *dirs;	/* in each of which it shall have the name */
	size_t dirs_n, done;
	const char *name;
};
enum linked { LINKED, FULL, LOST, FAILED };

/* Copies HEX into a new file and proves the copy: 0 or -1. */
static int copy(const struct request *r, const struct file *from, const struct file *to, struct err *e)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = r->mtime}};
	struct digest is;

	if (file_copy(from, to, &is, e) == -1)
		return -1;
	if (!digest_equal(&is, r->d)) {
		err_set(e, R_STORE_DAMAGED, "%s: its bytes have another digest than its name", from->name);
		return err_hint(e, "run `satchel-import check`, which sets damaged objects aside");
	}
	return futimens(to->fd, times) == -1 ? err_sys(e, "%s: setting its time", to->name) : 0;
}

/* Opens HEX: 0; 1 lost; -1 (R_STORE_DAMAGED where it isn't there). */
static int open_plain(const struct request *r, struct file *out, struct err *e)
{
	char name[OBJECTS_NAME];
	struct err cause = {0};
	int lost;

	if (file_open_at(r->fan, objects_name(r->d, false, 0, name), out, &cause) == 0)
		return 0;
	if (cause.sys == ENOENT) {
		lost = objects_is_lost(r->fan, r->d, e);
		if (lost != 0)
			return lost;
		return err_set(e, R_STORE_DAMAGED, "%s/%s: an object that was received is gone", r->fan->name, name);
	}
	if (e != NULL && e->reason == ERR_NONE)
		*e = cause;
	return -1;
}

/*
 * Makes a variant while names are being linked: whole and synced before it gets its name, since a name that a tree
 * links to must never be torn, whatever happens. 0; 1 lost; -1.
 */
static int make_alone(const struct request *r, const char *name, struct err *e)
{
	struct file from = FILE_CLOSED, to = FILE_CLOSED;
	const struct objects *o = r->o;
	int rc = open_plain(r, &from, e);

	if (rc != 0)
		return rc;
	rc = -1;
	if (unlinkat(o->store.fd, VARIANT, 0) == -1 && errno != ENOENT) {
		err_sys(e, "%s/" VARIANT, o->store.name);
		goto out;
	}
	if (file_create_at(&o->store, VARIANT, r->exec ? 0555 : 0444, &to, e) == -1 || copy(r, &from, &to, e) == -1 ||
	    file_sync(&to, e) == -1)
		goto out;
	if (renameat(o->store.fd, VARIANT, r->fan->fd, name) == -1)
		err_sys(e, "%s/%s", r->fan->name, name);
	else
		rc = 0;
out:
	if (rc == -1 && to.fd != -1)
		unlinkat(o->store.fd, VARIANT, 0);
	file_close(&to);
	file_close(&from);
	return rc;
}

/* Under its final name: in a run that was interrupted objects_recover finds what is torn. 0; 1 lost; -1. */
static int make_unsynced(const struct request *r, const char *name, struct err *e)
{
	struct file from = FILE_CLOSED, to = FILE_CLOSED;
	int rc = open_plain(r, &from, e);

	if (rc != 0)
		return rc;
	rc = -1;
	if (file_create_at(r->fan, name, 0555, &to, e) == 0) {
		rc = copy(r, &from, &to, e);
		if (rc == -1)
			unlinkat(r->fan->fd, name, 0);
	}
	file_close(&to);
	file_close(&from);
	return rc;
}

static int make(const struct request *r, unsigned n, const char *name, struct err *e)
{
	int rc;

	if (n == 0 && r->o->unsynced && r->o->begun)
		return make_unsynced(r, name, e);
	pthread_mutex_lock(&r->o->making);
	rc = make_alone(r, name, e);
	pthread_mutex_unlock(&r->o->making);
	return rc;
}

/* The name is taken: fine where an interrupted run, or this one, gave it to that very object. */
static enum linked taken(const struct request *r, const struct file *dir, struct err *e)
{
	const char *name = r->name;
	struct stat st;
	int rc;

	if (fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) == -1) {
		err_sys(e, "%s/%s", dir->name, name);
		return FAILED;
	}
	rc = objects_link_is(r->o, r->d, r->exec, &st, e);
	if (rc == 1)
		return LINKED;
	if (rc == 0)
		err_set(e, ERR_FORM, "%s/%s: something else has this name", dir->name, name);
	return FAILED;
}

/* Gives an inode its names, of those not given yet, while it can have more. named: it has some. */
static enum linked give_names(struct request *r, const char *variant, bool named, struct err *e)
{
	for (; r->done < r->dirs_n; r->done++, named = true) {
		const struct file *dir = &r->dirs[r->done];

		if (linkat(r->fan->fd, variant, dir->fd, r->name, 0) == 0)
			continue;
		if (errno == EMLINK && named)
			return FULL;
		if (errno != EEXIST) {
			err_sys(e, "%s/%s: linking %s/%s to it", dir->name, r->name, r->fan->name, variant);
			return FAILED;
		}
		if (taken(r, dir, e) == FAILED)
			return FAILED;
	}
	return LINKED;
}

static enum linked try(struct request *r, unsigned n, struct err *e)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = r->mtime}};
	char variant[OBJECTS_NAME];
	struct stat st;

	objects_name(r->d, r->exec, n, variant);
	/* of what was just written nothing needs to be asked; where it is gone again that is found out below */
	if (!r->exec && n == 0 && arrivals_first_name(r->o->arrivals, r->d) &&
	    utimensat(r->fan->fd, variant, times, AT_SYMLINK_NOFOLLOW) == 0)
		return give_names(r, variant, false, e);
	if (fstatat(r->fan->fd, variant, &st, AT_SYMLINK_NOFOLLOW) == -1) {
		int rc;

		if (errno != ENOENT) {
			err_sys(e, "%s/%s", r->fan->name, variant);
			return FAILED;
		}
		if (!r->exec && n == 0) {	/* HEX itself: says whether it is lost or gone */
			struct file none = FILE_CLOSED;

			rc = open_plain(r, &none, e);
			file_close(&none);
		} else
			rc = make(r, n, variant, e);
		if (rc != 0)
			return rc == 1 ? LOST : FAILED;
		st.st_nlink = 0;	/* made just now, with its time */
	}
	if (st.st_nlink == 1 && st.st_mtim.tv_sec != r->mtime &&
	    utimensat(r->fan->fd, variant, times, AT_SYMLINK_NOFOLLOW) == -1) {
		err_sys(e, "%s/%s: setting its time", r->fan->name, variant);
		return FAILED;
	}
	return give_names(r, variant, st.st_nlink > 1, e);
}

/* The variant that had room for a name of this object a moment ago. */
static unsigned last_variant(struct objects *o, const struct digest *d, bool exec)
{
	unsigned n;

	pthread_mutex_lock(&o->lock);
	n = exec == o->last_exec && digest_equal(d, &o->last) ? o->last_variant : 0;
	pthread_mutex_unlock(&o->lock);
	return n;
}

int objects_link(struct objects *o, const struct digest *d, bool exec, int64_t mtime, const struct file *dirs, size_t dirs_n,
		 const char *name, struct err *e)
{
	struct request r = {.o = o, .d = d, .exec = exec, .mtime = mtime, .dirs = dirs, .dirs_n = dirs_n, .name = name};
	enum linked how = FULL;
	int rc = objects_fan(o, d->bytes[0], true, &r.fan, e);
	unsigned n = 0;

	if (rc == -1)
		return -1;
	if (atomic_load_explicit(&o->last_variant, memory_order_relaxed) > 0)
		n = last_variant(o, d, exec);
	while ((how = try(&r, n, e)) == FULL)
		n++;
	if (how == LINKED && n > 0) {
		pthread_mutex_lock(&o->lock);
		o->last = *d;
		o->last_exec = exec;
		o->last_variant = n;
		pthread_mutex_unlock(&o->lock);
	}
	return how == FAILED ? -1 : how == LOST;
}

void objects_link_unsynced(struct objects *o, bool may)
{
	o->unsynced = may;
}

int objects_variant_lacks(struct objects *o, const struct digest *d, uint64_t *bytes, struct err *e)
{
	char name[OBJECTS_NAME];
	const struct file *fan;
	struct stat st;

	if (objects_fan(o, d->bytes[0], true, &fan, e) == -1)
		return -1;
	if (fstatat(fan->fd, objects_name(d, true, 0, name), &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	*bytes = 0;
	if (fstatat(fan->fd, objects_name(d, false, 0, name), &st, AT_SYMLINK_NOFOLLOW) == 0)
		*bytes = (uint64_t)st.st_blocks * 512;	/* a copy has the same holes */
	return 1;
}

int objects_link_prepare(struct objects *o, const struct digest *d, bool exec, int64_t mtime, struct err *e)
{
	struct request r = {.o = o, .d = d, .exec = exec, .mtime = mtime};
	char name[OBJECTS_NAME];
	struct stat st;

	if (objects_fan(o, d->bytes[0], true, &r.fan, e) == -1)
		return -1;
	if (!exec || fstatat(r.fan->fd, objects_name(d, exec, 0, name), &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return objects_begin(o, e) == -1 ? -1 : make_unsynced(&r, name, e);
}

int objects_link_is(const struct objects *o, const struct digest *d, bool exec, const struct stat *st, struct err *e)
{
	char name[OBJECTS_NAME];
	const struct file *fan;
	struct stat variant;
	int rc = objects_fan(o, d->bytes[0], false, &fan, e);

	if (rc != 0)
		return rc == 1 ? 0 : -1;
	for (unsigned n = 0;; n++) {
		objects_name(d, exec, n, name);
		if (fstatat(fan->fd, name, &variant, AT_SYMLINK_NOFOLLOW) == -1)
			return errno == ENOENT ? 0 : err_sys(e, "%s/%s", fan->name, name);
		if (variant.st_ino == st->st_ino && variant.st_dev == st->st_dev)
			return 1;
	}
}

/* HEX as one more name of the file: 1, 0, -1. */
static int restore_name(const struct request *r, const struct file *from, const struct file *dir, const char *name, struct err *e)
{
	char plain[OBJECTS_NAME];
	struct digest is;

	if (file_hash_once(from, FILE_HASH_QUIET, &is, e) == -1)
		return -1;
	if (!digest_equal(&is, r->d))
		return 0;
	if (fchmod(from->fd, 0444) == -1)
		return err_sys(e, "%s: setting its mode", from->name);
	objects_name(r->d, false, 0, plain);
	return linkat(dir->fd, name, r->fan->fd, plain, 0) == -1 ? err_sys(e, "%s/%s", r->fan->name, plain) : 1;
}

/* HEX as a copy: an executable's inode is of another mode. */
static int restore_copy(const struct request *r, const struct file *from, struct err *e)
{
	struct file to = FILE_CLOSED;
	char plain[OBJECTS_NAME];
	int rc = -1;

	objects_name(r->d, false, 0, plain);
	if (unlinkat(r->o->store.fd, VARIANT, 0) == -1 && errno != ENOENT)
		return err_sys(e, "%s/" VARIANT, r->o->store.name);
	if (file_create_at(&r->o->store, VARIANT, 0444, &to, e) == 0 && copy(r, from, &to, e) == 0 && file_sync(&to, e) == 0)
		rc = renameat(r->o->store.fd, VARIANT, r->fan->fd, plain) == -1 ? err_sys(e, "%s/%s", r->fan->name, plain) : 1;
	if (rc == -1 && to.fd != -1)
		unlinkat(r->o->store.fd, VARIANT, 0);
	file_close(&to);
	return rc;
}

int objects_restore(struct objects *o, const struct digest *d, bool exec, const struct file *dir, const char *name,
		    struct err *e)
{
	struct request r = {.o = o, .d = d, .exec = exec};
	struct file from = FILE_CLOSED;
	struct err why = {0};
	struct stat st;
	int rc = -1;

	if (objects_fan(o, d->bytes[0], true, &r.fan, e) == -1)
		return -1;
	if (file_open_at(dir, name, &from, &why) == 0 && file_stat(&from, &st, &why) == 0) {
		r.mtime = st.st_mtim.tv_sec;
		rc = exec ? restore_copy(&r, &from, &why) : restore_name(&r, &from, dir, name, &why);
	}
	file_close(&from);
	if (rc == 1)
		return objects_heal(o, d, e) == -1 ? -1 : 1;
	if (why.reason == ERR_MEMORY || why.reason == ERR_INTERNAL || why.sys == EMFILE || why.sys == ENFILE)
		return err_set(e, why.reason, "%s", why.text);
	err_clear(&why);
	return 0;
}

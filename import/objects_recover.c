/*
 * Storing, after an interrupted run (import/objects.h): what stage/receiving warns of is hashed again. Looked at is
 * every object and variant that nothing links to; those that a tree still links to were durable before it did. And what stands
 * beside a mark, whatever links to it: a run that set it aside may have been cut off before it was gone. Drops what is
 * torn, sets aside what was received before and is damaged, and nothing else: unknown names are the auditor's to report.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "import/objects_impl.h"
#include "lib/err.h"
#include "lib/file_hash.h"
#include "lib/listing.h"

#include "lib/banned.h"

#define PERMISSIONS 07777
#define DAY 86400

struct recovery {
	struct objects *o;
	struct objects_recovery *ask;
	struct file_hash *hash;
	int64_t since;		/* what was changed last before this was durable before the marker was made */
	bool unsettled;		/* the marker is there */
	bool marks_durable;
};

/* Calls each for every name beneath dir. A directory that isn't there has none. */
static int each_name(const struct file *dir, const char *path,
		     int (*each)(void *arg, const struct file *at, const char *name, struct err *e), void *arg, struct err *e)
{
	struct listing l;
	const char *name;
	int rc = listing_open_maybe(dir, path, &l, e);

	while (rc == 0 && (rc = listing_next(&l, &name, e)) == 1)
		rc = each(arg, &l.dir, name, e);
	listing_close(&l);
	return rc;
}

enum found { FAILED = -1, DAMAGED, WHOLE, UNREADABLE };

/* Whether a file has this digest. Compared with what the device holds: a page whose writing failed looks well in the cache, and the
 * run before may have been told of it. */
static enum found hash(struct recovery *r, const struct file *f, const struct digest *d, struct err *e)
{
	struct err why = {0};
	struct digest is;

	(void)posix_fadvise(f->fd, 0, 0, POSIX_FADV_DONTNEED);
	if (file_hash_run(r->hash, f, &is, &why) == 0)
		return digest_equal(&is, d) ? WHOLE : DAMAGED;
	if (why.reason == ERR_IO)
		return UNREADABLE;
	*e = why;
	return FAILED;
}

static enum found judge(struct recovery *r, const struct file *fan, const char *name, const struct digest *d, struct err *e)
{
	struct file f = FILE_CLOSED;
	enum found found = file_open_at(fan, name, &f, e) == -1 ? FAILED : hash(r, &f, d, e);

	file_close(&f);
	return found;
}

static int drop(const struct file *fan, const char *name, uint64_t *dropped, struct err *e)
{
	(*dropped)++;
	return unlinkat(fan->fd, name, 0) == -1 ? err_sys(e, "%s/%s", fan->name, name) : 0;
}

/*
 * A file that was changed before the marker was made is not torn. Clocks are set, also back, while a run is under way: whatever is not
 * a day older than the marker counts as new, and all does where the marker is of the future.
 */
static int find_since(struct recovery *r, struct err *e)
{
	struct stat st;

	r->since = INT64_MIN;
	if (fstatat(r->o->store.fd, OBJECTS_RECEIVING, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return err_sys(e, "%s/" OBJECTS_RECEIVING, r->o->store.name);
	if (st.st_mtim.tv_sec <= r->ask->now)
		r->since = st.st_mtim.tv_sec - DAY;
	return 0;
}

/* An object that was received before: its damage is no tear. What can't be read may be read again, and is check's to judge. */
static int keep_word(struct recovery *r, const struct digest *d, enum found found, struct err *e)
{
	const struct objects_file f = {.digest = *d, .kind = OBJECTS_PLAIN};

	if (found == DAMAGED)
		return objects_leave_word(r->o, &f, e);	/* with it, it is set aside below */
	r->ask->unread++;
	return 0;
}

/* Whole: its mode is made what it must be (the run may have ended before that). Torn: dropped. */
static int visit(void *arg, const struct file *fan, const char *name, struct err *e)
{
	struct recovery *r = arg;
	struct digest d;
	struct stat st;
	mode_t mode;
	bool exec;
	enum found found;

	if (objects_name_parse(name, &d, &exec) == -1)
		return 0;
	if (fstatat(fan->fd, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return err_sys(e, "%s/%s", fan->name, name);
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
		return 0;
	found = judge(r, fan, name, &d, e);
	if (found == FAILED)
		return -1;
	if (found != WHOLE && name[DIGEST_HEX] == '\0' && st.st_ctim.tv_sec < r->since)
		return keep_word(r, &d, found, e);
	if (found != WHOLE)
		return drop(fan, name, &r->ask->dropped, e);
	mode = exec ? 0555 : 0444;
	if ((st.st_mode & PERMISSIONS) != mode && fchmodat(fan->fd, name, mode, 0) == -1)
		return err_sys(e, "%s/%s: setting its mode", fan->name, name);
	return 0;
}

/* Whether an object has the mark that it is lost, or the note that it was healed: 1, 0, -1. */
static int is_marked(const struct objects *o, const struct file *fan, const struct digest *d, struct err *e)
{
	char path[sizeof OBJECTS_HEALED + OBJECTS_NAME], hex[OBJECTS_NAME];
	int lost = objects_is_lost(fan, d, e);

	if (lost != 0)
		return lost;
	snprintf(path, sizeof path, OBJECTS_HEALED "/%s", objects_name(d, false, 0, hex));
	if (faccessat(o->store.fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	return errno == ENOENT ? 0 : err_sys(e, "%s/%s", o->store.name, path);
}

/* A file of a marked object. */
static int finish(struct recovery *r, const struct file *fan, const char *name, const struct digest *d, struct err *e)
{
	enum found found;
	struct stat st;

	if (fstatat(fan->fd, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return errno == ENOENT ? 0 : err_sys(e, "%s/%s", fan->name, name);
	if (!S_ISREG(st.st_mode))
		return 0;
	found = judge(r, fan, name, d, e);
	if (found == WHOLE)
		return name[DIGEST_HEX] == '\0' ? objects_heal(r->o, d, e) : 0;
	if (found == FAILED || (!r->marks_durable && file_sync_fs(fan, e) == -1))
		return -1;
	r->marks_durable = true;
	return drop(fan, name, &r->ask->aside, e);
}

/*
 * What the interrupted run was setting aside goes. A lost object whose bytes came just before the interruption is healed: its
 * note may be missing.
 */
static int visit_marked(void *arg, const struct file *fan, const char *name, struct err *e)
{
	struct recovery *r = arg;
	char known[OBJECTS_NAME];
	struct digest d;
	bool exec;
	int rc;

	if (objects_name_parse(name, &d, &exec) == 0) {
		rc = name[DIGEST_HEX] == '\0' ? 0 : is_marked(r->o, fan, &d, e);	/* HEX has its turn with HEX.lost */
		return rc == 1 ? finish(r, fan, name, &d, e) : rc;
	}
	if (strlen(name) <= DIGEST_HEX || digest_parse(name, DIGEST_HEX, &d) == -1 ||
	    strcmp(name, objects_name_lost(&d, known)) != 0)
		return 0;
	return finish(r, fan, objects_name(&d, false, 0, known), &d, e);
}

static int each_fan(struct recovery *r, int (*each)(void *arg, const struct file *at, const char *name, struct err *e), struct err *e)
{
	for (unsigned i = 0; i < OBJECTS_FANS; i++) {
		char fan[3];

		snprintf(fan, sizeof fan, "%02x", i);
		if (each_name(&r->o->dir, fan, each, r, e) == -1)
			return -1;
	}
	return 0;
}

/* Notes of former runs. One whose bytes are gone again (torn) is void: the object is simply lost still. */
static int load_healed(void *arg, const struct file *at, const char *name, struct err *e)
{
	struct objects *o = arg;
	struct digest d;
	int needed;

	if (strlen(name) != DIGEST_HEX || digest_parse(name, DIGEST_HEX, &d) == -1)
		return 0;
	needed = objects_needed(o, &d, e);
	if (needed == 0)
		return objects_add_healed(o, &d, e);
	if (needed == 1 && unlinkat(at->fd, name, 0) == -1 && errno != ENOENT)
		return err_sys(e, "%s/%s", at->name, name);
	return needed == -1 ? -1 : 0;
}

/* Whether what is staged under this name is of no use any more: 1, 0, -1. The object is here, having come whole by another way; or the map
 * that says what of it is there is missing, for the run ended before, or its file is. */
static int is_useless(struct objects *o, const struct file *at, const char *name, const struct digest *d, struct err *e)
{
	char other[OBJECTS_NAME];
	int needed = objects_needed(o, d, e);
	bool is_map = strcmp(name + DIGEST_HEX, ".map") == 0;

	if (needed != 1)
		return needed == 0 ? 1 : -1;
	if (!is_map && name[DIGEST_HEX] != '\0')
		return 0;
	objects_name(d, false, 0, other);
	if (!is_map)
		memcpy(other + DIGEST_HEX, ".map", 5);
	if (faccessat(at->fd, other, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return errno == ENOENT ? 1 : err_sys(e, "%s/%s", at->name, other);
}

static int drop_pieces(void *arg, const struct file *at, const char *name, struct err *e)
{
	struct objects *o = arg;
	struct digest d;
	int useless;

	if (strlen(name) < DIGEST_HEX || digest_parse(name, DIGEST_HEX, &d) == -1)
		return 0;
	useless = is_useless(o, at, name, &d, e);
	if (useless == 1 && unlinkat(at->fd, name, 0) == -1 && errno != ENOENT)
		return err_sys(e, "%s/%s", at->name, name);
	return useless == -1 ? -1 : 0;
}

/* Hashes what the marker warns of and what has marks, and takes the marker away once what is left is durable. */
static int rehash(struct recovery *r, struct err *e)
{
	int rc = -1;

	r->hash = file_hash_open(FILE_HASH_QUIET, e);
	if (r->hash != NULL && (!r->unsettled || (find_since(r, e) == 0 && each_fan(r, visit, e) == 0)) &&
	    each_fan(r, visit_marked, e) == 0) {
		r->o->begun = r->unsettled;
		rc = objects_settle(r->o, e);
	}
	file_hash_close(r->hash);
	return rc;
}

int objects_recover(struct objects *o, struct objects_recovery *ask, struct err *e)
{
	struct recovery r = {.o = o, .ask = ask};
	int unsettled = objects_unsettled(o, e);

	r.unsettled = unsettled == 1;
	if (unsettled == -1 || ((r.unsettled || ask->interrupted) && rehash(&r, e) == -1))
		return -1;
	o->healed.n = 0;
	if (each_name(&o->store, OBJECTS_HEALED, load_healed, o, e) == -1)
		return -1;
	return each_name(&o->store, OBJECTS_PIECES, drop_pieces, o, e);
}
